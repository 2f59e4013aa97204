#include <luban/surrogate/posterior.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>
#include <luban/surrogate/detail/factorisation.hpp>

namespace luban::surrogate {

namespace {

[[noreturn]] void not_asked_for(const char* what, const char* request) {
  throw core::LifecycleError({.where = "surrogate.posterior",
                              .expected = std::string("a posterior asked for with `") + request + "`",
                              .received = std::string("one without, which holds no ") + what,
                              .place = {},
                              .hint = std::string("set `") + request + "` when asking for the posterior"});
}

Eigen::VectorXd noise_of(const GaussianPosterior::Moments& moments, VarianceOf of) {
  switch (of) {
    case VarianceOf::run_mean:
      return moments.between_variance;
    case VarianceOf::reading:
      if (moments.within_variance.size() != moments.mean.size()) not_asked_for("variance of a reading", "reading");
      return moments.between_variance + moments.within_variance;
    case VarianceOf::latent:
      break;
  }
  return Eigen::VectorXd::Zero(moments.mean.size());
}

void require_shape(bool right, const char* what, Eigen::Index q) {
  if (right) return;
  throw core::DataError({.where = "surrogate.GaussianPosterior",
                         .expected = std::string(what) + " for each of " + std::to_string(q) + " points",
                         .received = "another length",
                         .place = {},
                         .hint = {}});
}

}  // namespace

Posterior::~Posterior() = default;

GaussianPosterior::GaussianPosterior(std::vector<Moments> responses) : responses_(std::move(responses)) {
  for (const Moments& moments : responses_) {
    const Eigen::Index points = q();
    require_shape(moments.mean.size() == points, "a mean", points);
    require_shape(moments.variance.size() == points, "a variance", points);
    require_shape(moments.between_variance.size() == points, "a between-run variance", points);
    require_shape(moments.within_variance.size() == points || moments.within_variance.size() == 0,
                  "a within-run variance", points);
    require_shape(
        moments.covariance.size() == 0 || (moments.covariance.rows() == points && moments.covariance.cols() == points),
        "a covariance row", points);
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
  if (moments.covariance.rows() != q()) not_asked_for("joint covariance", "joint");
  Eigen::MatrixXd out = moments.covariance;
  out.diagonal() += noise_of(moments, of);
  return out;
}

Eigen::MatrixXd GaussianPosterior::mean_gradient(Eigen::Index response) const {
  const Moments& moments = responses_.at(static_cast<std::size_t>(response));
  if (moments.mean_gradient.rows() != q()) not_asked_for("gradients", "gradients");
  return moments.mean_gradient;
}

Eigen::MatrixXd GaussianPosterior::variance_gradient(Eigen::Index response) const {
  const Moments& moments = responses_.at(static_cast<std::size_t>(response));
  if (moments.variance_gradient.rows() != q()) not_asked_for("gradients", "gradients");
  return moments.variance_gradient;
}

Eigen::MatrixXd GaussianPosterior::quantile(double probability, VarianceOf of) const {
  if (!(probability > 0.0 && probability < 1.0)) {
    throw core::ConfigurationError({.where = "surrogate.quantile",
                                    .expected = "a probability between 0 and 1, both excluded",
                                    .received = std::to_string(probability),
                                    .place = {},
                                    .hint = {}});
  }
  return mean() + core::normal_quantile(probability) * variance(of).cwiseSqrt();
}

Eigen::MatrixXd GaussianPosterior::log_density(const Eigen::MatrixXd& Y, VarianceOf of) const {
  if (Y.rows() != q() || Y.cols() != m()) {
    throw core::DataError({.where = "surrogate.log_density",
                           .expected = std::to_string(q()) + " × " + std::to_string(m()) + " values",
                           .received = std::to_string(Y.rows()) + " × " + std::to_string(Y.cols()),
                           .place = {},
                           .hint = {}});
  }
  const Eigen::ArrayXXd spread = variance(of).array();
  return -0.5 * ((Y - mean()).array().square() / spread + spread.log() + std::log(2.0 * std::numbers::pi));
}

std::vector<Eigen::MatrixXd> GaussianPosterior::sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const {
  if (s < 0) {
    throw core::ConfigurationError({.where = "surrogate.sample",
                                    .expected = "a number of samples",
                                    .received = std::to_string(s),
                                    .place = {},
                                    .hint = {}});
  }
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

}  // namespace luban::surrogate
