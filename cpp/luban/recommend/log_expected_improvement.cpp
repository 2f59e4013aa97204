#include <luban/recommend/log_expected_improvement.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/normal.hpp>

namespace luban::recommend {
namespace {

/// log of an expected improvement and its derivatives by the response's mean and latent standard deviation.
struct LogImprovement {
  double value;
  double by_mean;
  double by_sd;
};

/// Utility ±y: log σ + log h(u), u = ±(mean − best value) / σ; the derivative of σ h by σ is φ(u).
LogImprovement one_sided(double mean, double sd, double sign, double best) {
  const double u = (sign * mean - best) / sd;
  const core::LogH h = core::log_h(u);
  return {std::log(sd) + h.value, sign * h.derivative / sd, (1.0 - u * h.derivative) / sd};
}

/// Utility −|y − t|: E max(0, a − |z|) with z ~ N(m, σ²) = σ [h((a−m)/σ) − 2 h(−m/σ) + h((−a−m)/σ)], taken at |m|.
LogImprovement around_target(double mean, double sd, double target, double best) {
  // A zero band can never be improved on; a hair's breadth keeps the function smooth and points to the target.
  const double a = std::max(-best, 1e-9 * sd);
  const double m = std::abs(mean - target);
  const double sign = mean < target ? -1.0 : 1.0;
  const double half_width = a / sd;
  const double u = -m / sd;
  if (half_width < 1e-4 / (1.0 + std::abs(u))) {  // the tent is narrower than rounding allows: its area times φ
    return {2.0 * std::log(half_width) + std::log(sd) + core::log_normal_density(u), sign * u / sd, (u * u - 1.0) / sd};
  }
  const core::LogH top = core::log_h(u + half_width);
  const core::LogH middle = core::log_h(u);
  const core::LogH low = core::log_h(u - half_width);
  const double middle_share = 2.0 * std::exp(middle.value - top.value);
  const double low_share = std::exp(low.value - top.value);
  const double tent = 1.0 - middle_share + low_share;  // in units of h(u + a/σ)
  // d(σ h(x/σ))/dx = Φ = h·derivative; d/dσ = φ = h (1 − u·derivative).
  const double by_u = top.derivative - middle_share * middle.derivative + low_share * low.derivative;
  const double by_sd = (1.0 - (u + half_width) * top.derivative) - middle_share * (1.0 - u * middle.derivative) +
                       low_share * (1.0 - (u - half_width) * low.derivative);
  return {std::log(sd) + top.value + std::log(tent), -sign * by_u / (tent * sd), by_sd / (tent * sd)};
}

}  // namespace

LogExpectedImprovement::LogExpectedImprovement(Utility utility, double best, std::vector<OutcomeBound> bounds)
    : utility_(utility), best_(best), bounds_(std::move(bounds)) {}

AcquisitionValue LogExpectedImprovement::evaluate(const surrogate::Posterior& posterior, bool gradients) const {
  require_response(utility_.response, posterior.m());
  const Eigen::MatrixXd mean = posterior.mean();
  const Eigen::MatrixXd variance = posterior.variance(surrogate::VarianceOf::latent);
  const Eigen::Index r = utility_.response;
  const double sign = utility_.goal == process::Goal::minimize ? -1.0 : 1.0;
  AcquisitionValue result;
  result.value.resize(mean.rows());
  Eigen::MatrixXd mean_gradient;
  Eigen::MatrixXd variance_gradient;
  if (gradients) {
    mean_gradient = posterior.mean_gradient(r);
    variance_gradient = posterior.variance_gradient(r);
    result.gradient.resize(mean_gradient.rows(), mean_gradient.cols());
  }
  for (Eigen::Index i = 0; i < mean.rows(); ++i) {
    // Where nothing is uncertain the improvement is a step; a spread of rounding size keeps its log finite.
    const double rounding = 1e-12 * (std::abs(mean(i, r)) + std::abs(best_) + std::abs(utility_.target)) + 1e-150;
    const double sd = std::max(std::sqrt(std::max(variance(i, r), 0.0)), rounding);
    const LogImprovement log_ei = utility_.goal == process::Goal::target
                                      ? around_target(mean(i, r), sd, utility_.target, best_)
                                      : one_sided(mean(i, r), sd, sign, best_);
    result.value(i) = log_ei.value;
    if (gradients) {
      result.gradient.row(i) =
          log_ei.by_mean * mean_gradient.row(i) + log_ei.by_sd / (2.0 * sd) * variance_gradient.row(i);
    }
  }
  add_log_probability(posterior, bounds_, gradients, result);
  return result;
}

LogProbabilityFeasible::LogProbabilityFeasible(std::vector<OutcomeBound> bounds) : bounds_(std::move(bounds)) {}

AcquisitionValue LogProbabilityFeasible::evaluate(const surrogate::Posterior& posterior, bool gradients) const {
  AcquisitionValue result;
  result.value = Eigen::VectorXd::Zero(posterior.q());
  if (gradients) {
    const Eigen::MatrixXd shape = posterior.mean_gradient(0);
    result.gradient = Eigen::MatrixXd::Zero(shape.rows(), shape.cols());
  }
  add_log_probability(posterior, bounds_, gradients, result);
  return result;
}

}  // namespace luban::recommend
