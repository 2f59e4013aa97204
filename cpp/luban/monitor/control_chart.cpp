#include <luban/monitor/control_chart.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <luban/monitor/detail/distributions.hpp>
#include <luban/monitor/detail/refuse.hpp>

namespace luban::monitor {

using detail::require;

namespace {

// Mean and standard deviation of the range of two standard normal values.
const double range_mean = 2.0 / std::sqrt(std::numbers::pi);
const double range_sd = std::sqrt(2.0 - 4.0 / std::numbers::pi);

ChartLimits limits_of(double center, double half_width) {
  return {.center = center, .lower = center - half_width, .upper = center + half_width};
}

ChartLimits limits_of_spread(double center, double half_width) {
  return {.center = center, .lower = std::max(0.0, center - half_width), .upper = center + half_width};
}

}  // namespace

IndividualsChart individuals_chart(std::span<const double> values, double width) {
  const char* where = "monitor.individuals_chart";
  require(width > 0.0, where, "above 0", width, "width");
  IndividualsChart out;
  double sum = 0.0;
  double ranges = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      ++out.missing;
      continue;
    }
    sum += values[i];
    if (i == 0 || std::isnan(values[i - 1])) continue;
    ranges += std::abs(values[i] - values[i - 1]);
    ++out.ranges;
  }
  detail::require_data(out.ranges > 0, where, "two values that follow each other", "none");
  const double range = ranges / static_cast<double>(out.ranges);
  out.sigma = range / range_mean;
  out.value =
      limits_of(sum / static_cast<double>(static_cast<std::int64_t>(values.size()) - out.missing), width * out.sigma);
  out.moving_range = limits_of_spread(range, width * range_sd * out.sigma);
  return out;
}

SubgroupChart subgroup_chart(std::span<const double> values, int size, double width) {
  const char* where = "monitor.subgroup_chart";
  require(size >= 2, where, "2 or more", size, "size");
  require(width > 0.0, where, "above 0", width, "width");
  const auto each = static_cast<std::size_t>(size);
  const bool fills = !values.empty() && values.size() % each == 0;
  detail::require_data(fills, where, "subgroups of equal size", std::to_string(values.size()) + " values");
  const bool finite = std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  detail::require_data(finite, where, "finite values", "others");
  SubgroupChart out;
  out.subgroups = static_cast<std::int64_t>(values.size() / each);
  double means = 0.0;
  double sds = 0.0;
  for (std::size_t first = 0; first < values.size(); first += each) {
    double mean = 0.0;
    for (const double value : values.subspan(first, each)) mean += value / size;
    double squares = 0.0;
    for (const double value : values.subspan(first, each)) squares += (value - mean) * (value - mean);
    means += mean;
    sds += std::sqrt(squares / (size - 1.0));
  }
  const double sd = sds / static_cast<double>(out.subgroups);
  const double c4 = detail::c4(size);
  out.sigma = sd / c4;
  out.mean = limits_of(means / static_cast<double>(out.subgroups), width * out.sigma / std::sqrt(size));
  out.sd = limits_of_spread(sd, width * out.sigma * std::sqrt(1.0 - c4 * c4));
  return out;
}

EwmaChart ewma_chart(std::span<const double> values, double center, double sigma, const EwmaOptions& options) {
  const char* where = "monitor.ewma_chart";
  const double weight = options.weight;
  require(weight > 0.0 && weight <= 1.0, where, "above 0, at most 1", weight, "weight");
  require(options.width > 0.0, where, "above 0", options.width, "width");
  require(sigma > 0.0, where, "above 0", sigma, "sigma");
  EwmaChart out;
  double statistic = center;
  double forgotten = 1.0;  // (1 − weight)^(2t)
  for (const double value : values) {
    if (!std::isnan(value)) {
      statistic += weight * (value - statistic);
      forgotten *= (1.0 - weight) * (1.0 - weight);
    }
    const double half_width = options.width * sigma * std::sqrt(weight / (2.0 - weight) * (1.0 - forgotten));
    out.statistic.push_back(statistic);
    out.lower.push_back(center - half_width);
    out.upper.push_back(center + half_width);
  }
  return out;
}

std::vector<std::int64_t> beyond(std::span<const double> values, const ChartLimits& limits) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < limits.lower || values[i] > limits.upper) out.push_back(static_cast<std::int64_t>(i));
  }
  return out;
}

}  // namespace luban::monitor
