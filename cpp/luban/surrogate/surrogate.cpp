#include <luban/surrogate/surrogate.hpp>

#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate {

Surrogate::~Surrogate() = default;

std::unique_ptr<Posterior> Surrogate::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                              const PosteriorRequest& request) const {
  if (request.gradients) {
    throw core::LifecycleError({.where = "surrogate.average",
                                .expected = "a surrogate that averages with gradients",
                                .received = "one of kind \"" + kind() + "\"",
                                .place = {},
                                .hint = "ask without gradients"});
  }
  detail::require_levels(X, weights, "surrogate.average");
  const Eigen::Index levels = weights.size();
  const Eigen::Index q = X.rows() / levels;
  const std::unique_ptr<Posterior> joint = posterior(X, {.gradients = false, .joint = true});
  const Eigen::MatrixXd mean = joint->mean();
  const Eigen::MatrixXd latent = joint->variance(VarianceOf::latent);
  Eigen::MatrixXd select = Eigen::MatrixXd::Zero(q, X.rows());
  for (Eigen::Index i = 0; i < q; ++i) select.row(i).segment(i * levels, levels) = weights.transpose();
  std::vector<GaussianPosterior::Moments> out(static_cast<std::size_t>(joint->m()));
  for (Eigen::Index r = 0; r < joint->m(); ++r) {
    GaussianPosterior::Moments& moments = out[static_cast<std::size_t>(r)];
    const auto added = [&](VarianceOf more, VarianceOf less) -> Eigen::VectorXd {
      const Eigen::VectorXd difference = joint->variance(more).col(r) - joint->variance(less).col(r);
      return select * difference;  // the levels' average: the run effect is shared by a run's readings
    };
    moments.mean = select * mean.col(r);
    moments.covariance = select * joint->covariance(r, VarianceOf::latent) * select.transpose();
    moments.variance = moments.covariance.diagonal();
    moments.between_variance = added(VarianceOf::run_mean, VarianceOf::latent);
    if (request.reading) {
      moments.within_variance =
          added(VarianceOf::reading, VarianceOf::run_mean) +
          detail::level_spread(mean.col(r), latent.col(r), weights, moments.mean, moments.variance);
    }
    if (!request.joint) moments.covariance.resize(0, 0);
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

Eigen::MatrixXd Surrogate::mean(const Eigen::MatrixXd& X) const {
  return posterior(X, {.gradients = false, .joint = false, .reading = false})->mean();
}

std::shared_ptr<const Surrogate> Surrogate::only(const std::vector<Eigen::Index>& /*responses*/) const {
  return nullptr;
}

std::shared_ptr<const Surrogate> Surrogate::smoothed(const Eigen::VectorXd& sd) const {
  detail::require_deviations(sd, encoder().p(), "surrogate.smoothed");
  return nullptr;
}

std::unique_ptr<const SurrogateBeside> Surrogate::beside(const Eigen::MatrixXd& fixed) const {
  return joint_beside(*this, fixed);
}

std::unique_ptr<const SurrogateBeside> Surrogate::average_beside(const Eigen::MatrixXd& fixed,
                                                                 const Eigen::VectorXd& weights) const {
  return joint_average_beside(*this, fixed, weights);
}

}  // namespace luban::surrogate
