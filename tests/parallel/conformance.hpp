#pragma once

#include <functional>
#include <string>
#include <vector>

#include <luban/parallel/communicator.hpp>

namespace luban::parallel {

/// One property that every kind of group must have; called on all ranks.
struct GroupCheck {
  std::string name;
  std::function<void(Communicator&)> run;
};

/// What a Communicator of any kind and size must do.
const std::vector<GroupCheck>& conformance();

/// Runs `body` on `ranks` threads, each with its rank of one group, and waits for them.
void on_threads(int ranks, const std::function<void(Communicator&)>& body);

}  // namespace luban::parallel
