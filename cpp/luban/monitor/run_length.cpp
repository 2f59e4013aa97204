#include <luban/monitor/run_length.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Dense>

#include <luban/monitor/detail/distributions.hpp>
#include <luban/monitor/detail/refuse.hpp>
#include <luban/monitor/detail/resampling.hpp>

namespace luban::monitor {

using detail::normal_cdf;
using detail::require;

namespace {

constexpr double overshoot = 1.166;  // 2 · 0.583, the mean excess of a normal walk over a boundary (Siegmund 1985)

/// Run length of one side from zero on `states` values of the sum: 0 and the middles of equal intervals.
double one_sided(double allowance, double threshold, double shift, int states) {
  const double width = 2.0 * threshold / (2.0 * states - 1.0);
  const double centre = shift - allowance;
  Eigen::MatrixXd A = Eigen::MatrixXd::Identity(states, states);
  for (int i = 0; i < states; ++i) {
    const double from = i * width;
    double below = 0.0;
    for (int j = 0; j < states; ++j) {
      const double upper = normal_cdf((j + 0.5) * width - from - centre);
      A(i, j) -= upper - below;
      below = upper;
    }
  }
  return A.partialPivLu().solve(Eigen::VectorXd::Ones(states))(0);
}

/// The error falls with the square of the width and faster terms: two steps of Richardson's extrapolation.
double one_sided(double allowance, double threshold, double shift) {
  constexpr int states = 40;
  const auto at = [&](double factor) {
    const int count = static_cast<int>(std::lround(states * factor + 0.5 - 0.5 * factor));
    return std::pair(one_sided(allowance, threshold, shift, count), 1.0 / std::pow(2.0 * count - 1.0, 2.0));
  };
  const auto [coarse, w1] = at(1.0);
  const auto [middle, w2] = at(2.0);
  const auto [fine, w3] = at(4.0);
  const double first = (middle * w1 - coarse * w2) / (w1 - w2);
  const double second = (fine * w2 - middle * w3) / (w2 - w3);
  return (second * w1 - first * w3) / (w1 - w3);
}

double both_sides(double up, double down) {
  return 1.0 / (1.0 / up + 1.0 / down);
}

void require_chart(double allowance, double threshold, const char* where) {
  require(allowance >= 0.0 && allowance <= 10.0, where, "0 to 10", allowance, "allowance");
  require(threshold > 0.0 && threshold <= 1000.0, where, "above 0, at most 1000", threshold, "threshold");
}

}  // namespace

double cusum_run_length(double allowance, double threshold, double shift) {
  require_chart(allowance, threshold, "monitor.cusum_run_length");
  return both_sides(one_sided(allowance, threshold, shift), one_sided(allowance, threshold, -shift));
}

double siegmund_run_length(double allowance, double threshold, double shift) {
  require_chart(allowance, threshold, "monitor.siegmund_run_length");
  const auto side = [&](double drift) {
    const double height = threshold + overshoot;
    if (std::abs(drift) < 1e-6) return height * height;
    const double exponent = -2.0 * drift * height;
    return (std::expm1(exponent) - exponent) / (2.0 * drift * drift);
  };
  return both_sides(side(shift - allowance), side(-shift - allowance));
}

double cusum_threshold(double allowance, double run_length) {
  require(run_length >= 2.0 && run_length <= 1e6, "monitor.cusum_threshold", "2 to 1e6", run_length, "run_length");
  double low = 1e-3;
  double high = 1.0;
  while (cusum_run_length(allowance, high) < run_length) {
    low = high;
    high *= 2.0;
  }
  for (int i = 0; i < 60 && high - low > 1e-9 * high; ++i) {
    const double middle = 0.5 * (low + high);
    (cusum_run_length(allowance, middle) < run_length ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

RunLength detection_delay(const DriftDetector& detector, double shift, std::int64_t before, core::RandomKey key,
                          const SimulationOptions& options, const core::CallControl& control) {
  const char* where = "monitor.detection_delay";
  require(options.runs >= 2, where, "2 or more", static_cast<double>(options.runs), "runs");
  require(options.longest >= 1, where, "1 or more", static_cast<double>(options.longest), "longest");
  require(before >= 0, where, "0 or more", static_cast<double>(before), "before");
  const std::unique_ptr<DriftDetector> chart = detector.clone();
  detail::Lengths lengths;
  for (std::int64_t run = 0; lengths.count() < options.runs; ++run) {
    control.check(where);
    detail::require_data(run < 20 * options.runs, where, "runs that reach the change without a false alarm",
                         std::to_string(lengths.count()) + " of " + std::to_string(run));
    core::Generator random = key.child(static_cast<std::uint64_t>(run)).generator();
    chart->reset();
    bool early = false;
    for (std::int64_t i = 0; i < before && !early; ++i) early = chart->update(random.normal()) == DriftState::drift;
    if (early) continue;
    std::int64_t length = 0;
    bool alarm = false;
    while (!alarm && length < options.longest) {
      ++length;
      alarm = chart->update(random.normal() + shift) == DriftState::drift;
    }
    lengths.add(static_cast<double>(length), alarm);
  }
  return lengths.summary();
}

RunLength simulated_run_length(const DriftDetector& detector, double shift, core::RandomKey key,
                               const SimulationOptions& options, const core::CallControl& control) {
  return detection_delay(detector, shift, 0, key, options, control);
}

}  // namespace luban::monitor
