#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include <luban/monitor/export.hpp>

namespace luban::monitor {

/// An index with its confidence interval; NaN where a one-sided specification leaves it undefined.
struct CapabilityIndex {
  double value = std::numeric_limits<double>::quiet_NaN();
  double lower = std::numeric_limits<double>::quiet_NaN();
  double upper = std::numeric_limits<double>::quiet_NaN();
};

/// How well a stable process that is near normal keeps a specification.
struct ProcessCapability {
  CapabilityIndex cp;   ///< tolerance / 6 standard deviations within; needs both limits
  CapabilityIndex cpk;  ///< distance to the nearer limit / 3 standard deviations within
  CapabilityIndex pp;   ///< the same with the standard deviation of all values
  CapabilityIndex ppk;
  double mean = 0.0;
  double sd_within = 0.0;
  double sd_overall = 0.0;
  double freedom_within = 0.0;  ///< degrees of freedom of sd_within
  double share_beyond = 0.0;    ///< expected beyond the limits, if normal with sd_overall
  std::int64_t values = 0;
  std::int64_t missing = 0;
};

struct LUBAN_MONITOR_EXPORT CapabilityOptions {
  double lower = -std::numeric_limits<double>::infinity();  ///< specification; infinite = there is none
  double upper = std::numeric_limits<double>::infinity();
  double confidence = 0.95;  ///< of the two-sided intervals, (0, 1)
};

/// Capability of values in the order in which they were made; NaN is missing. The spread within comes from subgroups
/// (`group` holds a number per value, those of one subgroup are the same; pooled), or without them from the mean moving
/// range. Intervals: Cp by the chi-squared distribution of the variance, Cpk by Bissell 1990, Applied Statistics 39;
/// the moving range counts (n − 1)² / (1.6528 n − 2.164) degrees of freedom (Cryer and Ryan 1990, J. Quality Technology
/// 22). Autocorrelated values make the intervals too narrow and the spread within too small.
/// @throws DataError when fewer than 3 values are there, all are the same, or no subgroup holds two; ConfigurationError
/// when no limit is given or they contradict each other.
[[nodiscard]] LUBAN_MONITOR_EXPORT ProcessCapability process_capability(std::span<const double> values,
                                                                        const CapabilityOptions& options,
                                                                        std::span<const std::int64_t> group = {});

}  // namespace luban::monitor
