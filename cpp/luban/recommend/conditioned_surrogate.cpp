#include <utility>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/cholesky.hpp>

namespace luban::recommend {

using surrogate::GaussianPosterior;
using surrogate::Posterior;
using surrogate::PosteriorBeside;
using surrogate::PosteriorRequest;
using surrogate::VarianceOf;

ConditionedSurrogate::ConditionedSurrogate(std::shared_ptr<const surrogate::Surrogate> inner,
                                           const Eigen::MatrixXd& pending)
    : inner_(std::move(inner)), beside_(inner_->beside(pending)) {
  for (Eigen::Index response = 0; response < beside_->fixed().m(); ++response) {
    Eigen::MatrixXd observed = beside_->fixed().covariance(response, VarianceOf::run_mean);
    // Two pending points may coincide without any noise between runs.
    const double scale = observed.diagonal().maxCoeff() + 1e-300;
    const detail::SmallCholesky factor = detail::small_cholesky(observed, scale);
    observed.diagonal().array() += factor.nugget * scale;
    factors_.emplace_back(observed);
    if (!factor.usable) {
      throw core::NumericalError({.where = "recommend.conditioned_surrogate",
                                  .expected = "a positive definite covariance of the pending points",
                                  .received = "one that is not",
                                  .place = inner_->responses()[response].name,
                                  .hint = "report the model: its joint covariance is wrong"});
    }
  }
}

std::unique_ptr<Posterior> ConditionedSurrogate::posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const {
  const std::shared_ptr<const PosteriorBeside> wide = beside_->posterior(X, request);
  std::vector<GaussianPosterior::Moments> moments;
  for (Eigen::Index response = 0; response < wide->m(); ++response) {
    moments.push_back(condition(wide, response, request));
  }
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

GaussianPosterior::Moments ConditionedSurrogate::condition(const std::shared_ptr<const PosteriorBeside>& wide,
                                                           Eigen::Index response,
                                                           const PosteriorRequest& request) const {
  const Eigen::VectorXd latent = wide->variance(VarianceOf::latent).col(response);
  const Eigen::VectorXd run = wide->variance(VarianceOf::run_mean).col(response);
  GaussianPosterior::Moments moments;
  moments.mean = wide->mean().col(response);
  moments.between_variance = run - latent;
  if (request.reading) moments.within_variance = wide->variance(VarianceOf::reading).col(response) - run;
  const Eigen::MatrixXd cross = wide->cross_covariance(response);  // c (q, k)
  const Eigen::MatrixXd weights = factors_[static_cast<std::size_t>(response)].solve(cross.transpose()).transpose();
  moments.variance = (latent - cross.cwiseProduct(weights).rowwise().sum()).cwiseMax(0.0);
  if (request.joint) moments.covariance = wide->covariance(response, VarianceOf::latent) - cross * weights.transpose();
  if (request.gradients) {
    const Eigen::VectorXd one = Eigen::VectorXd::Ones(latent.size());
    moments.mean_gradient = wide->pullback(response, {.mean = one});
    moments.variance_gradient = wide->pullback(response, {.variance = one, .cross = -2.0 * weights});
    moments.between_gradient = wide->between_gradient(response);
  }
  if (request.joint && request.gradients) {
    moments.covariance_gradient = [wide, response, weights](const Eigen::MatrixXd& w) {
      return wide->pullback(response, {.covariance = w, .cross = -2.0 * w * weights});
    };
  }
  return moments;
}

}  // namespace luban::recommend
