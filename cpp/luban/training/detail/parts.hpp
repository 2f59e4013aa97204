#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <luban/training/detail/cell_data.hpp>
#include <luban/training/detail/member.hpp>
#include <luban/training/ensemble_training.hpp>

namespace luban::training {

struct EnsembleTraining::Parts {
  features::Encoder encoder;
  std::vector<features::ResponseColumn> responses;
  detail::CellData cells;
  NeuralEnsembleOptions options;
  core::RandomKey key;
  detail::NetworkShape shape;
  std::string digest;  ///< of all that a member depends on, but its number

  [[nodiscard]] std::string member_name(int member) const;
};

namespace detail {

/// One member to train.
struct MemberTask {
  const EnsembleTraining::Parts* parts = nullptr;
  int member = 0;
};

/// Trains members, at most `threads` (0 = the CPU budget) at a time; those that paused at `until` are nothing.
[[nodiscard]] std::vector<std::optional<TrainedMember>> train_members(
    const std::vector<MemberTask>& tasks, const CheckpointOptions& checkpoint, int threads,
    const core::CallControl& control,
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());

}  // namespace detail
}  // namespace luban::training
