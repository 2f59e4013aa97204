#include <luban/surrogate/detail/transformed_posterior.hpp>

#include <cmath>
#include <limits>
#include <utility>

#include <luban/surrogate/detail/posterior_errors.hpp>

namespace luban::surrogate::detail {

TransformedPosterior::TransformedPosterior(std::unique_ptr<Posterior> inner, const std::vector<NormalMoments>& moments)
    : inner_(std::move(inner)), moments_(moments), reading_(inner_->variance(VarianceOf::reading)) {
  const Eigen::MatrixXd mean = inner_->mean();
  for (Eigen::Index r = 0; r < m(); ++r) {
    std::vector<NormalMoments::Expansion>& of_response = expansions_.emplace_back();
    for (Eigen::Index i = 0; i < q(); ++i) {
      of_response.push_back(moments_[static_cast<std::size_t>(r)].expand(mean(i, r), reading_(i, r)));
    }
  }
}

const NormalMoments::Expansion& TransformedPosterior::expansion(Eigen::Index point, Eigen::Index response) const {
  return expansions_[static_cast<std::size_t>(response)][static_cast<std::size_t>(point)];
}

Eigen::MatrixXd TransformedPosterior::mean() const {
  Eigen::MatrixXd out(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    for (Eigen::Index i = 0; i < q(); ++i) out(i, r) = expansion(i, r).mean;
  }
  return out;
}

Eigen::MatrixXd TransformedPosterior::variance(VarianceOf of) const {
  const Eigen::MatrixXd of_z = inner_->variance(of);
  Eigen::MatrixXd out(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    for (Eigen::Index i = 0; i < q(); ++i) {
      const NormalMoments::Expansion& here = expansion(i, r);
      out(i, r) = moments_[static_cast<std::size_t>(r)].covariance(here, here, of_z(i, r));
    }
  }
  return out;
}

Eigen::MatrixXd TransformedPosterior::covariance(Eigen::Index response, VarianceOf of) const {
  const Eigen::MatrixXd of_z = inner_->covariance(response, VarianceOf::latent);
  const NormalMoments& moments = moments_.at(static_cast<std::size_t>(response));
  Eigen::MatrixXd out(q(), q());
  for (Eigen::Index j = 0; j < q(); ++j) {
    for (Eigen::Index i = j + 1; i < q(); ++i) {
      out(i, j) = moments.covariance(expansion(i, response), expansion(j, response), of_z(i, j));
      out(j, i) = out(i, j);
    }
  }
  out.diagonal() = variance(of).col(response);
  return out;
}

Eigen::MatrixXd TransformedPosterior::mean_gradient(Eigen::Index response) const {
  Eigen::MatrixXd by_mean = inner_->mean_gradient(response);
  const Eigen::MatrixXd by_variance = inner_->variance_gradient(response);
  for (Eigen::Index i = 0; i < q(); ++i) {
    const auto part = moments_[static_cast<std::size_t>(response)].mean_partials(expansion(i, response));
    by_mean.row(i) = part.by_mean * by_mean.row(i) + part.by_variance * by_variance.row(i);
  }
  return by_mean;
}

Eigen::MatrixXd TransformedPosterior::gradient_of_variance(Eigen::Index response, VarianceOf of) const {
  const Eigen::MatrixXd by_mean = inner_->mean_gradient(response);
  Eigen::MatrixXd out = inner_->variance_gradient(response);
  const Eigen::VectorXd of_z = inner_->variance(of).col(response);
  for (Eigen::Index i = 0; i < q(); ++i) {
    const NormalMoments::Expansion& here = expansion(i, response);
    const auto part = moments_[static_cast<std::size_t>(response)].partials(here, here, of_z(i));
    out.row(i) = (part.by_covariance + part.by_variance_a + part.by_variance_b) * out.row(i) +
                 (part.by_mean_a + part.by_mean_b) * by_mean.row(i);
  }
  return out;
}

Eigen::MatrixXd TransformedPosterior::variance_gradient(Eigen::Index response) const {
  return gradient_of_variance(response, VarianceOf::latent);
}

Eigen::MatrixXd TransformedPosterior::covariance_gradient(Eigen::Index response, const Eigen::MatrixXd& weights) const {
  require_weights(weights, q());
  const Eigen::MatrixXd of_z = inner_->covariance(response, VarianceOf::latent);
  const NormalMoments& moments = moments_.at(static_cast<std::size_t>(response));
  Eigen::MatrixXd by_covariance(q(), q());
  Eigen::VectorXd by_mean = Eigen::VectorXd::Zero(q());
  Eigen::VectorXd by_variance = Eigen::VectorXd::Zero(q());
  for (Eigen::Index i = 0; i < q(); ++i) {
    for (Eigen::Index j = 0; j < q(); ++j) {
      const auto part = moments.partials(expansion(i, response), expansion(j, response), of_z(i, j));
      by_covariance(i, j) = weights(i, j) * part.by_covariance;
      by_mean(i) += 2.0 * weights(i, j) * part.by_mean_a;  // each pair stands twice in a symmetric matrix
      by_variance(i) += 2.0 * weights(i, j) * part.by_variance_a;
    }
  }
  return inner_->covariance_gradient(response, 0.5 * (by_covariance + by_covariance.transpose())) +
         by_mean.asDiagonal() * inner_->mean_gradient(response) +
         by_variance.asDiagonal() * inner_->variance_gradient(response);
}

Eigen::MatrixXd TransformedPosterior::between_gradient(Eigen::Index response) const {
  return gradient_of_variance(response, VarianceOf::run_mean) - gradient_of_variance(response, VarianceOf::latent);
}

Eigen::MatrixXd TransformedPosterior::left_out(VarianceOf of) const {
  return (reading_ - inner_->variance(of)).cwiseMax(0.0);
}

Eigen::MatrixXd TransformedPosterior::smoothed(const Eigen::MatrixXd& Z, const Eigen::MatrixXd& left_out) const {
  Eigen::MatrixXd out(Z.rows(), Z.cols());
  for (Eigen::Index r = 0; r < Z.cols(); ++r) {
    const NormalMoments& moments = moments_[static_cast<std::size_t>(r)];
    for (Eigen::Index i = 0; i < Z.rows(); ++i) {
      const bool exact = left_out(i, r) == 0.0;
      out(i, r) = exact ? moments.transform().inverse(Z(i, r)) : moments.smooth(Z(i, r), left_out(i, r)).mean;
    }
  }
  return out;
}

Eigen::MatrixXd TransformedPosterior::quantile(double probability, VarianceOf of) const {
  return smoothed(inner_->quantile(probability, of), left_out(of));
}

Eigen::MatrixXd TransformedPosterior::log_density(const Eigen::MatrixXd& Y, VarianceOf of) const {
  require_responses(Y, q(), m());
  const Eigen::MatrixXd noise = left_out(of);
  Eigen::MatrixXd Z(q(), m());
  Eigen::MatrixXd log_slope(q(), m());  // log dz / dy
  for (Eigen::Index r = 0; r < m(); ++r) {
    const NormalMoments& moments = moments_[static_cast<std::size_t>(r)];
    for (Eigen::Index i = 0; i < q(); ++i) {
      if (noise(i, r) == 0.0) {
        Z(i, r) = moments.transform().forward(Y(i, r));
        log_slope(i, r) = moments.transform().log_jacobian(Y(i, r));
      } else {
        Z(i, r) = moments.inverse_of_smooth(Y(i, r), noise(i, r));
        log_slope(i, r) = -std::log(moments.smooth(Z(i, r), noise(i, r)).slope);
      }
    }
  }
  Eigen::MatrixXd out = inner_->log_density(Z, of) + log_slope;
  for (Eigen::Index r = 0; r < m(); ++r) {
    for (Eigen::Index i = 0; i < q(); ++i) {
      const bool outside = std::isnan(Z(i, r)) && !std::isnan(Y(i, r));
      if (outside) out(i, r) = -std::numeric_limits<double>::infinity();
    }
  }
  return out;
}

std::vector<Eigen::MatrixXd> TransformedPosterior::sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const {
  std::vector<Eigen::MatrixXd> out = inner_->sample(s, key, of);
  const Eigen::MatrixXd noise = left_out(of);
  for (Eigen::MatrixXd& one : out) one = smoothed(one, noise);
  return out;
}

}  // namespace luban::surrogate::detail
