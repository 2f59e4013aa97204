#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/features/encoder.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::surrogate {

/// One way in which observations depart from a surrogate: a variance, how far a departure reaches in each coded input,
/// and how long it lasts.
struct ResidualTerm {
  double variance = 0.0;            ///< ≥ 0, in the response's unit, squared
  Eigen::VectorXd lengths;          ///< (p) > 0; infinite = the same at all values of that input
  double time_constant = INFINITY;  ///< > 0, in the unit of the times; infinite = for ever
};

/// A small Gaussian process on what a surrogate has missed, over inputs and time. The covariance is a sum of terms:
/// variance · exp(−|t − t′| / time constant) · Π exp(−(x − x′)² / 2 length²) over numeric inputs · exp(−Σ [differ] /
/// length) over categorical ones. Const and thread-safe. Hyperparameters are given; `log_likelihood` compares them.
/// Reference: Rasmussen and Williams 2006, chapter 2; forgetting as in Bogunovic, Scarlett and Cevher 2016.
class LUBAN_SURROGATE_EXPORT ResidualProcess {
 public:
  /// @param points (k, p) coded. @param times (k). @param residuals (k) observed − predicted, in the response's unit.
  /// @param noise_variances (k) > 0. @throws DataError on shapes or numbers that do not fit; NumericalError when the
  /// covariance is not positive definite.
  ResidualProcess(features::Encoder encoder, Eigen::MatrixXd points, Eigen::VectorXd times, Eigen::VectorXd residuals,
                  const Eigen::VectorXd& noise_variances, std::vector<ResidualTerm> terms);

  [[nodiscard]] const features::Encoder& encoder() const noexcept { return encoder_; }
  [[nodiscard]] Eigen::Index observations() const noexcept { return points_.rows(); }
  /// Of the residuals, in nats.
  [[nodiscard]] double log_likelihood() const noexcept { return log_likelihood_; }
  /// Whether no term distinguishes the values of this input.
  [[nodiscard]] bool ignores(Eigen::Index column) const;
  /// What the residual is at X (q, p), at one time: latent moments, no noise.
  [[nodiscard]] GaussianPosterior::Moments moments(const Eigen::MatrixXd& X, double time,
                                                   const PosteriorRequest& request = {}) const;

 private:
  [[nodiscard]] CovarianceGradient covariance_gradient(const Eigen::MatrixXd& X, std::vector<Eigen::MatrixXd> each,
                                                       Eigen::MatrixXd solved) const;

  features::Encoder encoder_;
  Eigen::MatrixXd points_;
  Eigen::VectorXd times_;
  std::vector<ResidualTerm> terms_;
  Eigen::MatrixXd precision_;  ///< C⁻¹
  Eigen::VectorXd alpha_;      ///< C⁻¹ residuals
  double log_likelihood_ = 0.0;
};

}  // namespace luban::surrogate
