#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <luban/monitor/export.hpp>

namespace luban::monitor {

/// A Shewhart chart: three standard deviations to both sides, or `width` of them.
struct ChartLimits {
  double center = 0.0;
  double lower = 0.0;
  double upper = 0.0;
};

/// Charts of single values and of the range between neighbours.
struct IndividualsChart {
  ChartLimits value;
  ChartLimits moving_range;
  double sigma = 0.0;       ///< mean moving range / d2(2)
  std::int64_t ranges = 0;  ///< between neighbours that are both there
  std::int64_t missing = 0;
};

/// Charts of the means and standard deviations of subgroups of equal size.
struct SubgroupChart {
  ChartLimits mean;
  ChartLimits sd;
  double sigma = 0.0;  ///< mean standard deviation / c4(size)
  std::int64_t subgroups = 0;
};

/// An exponentially weighted moving average with its limits at every value.
struct EwmaChart {
  std::vector<double> statistic;  ///< at a missing value the last one
  std::vector<double> lower;
  std::vector<double> upper;
};

/// NaN is a missing value; a range needs two neighbours. Source: Montgomery, Statistical Quality Control, ch. 6.
/// @throws DataError when there is no range, ConfigurationError unless width is > 0.
[[nodiscard]] LUBAN_MONITOR_EXPORT IndividualsChart individuals_chart(std::span<const double> values,
                                                                      double width = 3.0);

/// `values` holds one subgroup of `size` values after the other. @throws DataError on values that are not finite or do
/// not fill their subgroups, ConfigurationError unless size is ≥ 2 and width > 0.
[[nodiscard]] LUBAN_MONITOR_EXPORT SubgroupChart subgroup_chart(std::span<const double> values, int size,
                                                                double width = 3.0);

struct LUBAN_MONITOR_EXPORT EwmaOptions {
  double weight = 0.2;  ///< of the newest value, (0, 1]
  double width = 2.86;  ///< in standard deviations, > 0; with weight 0.2 one false alarm in 370 normal values
};

/// Source: Roberts 1959, Technometrics 1; exact limits, which start narrow and widen. `center` and `sigma` are those of
/// single values while stable. @throws ConfigurationError on an option out of range or sigma ≤ 0.
[[nodiscard]] LUBAN_MONITOR_EXPORT EwmaChart ewma_chart(std::span<const double> values, double center, double sigma,
                                                        const EwmaOptions& options = {});

/// Places of the values beyond the limits.
[[nodiscard]] LUBAN_MONITOR_EXPORT std::vector<std::int64_t> beyond(std::span<const double> values,
                                                                    const ChartLimits& limits);

}  // namespace luban::monitor
