#include <luban/recommend/best_mean.hpp>

#include <cmath>
#include <string>

#include <luban/core/error.hpp>

namespace luban::recommend {

BestMean::BestMean(Utility utility, double spread_weight) : utility_(utility), spread_weight_(spread_weight) {
  if (!(spread_weight >= 0.0 && spread_weight <= 10.0)) {
    throw core::ConfigurationError({.where = "recommend.best_mean",
                                    .expected = "a spread weight between 0 and 10",
                                    .received = std::to_string(spread_weight),
                                    .place = {},
                                    .hint = "0 asks for the best mean, 1 to 3 explore"});
  }
}

AcquisitionValue BestMean::evaluate(const surrogate::Posterior& posterior, bool gradients) const {
  const Eigen::Index r = utility_.response;
  require_response(r, posterior.m());
  const Eigen::VectorXd mean = posterior.mean().col(r);
  AcquisitionValue result;
  result.value.resize(mean.size());
  if (gradients) result.gradient = posterior.mean_gradient(r);
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    if (utility_.goal == process::Goal::target) {
      const double miss = mean(i) - utility_.target;
      result.value(i) = -miss * miss;
      if (gradients) result.gradient.row(i) *= -2.0 * miss;
    } else {
      result.value(i) = utility_.of(mean(i));
      if (gradients) result.gradient.row(i) *= utility_.slope(mean(i));
    }
  }
  if (spread_weight_ > 0.0) {
    const Eigen::VectorXd variance = posterior.variance(surrogate::VarianceOf::latent).col(r);
    const Eigen::VectorXd sd = variance.cwiseMax(1e-300).cwiseSqrt();
    result.value += spread_weight_ * sd;
    if (gradients) {
      const Eigen::VectorXd factor = 0.5 * spread_weight_ * sd.cwiseInverse();
      result.gradient += factor.asDiagonal() * posterior.variance_gradient(r);
    }
  }
  return result;
}

}  // namespace luban::recommend
