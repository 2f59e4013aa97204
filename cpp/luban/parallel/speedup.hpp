#pragma once

#include <luban/core/call_control.hpp>
#include <luban/parallel/export.hpp>

namespace luban::parallel {

struct SpeedupOptions {
  int threads = 0;       ///< ≥ 0; 0 = the CPU budget
  double seconds = 0.2;  ///< (0, 3600]: spent on each of the two measurements; 0.2 s is well above timer noise
};

/// What the threads of the budget are really worth on this machine, now.
struct Speedup {
  int threads = 1;
  double serial_per_s = 0.0;    ///< units of a fixed arithmetic task per second on one thread
  double parallel_per_s = 0.0;  ///< the same on `threads` threads together
  [[nodiscard]] double ratio() const noexcept { return parallel_per_s / serial_per_s; }
};

/// Measures one thread against all: a ratio far below the number of threads means that the CPUs are shared or
/// throttled. @throws ConfigurationError on options out of range; StoppedError when asked to stop.
[[nodiscard]] LUBAN_PARALLEL_EXPORT Speedup measure_speedup(const SpeedupOptions& options = {},
                                                            const core::CallControl& control = {});

}  // namespace luban::parallel
