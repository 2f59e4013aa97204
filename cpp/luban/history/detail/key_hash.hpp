#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace luban::history::detail {

/// Hash of a run's number and a repeat; a file may hold any numbers, so that nothing may overflow.
struct KeyHash {
  std::size_t operator()(const std::pair<std::int64_t, std::int64_t>& key) const noexcept {
    return static_cast<std::size_t>(key.first) * 1000003U + static_cast<std::size_t>(key.second);
  }
};

}  // namespace luban::history::detail
