#include <luban/recommend/upper_confidence_bound.hpp>

#include <cmath>
#include <string>

#include <luban/core/error.hpp>

namespace luban::recommend {

UpperConfidenceBound::UpperConfidenceBound(Utility utility, double beta) : utility_(utility), weight_(std::sqrt(beta)) {
  if (beta >= 0.0 && beta <= 100.0) return;
  throw core::ConfigurationError({.where = "recommend.upper_confidence_bound",
                                  .expected = "beta between 0 and 100",
                                  .received = std::to_string(beta),
                                  .place = {},
                                  .hint = "0 asks for the best mean, 1 to 10 explore"});
}

AcquisitionValue UpperConfidenceBound::evaluate(const surrogate::Posterior& posterior, bool gradients) const {
  const Eigen::Index r = utility_.response;
  require_response(r, posterior.m());
  const Eigen::VectorXd mean = posterior.mean().col(r);
  const Eigen::VectorXd sd = posterior.variance(surrogate::VarianceOf::latent).col(r).cwiseMax(1e-300).cwiseSqrt();
  AcquisitionValue out;
  out.value = mean.unaryExpr([this](double y) { return utility_.of(y); }) + weight_ * sd;
  if (gradients) {
    const Eigen::VectorXd slope = mean.unaryExpr([this](double y) { return utility_.slope(y); });
    const Eigen::VectorXd by_variance = 0.5 * weight_ * sd.cwiseInverse();
    out.gradient = slope.asDiagonal() * posterior.mean_gradient(r);
    out.gradient += by_variance.asDiagonal() * posterior.variance_gradient(r);
  }
  return out;
}

}  // namespace luban::recommend
