#include <luban/monitor/capability.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <luban/core/normal.hpp>
#include <luban/monitor/control_chart.hpp>
#include <luban/monitor/detail/distributions.hpp>
#include <luban/monitor/detail/refuse.hpp>

namespace luban::monitor {

using detail::require;

namespace {

constexpr const char* where = "monitor.process_capability";

struct Spread {
  double sd = 0.0;
  double freedom = 0.0;
};

Spread within_subgroups(std::span<const double> values, std::span<const std::int64_t> group) {
  struct Sums {
    double count = 0.0;
    double mean = 0.0;
    double squares = 0.0;
  };
  std::map<std::int64_t, Sums> subgroups;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    Sums& sums = subgroups[group[i]];
    sums.count += 1.0;
    const double step = values[i] - sums.mean;
    sums.mean += step / sums.count;
    sums.squares += step * (values[i] - sums.mean);
  }
  double squares = 0.0;
  Spread out;
  for (const auto& [number, sums] : subgroups) {
    squares += sums.squares;
    out.freedom += sums.count - 1.0;
  }
  detail::require_data(out.freedom > 0.0, where, "a subgroup with two values", "none");
  out.sd = std::sqrt(squares / out.freedom);
  return out;
}

Spread between_neighbours(std::span<const double> values) {
  const IndividualsChart chart = individuals_chart(values);
  const auto n = static_cast<double>(chart.ranges) + 1.0;
  return {.sd = chart.sigma, .freedom = (n - 1.0) * (n - 1.0) / (1.6528 * n - 2.164)};
}

CapabilityIndex tolerance_index(const CapabilityOptions& options, const Spread& spread) {
  if (!std::isfinite(options.lower) || !std::isfinite(options.upper)) return {};
  const double value = (options.upper - options.lower) / (6.0 * spread.sd);
  const double tail = 0.5 * (1.0 - options.confidence);
  const auto factor = [&](double p) {
    return std::sqrt(detail::chi_squared_quantile(p, spread.freedom) / spread.freedom);
  };
  return {.value = value, .lower = value * factor(tail), .upper = value * factor(1.0 - tail)};
}

CapabilityIndex nearer_index(const CapabilityOptions& options, double mean, double n, const Spread& spread) {
  const double value = std::min(options.upper - mean, mean - options.lower) / (3.0 * spread.sd);
  const double z = core::normal_quantile(0.5 + 0.5 * options.confidence);
  const double half_width = z * std::sqrt(1.0 / (9.0 * n) + value * value / (2.0 * spread.freedom));
  return {.value = value, .lower = value - half_width, .upper = value + half_width};
}

}  // namespace

ProcessCapability process_capability(std::span<const double> values, const CapabilityOptions& options,
                                     std::span<const std::int64_t> group) {
  require(options.lower < options.upper, where, "below the upper limit", options.lower, "lower");
  require(std::isfinite(options.lower) || std::isfinite(options.upper), where, "at least one limit", options.upper,
          "lower, upper");
  require(options.confidence > 0.0 && options.confidence < 1.0, where, "above 0, below 1", options.confidence,
          "confidence");
  detail::require_data(group.empty() || group.size() == values.size(), where, "a subgroup for every value",
                       std::to_string(group.size()) + " for " + std::to_string(values.size()));
  ProcessCapability out;
  double squares = 0.0;
  for (const double value : values) {
    if (std::isnan(value)) {
      ++out.missing;
      continue;
    }
    ++out.values;
    const double step = value - out.mean;
    out.mean += step / static_cast<double>(out.values);
    squares += step * (value - out.mean);
  }
  detail::require_data(out.values >= 3 && std::isfinite(squares), where, "three finite values or more",
                       std::to_string(out.values));
  detail::require_data(squares > 0.0, where, "values that differ", "all the same");
  const auto n = static_cast<double>(out.values);
  const Spread overall{.sd = std::sqrt(squares / (n - 1.0)), .freedom = n - 1.0};
  const Spread within = group.empty() ? between_neighbours(values) : within_subgroups(values, group);
  detail::require_data(within.sd > 0.0, where, "values that differ within subgroups", "all the same");
  out.sd_overall = overall.sd;
  out.sd_within = within.sd;
  out.freedom_within = within.freedom;
  out.cp = tolerance_index(options, within);
  out.cpk = nearer_index(options, out.mean, n, within);
  out.pp = tolerance_index(options, overall);
  out.ppk = nearer_index(options, out.mean, n, overall);
  out.share_beyond = detail::normal_cdf((options.lower - out.mean) / overall.sd) +
                     detail::normal_cdf((out.mean - options.upper) / overall.sd);
  return out;
}

}  // namespace luban::monitor
