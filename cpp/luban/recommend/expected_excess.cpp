#include <luban/recommend/expected_excess.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/normal.hpp>

namespace luban::recommend {

ExpectedExcess::ExpectedExcess(std::vector<OutcomeBound> bounds) : bounds_(std::move(bounds)) {}

AcquisitionValue ExpectedExcess::evaluate(const surrogate::Posterior& posterior, bool gradients) const {
  AcquisitionValue result;
  result.value = Eigen::VectorXd::Zero(posterior.q());
  if (gradients) {
    const Eigen::MatrixXd shape = posterior.mean_gradient(0);
    result.gradient = Eigen::MatrixXd::Zero(shape.rows(), shape.cols());
  }
  const Eigen::MatrixXd mean = posterior.mean();
  const Eigen::MatrixXd variance = posterior.variance(surrogate::VarianceOf::run_mean);
  for (const OutcomeBound& bound : bounds_) {
    if (bound.exact) continue;
    require_response(bound.response, posterior.m());
    for (const double sign : {1.0, -1.0}) {
      const double limit = sign > 0.0 ? bound.upper : bound.lower;
      if (!std::isfinite(limit)) continue;
      const double scale = limit != 0.0 ? std::abs(limit) : 1.0;
      Eigen::MatrixXd mean_gradient;
      Eigen::MatrixXd variance_gradient;
      if (gradients) {
        mean_gradient = posterior.mean_gradient(bound.response);
        variance_gradient = posterior.run_variance_gradient(bound.response);
      }
      for (Eigen::Index i = 0; i < mean.rows(); ++i) {
        const double sd = bound.calibration * std::sqrt(std::max(variance(i, bound.response), 1e-300));
        const double u = sign * (mean(i, bound.response) - limit) / sd;
        const core::LogH h = core::log_h(u);
        const double excess = std::exp(h.value);  // in standard deviations
        result.value(i) -= sd * excess / scale;
        if (!gradients) continue;
        const double cdf = h.derivative * excess;
        const double density = excess - u * cdf;
        const double sd_by_variance = bound.calibration * bound.calibration / (2.0 * sd);
        result.gradient.row(i) -=
            (sign * cdf * mean_gradient.row(i) + density * sd_by_variance * variance_gradient.row(i)) / scale;
      }
    }
  }
  return result;
}

}  // namespace luban::recommend
