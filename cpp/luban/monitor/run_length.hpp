#pragma once

#include <cstdint>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/monitor/drift.hpp>
#include <luban/monitor/export.hpp>

namespace luban::monitor {

/// Average run length of a two-sided Cusum on independent normal values of variance one, from its start at zero:
/// values until the first alarm when their mean is `shift`. Each side is a Markov chain on 1, 2 and 4 times as many
/// intervals of [0, threshold], extrapolated (Brook and Evans 1972, Biometrika 59); the sides combine as
/// 1/L = 1/L⁺ + 1/L⁻ (exact: Kemp 1961). @throws ConfigurationError when allowance or threshold is out of range.
[[nodiscard]] LUBAN_MONITOR_EXPORT double cusum_run_length(double allowance, double threshold, double shift = 0.0);

/// The same by a closed formula, within some per cent: Siegmund 1985, Sequential Analysis, with the overshoot 1.166.
[[nodiscard]] LUBAN_MONITOR_EXPORT double siegmund_run_length(double allowance, double threshold, double shift = 0.0);

/// Threshold at which cusum_run_length(allowance, ·) is `run_length`, for one false alarm in as many values.
/// @throws ConfigurationError unless run_length is in [2, 1e6].
[[nodiscard]] LUBAN_MONITOR_EXPORT double cusum_threshold(double allowance, double run_length);

/// A mean over simulated runs.
struct RunLength {
  double mean = 0.0;
  double standard_error = 0.0;
  std::int64_t runs = 0;
  double censored = 0.0;  ///< share of runs that ended without an alarm; they count with the time they lasted
};

struct LUBAN_MONITOR_EXPORT SimulationOptions {
  std::int64_t runs = 2000;       ///< ≥ 2
  std::int64_t longest = 100000;  ///< values after which a run is given up, ≥ 1
};

/// Values from a change to the alarm, when independent normal values of variance one jump from mean 0 to `shift` after
/// `before` values. A run with a false alarm before is not counted; the mean is over the others.
/// @throws ConfigurationError on an option out of range, DataError when nearly every run alarms before the change.
[[nodiscard]] LUBAN_MONITOR_EXPORT RunLength detection_delay(const DriftDetector& detector, double shift,
                                                             std::int64_t before, core::RandomKey key,
                                                             const SimulationOptions& options = {},
                                                             const core::CallControl& control = {});

/// Values until the first alarm on independent normal values of mean `shift`: detection_delay from the very start.
[[nodiscard]] LUBAN_MONITOR_EXPORT RunLength simulated_run_length(const DriftDetector& detector, double shift,
                                                                  core::RandomKey key,
                                                                  const SimulationOptions& options = {},
                                                                  const core::CallControl& control = {});

}  // namespace luban::monitor
