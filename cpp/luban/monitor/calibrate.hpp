#pragma once

#include <cstdint>
#include <span>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/monitor/export.hpp>
#include <luban/monitor/run_length.hpp>

namespace luban::monitor {

struct LUBAN_MONITOR_EXPORT DriftCalibrationOptions {
  double run_length = 1000.0;  ///< wished: values to a false alarm on average, 10 to 1e6
  std::int64_t runs = 2000;    ///< simulated, ≥ 100; the standard error falls with its root
  std::int64_t block = 0;      ///< values that stay together when a series is resampled; 0 = from its correlations
  int parts = 8;               ///< of the series, left out in turn to see how much its own length matters, 4 to 50

  /// @throws ConfigurationError naming the option that is out of range.
  void validate() const;
};

/// A threshold and what it keeps, measured on simulated runs that did not choose it.
struct DriftCalibration {
  double threshold = 0.0;
  RunLength achieved;                  ///< its standard error is that of the simulation alone
  double series_standard_error = 0.0;  ///< of achieved.mean because the series is finite; 0 for normal values
  double standard_error = 0.0;         ///< both together
  std::int64_t block = 1;
  std::int64_t values = 0;  ///< of the series, missing ones not counted; 0 for normal values
  std::int64_t missing = 0;
};

/// Threshold of a detector, its persistence counted in, for independent standard normal values.
/// @throws ConfigurationError on an option out of range.
[[nodiscard]] LUBAN_MONITOR_EXPORT DriftCalibration calibrate_normal(const DriftDetector& detector, core::RandomKey key,
                                                                     const DriftCalibrationOptions& options = {},
                                                                     const core::CallControl& control = {});

/// Threshold for a plant's own residuals from a stretch that people call stable. Values that follow each other are
/// resampled in blocks, so that their correlation stays (moving-block bootstrap: Künsch 1989, Ann. Statist. 17):
/// residuals that wander alarm far more often than independent ones at the same threshold. The longer the wished run
/// length against the series, the larger series_standard_error: believe it.
/// @throws DataError when fewer than 100 values are there or all are the same, ConfigurationError on an option out of
/// range.
[[nodiscard]] LUBAN_MONITOR_EXPORT DriftCalibration calibrate_series(const DriftDetector& detector,
                                                                     std::span<const double> residuals,
                                                                     core::RandomKey key,
                                                                     const DriftCalibrationOptions& options = {},
                                                                     const core::CallControl& control = {});

}  // namespace luban::monitor
