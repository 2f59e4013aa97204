#include <luban/surrogate/posterior.hpp>

#include <cmath>
#include <numbers>
#include <utility>

#include <luban/core/normal.hpp>
#include <luban/surrogate/detail/factorisation.hpp>
#include <luban/surrogate/detail/posterior_errors.hpp>

namespace luban::surrogate {

namespace {

Eigen::VectorXd noise_of(const GaussianPosterior::Moments& moments, VarianceOf of) {
  switch (of) {
    case VarianceOf::run_mean:
      return moments.between_variance;
    case VarianceOf::reading:
      if (moments.within_variance.size() != moments.mean.size()) {
        detail::not_asked_for("variance of a reading", "reading");
      }
      return moments.between_variance + moments.within_variance;
    case VarianceOf::latent:
      break;
  }
  return Eigen::VectorXd::Zero(moments.mean.size());
}

constexpr const char* where = "surrogate.GaussianPosterior";

}  // namespace

Posterior::~Posterior() = default;

Eigen::MatrixXd Posterior::between_gradient(Eigen::Index /*response*/) const {
  return {};
}

Eigen::MatrixXd Posterior::run_variance_gradient(Eigen::Index response) const {
  Eigen::MatrixXd out = variance_gradient(response);
  const Eigen::MatrixXd between = between_gradient(response);
  if (between.size() > 0) out += between;
  return out;
}

GaussianPosterior::GaussianPosterior(std::vector<Moments> responses) : responses_(std::move(responses)) {
  for (const Moments& moments : responses_) {
    const Eigen::Index points = q();
    detail::require_each(moments.mean.size() == points, where, "a mean", points);
    detail::require_each(moments.variance.size() == points, where, "a variance", points);
    detail::require_each(moments.between_variance.size() == points, where, "a between-run variance", points);
    detail::require_each(moments.within_variance.size() == points || moments.within_variance.size() == 0, where,
                         "a within-run variance", points);
    detail::require_each(
        moments.covariance.size() == 0 || (moments.covariance.rows() == points && moments.covariance.cols() == points),
        where, "a covariance row", points);
  }
}

Eigen::Index GaussianPosterior::q() const noexcept {
  return responses_.empty() ? 0 : responses_.front().mean.size();
}

Eigen::Index GaussianPosterior::m() const noexcept {
  return static_cast<Eigen::Index>(responses_.size());
}

Eigen::MatrixXd GaussianPosterior::mean() const {
  Eigen::MatrixXd out(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) out.col(r) = responses_[static_cast<std::size_t>(r)].mean;
  return out;
}

Eigen::MatrixXd GaussianPosterior::variance(VarianceOf of) const {
  Eigen::MatrixXd out(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    const Moments& moments = responses_[static_cast<std::size_t>(r)];
    out.col(r) = moments.variance + noise_of(moments, of);
  }
  return out;
}

Eigen::MatrixXd GaussianPosterior::covariance(Eigen::Index response, VarianceOf of) const {
  const Moments& moments = responses_.at(static_cast<std::size_t>(response));
  if (moments.covariance.rows() != q()) detail::not_asked_for("joint covariance", "joint");
  Eigen::MatrixXd out = moments.covariance;
  out.diagonal() += noise_of(moments, of);
  return out;
}

Eigen::MatrixXd GaussianPosterior::mean_gradient(Eigen::Index response) const {
  const Moments& moments = responses_.at(static_cast<std::size_t>(response));
  if (moments.mean_gradient.rows() != q()) detail::not_asked_for("gradients", "gradients");
  return moments.mean_gradient;
}

Eigen::MatrixXd GaussianPosterior::variance_gradient(Eigen::Index response) const {
  const Moments& moments = responses_.at(static_cast<std::size_t>(response));
  if (moments.variance_gradient.rows() != q()) detail::not_asked_for("gradients", "gradients");
  return moments.variance_gradient;
}

Eigen::MatrixXd GaussianPosterior::between_gradient(Eigen::Index response) const {
  return responses_.at(static_cast<std::size_t>(response)).between_gradient;
}

Eigen::MatrixXd GaussianPosterior::covariance_gradient(Eigen::Index response, const Eigen::MatrixXd& weights) const {
  const Moments& moments = responses_.at(static_cast<std::size_t>(response));
  if (!moments.covariance_gradient) detail::not_asked_for("covariance gradient", "joint and gradients");
  detail::require_weights(weights, q());
  return moments.covariance_gradient(weights);
}

Eigen::MatrixXd GaussianPosterior::quantile(double probability, VarianceOf of) const {
  detail::require_probability(probability);
  return mean() + core::normal_quantile(probability) * variance(of).cwiseSqrt();
}

Eigen::MatrixXd GaussianPosterior::log_density(const Eigen::MatrixXd& Y, VarianceOf of) const {
  detail::require_responses(Y, q(), m());
  const Eigen::ArrayXXd spread = variance(of).array();
  return -0.5 * ((Y - mean()).array().square() / spread + spread.log() + std::log(2.0 * std::numbers::pi));
}

std::vector<Eigen::MatrixXd> GaussianPosterior::sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const {
  detail::require_count(s);
  std::vector<Eigen::MatrixXd> out(static_cast<std::size_t>(s), Eigen::MatrixXd(q(), m()));
  for (Eigen::Index r = 0; r < m(); ++r) {
    const Eigen::MatrixXd lower = detail::factorise(covariance(r, of), "surrogate.sample").lower;
    const Eigen::VectorXd& mean = responses_[static_cast<std::size_t>(r)].mean;
    core::Generator generator = key.child(static_cast<std::uint64_t>(r)).generator();
    Eigen::VectorXd normal(q());
    for (Eigen::MatrixXd& one : out) {
      for (double& value : normal) value = generator.normal();
      one.col(r) = mean + lower.triangularView<Eigen::Lower>() * normal;
    }
  }
  return out;
}

GaussianPosterior::Moments moments_of(const std::shared_ptr<const Posterior>& whole, Eigen::Index response,
                                      const PosteriorRequest& request) {
  const Posterior& posterior = *whole;
  GaussianPosterior::Moments out;
  out.mean = posterior.mean().col(response);
  out.variance = posterior.variance(VarianceOf::latent).col(response);
  const Eigen::VectorXd run = posterior.variance(VarianceOf::run_mean).col(response);
  out.between_variance = run - out.variance;
  if (request.reading) out.within_variance = posterior.variance(VarianceOf::reading).col(response) - run;
  if (request.joint) out.covariance = posterior.covariance(response, VarianceOf::latent);
  if (request.gradients) {
    out.mean_gradient = posterior.mean_gradient(response);
    out.variance_gradient = posterior.variance_gradient(response);
    out.between_gradient = posterior.between_gradient(response);
  }
  if (request.joint && request.gradients) {
    out.covariance_gradient = [whole, response](const Eigen::MatrixXd& weights) {
      return whole->covariance_gradient(response, weights);
    };
  }
  return out;
}

}  // namespace luban::surrogate
