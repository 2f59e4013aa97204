#include <luban/evaluation/scores.hpp>

#include <cmath>
#include <numbers>
#include <string>

#include <luban/core/error.hpp>

namespace luban::evaluation {

const std::array<Metric, 12>& metrics() noexcept {
  static constexpr std::array<Metric, 12> list{{{"readings", &Scores::readings},
                                                {"rmse", &Scores::rmse},
                                                {"mae", &Scores::mae},
                                                {"r2", &Scores::r2},
                                                {"log_density", &Scores::log_density},
                                                {"crps", &Scores::crps},
                                                {"coverage_50", &Scores::coverage_50},
                                                {"coverage_80", &Scores::coverage_80},
                                                {"coverage_90", &Scores::coverage_90},
                                                {"width_50", &Scores::width_50},
                                                {"width_80", &Scores::width_80},
                                                {"width_90", &Scores::width_90}}};
  return list;
}

double gaussian_crps(double y, double mean, double sd) {
  if (sd == 0.0) return std::abs(y - mean);
  const double z = (y - mean) / sd;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
  const double centred = std::erf(z / std::numbers::sqrt2);  // 2 Φ(z) − 1
  return sd * (z * centred + 2.0 * density - 1.0 / std::sqrt(std::numbers::pi));
}

namespace {

constexpr std::array<double Scores::*, 3> coverages{&Scores::coverage_50, &Scores::coverage_80, &Scores::coverage_90};
constexpr std::array<double Scores::*, 3> widths{&Scores::width_50, &Scores::width_80, &Scores::width_90};

void require_lengths(const Eigen::VectorXd& y, const Predictions& predictions, const Eigen::VectorXd& weights) {
  const Eigen::Index n = y.size();
  const bool fit = predictions.mean.size() == n && predictions.sd.size() == n && predictions.log_density.size() == n &&
                   predictions.training_mean.size() == n && weights.size() == n && predictions.lower.rows() == n &&
                   predictions.upper.rows() == n && predictions.lower.cols() == 3 && predictions.upper.cols() == 3;
  if (fit) return;
  throw core::DataError({.where = "evaluation.score",
                         .expected = "predictions and weights for each of " + std::to_string(n) + " readings",
                         .received = std::to_string(predictions.mean.size()) + " predictions and " +
                                     std::to_string(weights.size()) + " weights",
                         .place = {},
                         .hint = {}});
}

}  // namespace

Scores score(const Eigen::VectorXd& y, const Predictions& predictions, const Eigen::VectorXd& weights) {
  require_lengths(y, predictions, weights);
  Scores sums;
  for (const Metric& metric : metrics()) sums.*metric.value = 0.0;
  double squares = 0.0;
  double squares_around_mean = 0.0;
  for (Eigen::Index i = 0; i < y.size(); ++i) {
    const double error = y(i) - predictions.mean(i);
    if (weights(i) <= 0.0 || std::isnan(error)) continue;
    sums.readings += 1.0;
    squares += error * error;
    squares_around_mean += std::pow(y(i) - predictions.training_mean(i), 2.0);
    sums.mae += std::abs(error);
    sums.log_density += predictions.log_density(i);
    sums.crps += gaussian_crps(y(i), predictions.mean(i), predictions.sd(i));
    for (Eigen::Index level = 0; level < 3; ++level) {
      const auto at = static_cast<std::size_t>(level);
      const double low = predictions.lower(i, level);
      const double high = predictions.upper(i, level);
      sums.*coverages[at] += y(i) >= low && y(i) <= high ? 1.0 : 0.0;
      sums.*widths[at] += high - low;
    }
  }
  Scores out;
  out.readings = sums.readings;
  if (sums.readings == 0.0) return out;
  for (const Metric& metric : metrics()) {
    if (metric.value != &Scores::readings) out.*metric.value = sums.*metric.value / sums.readings;
  }
  out.rmse = std::sqrt(squares / sums.readings);
  out.r2 = squares_around_mean > 0.0 ? 1.0 - squares / squares_around_mean : process::no_number;
  return out;
}

}  // namespace luban::evaluation
