#include <luban/recommend/acquisition.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>

namespace luban::recommend {

AcquisitionFunction::~AcquisitionFunction() = default;

double Utility::of(double value) const noexcept {
  switch (goal) {
    case process::Goal::minimize:
      return -value;
    case process::Goal::maximize:
      return value;
    case process::Goal::target:
      return -std::abs(value - target);
  }
  return value;
}

double Utility::slope(double value) const noexcept {
  switch (goal) {
    case process::Goal::minimize:
      return -1.0;
    case process::Goal::maximize:
      return 1.0;
    case process::Goal::target:
      return value > target ? -1.0 : value < target ? 1.0 : 0.0;
  }
  return 1.0;
}

double OutcomeBound::size_of(double limit) const noexcept {
  if (limit == 0.0) return magnitude > 0.0 ? magnitude : 1.0;
  return std::max(std::abs(limit), 1e-6 * magnitude);
}

OutcomeBound::LogProbability OutcomeBound::log_probability(double mean, double uncalibrated_sd) const {
  const double sd = calibration * uncalibrated_sd;
  if (!(sd > 0.0)) {
    const bool holds = mean >= lower && mean <= upper;
    return {holds ? 0.0 : -std::numeric_limits<double>::infinity(), 0.0, 0.0};
  }
  const bool has_lower = std::isfinite(lower);
  const bool has_upper = std::isfinite(upper);
  if (!has_lower && !has_upper) return {};
  // One side: Φ(z) with z the distance to the bound in standard deviations, positive = inside.
  if (has_lower != has_upper) {
    const double sign = has_upper ? 1.0 : -1.0;
    const double z = sign * ((has_upper ? upper : lower) - mean) / sd;
    const double value = core::log_normal_cdf(z);
    const double by_z = std::exp(core::log_normal_density(z) - value);
    return {value, -sign * by_z / sd, -z * by_z / uncalibrated_sd};
  }
  // Both sides: Φ(b) − Φ(a), mirrored to the lower tail where both are small so that the difference keeps its digits.
  double a = (lower - mean) / sd;
  double b = (upper - mean) / sd;
  const bool mirrored = a + b > 0.0;
  if (mirrored) {
    const double old_a = a;
    a = -b;
    b = -old_a;
  }
  const double log_b = core::log_normal_cdf(b);
  const double value = log_b + core::log1mexp(core::log_normal_cdf(a) - log_b);
  const double by_b = std::exp(core::log_normal_density(b) - value);
  const double by_a = -std::exp(core::log_normal_density(a) - value);
  const double sign = mirrored ? -1.0 : 1.0;
  return {value, -sign * (by_a + by_b) / sd, -(a * by_a + b * by_b) / uncalibrated_sd};
}

void require_response(Eigen::Index response, Eigen::Index m) {
  if (response >= 0 && response < m) return;
  throw core::DataError({.where = "recommend.acquisition",
                         .expected = "a posterior of the judged response, index " + std::to_string(response),
                         .received = std::to_string(m) + " responses",
                         .place = {},
                         .hint = "responses are counted from 0, in the surrogate's order"});
}

void add_log_probability(const surrogate::Posterior& posterior, const std::vector<OutcomeBound>& bounds, bool gradients,
                         AcquisitionValue& into) {
  if (bounds.empty()) return;
  const Eigen::MatrixXd mean = posterior.mean();
  const Eigen::MatrixXd variance = posterior.variance(surrogate::VarianceOf::run_mean);
  for (const OutcomeBound& bound : bounds) {
    if (bound.exact) continue;
    require_response(bound.response, posterior.m());
    Eigen::MatrixXd mean_gradient;
    Eigen::MatrixXd variance_gradient;
    if (gradients) {
      mean_gradient = posterior.mean_gradient(bound.response);
      variance_gradient = posterior.run_variance_gradient(bound.response);
    }
    for (Eigen::Index i = 0; i < mean.rows(); ++i) {
      const double sd = std::sqrt(variance(i, bound.response));
      const OutcomeBound::LogProbability p = bound.log_probability(mean(i, bound.response), sd);
      into.value(i) += p.value;
      if (gradients && sd > 0.0) {
        into.gradient.row(i) += p.by_mean * mean_gradient.row(i) + p.by_sd / (2.0 * sd) * variance_gradient.row(i);
      }
    }
  }
}

}  // namespace luban::recommend
