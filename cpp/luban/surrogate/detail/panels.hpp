#pragma once

#include <cstddef>

#include <Eigen/Core>

#include <luban/parallel/arena.hpp>

namespace luban::surrogate::detail {

inline constexpr Eigen::Index panel_columns = 64;           ///< of one task; fixed, so threads change no sum
inline constexpr Eigen::Index least_parallel_points = 240;  ///< below, waking a thread takes longer than it saves

/// Panels of the columns of a matrix (n, n).
[[nodiscard]] inline Eigen::Index panel_count(Eigen::Index n) {
  return (n + panel_columns - 1) / panel_columns;
}

/// Calls body(panel) for each of them, on the threads around us where the work is worth it.
template <typename Body>
void for_each_panel(Eigen::Index n, Body body) {
  const auto panels = static_cast<std::size_t>(panel_count(n));
  const int threads = n < least_parallel_points ? 1 : parallel::concurrency();
  parallel::for_each_index(
      panels, [&](std::size_t p) { body(static_cast<Eigen::Index>(p)); }, threads);
}

}  // namespace luban::surrogate::detail
