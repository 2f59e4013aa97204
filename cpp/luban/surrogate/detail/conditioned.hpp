#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/changed_data.hpp>
#include <luban/surrogate/detail/grown_factor.hpp>

#include <luban/surrogate/detail/log_posterior.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::surrogate::detail {

/// What rounding may take from a variance that is all but known, relative to the prior's.
inline constexpr double smallest_share = 1e-12;

/// The Gaussian process of one response at fixed hyperparameters: everything that prediction needs. Const and
/// thread-safe.
class LUBAN_SURROGATE_EXPORT Conditioned {
 public:
  /// @param work what an evaluation has left behind, perhaps at theta: then nothing is factorised again, and all is as
  /// it would be. @throws NumericalError when the covariance is not finite.
  Conditioned(std::shared_ptr<const LogPosterior> target, Eigen::VectorXd theta, LogPosterior::Workspace work = {});

  [[nodiscard]] const LogPosterior& target() const noexcept { return *target_; }
  [[nodiscard]] const Eigen::VectorXd& theta() const noexcept { return theta_; }
  [[nodiscard]] double jitter() const noexcept { return jitter_; }
  [[nodiscard]] bool degraded() const noexcept { return degraded_; }

  /// What a prediction is made of, on the scale of the training data: Cholesky factor of C, C⁻¹ (y − mean), the mean,
  /// and the constant that a mean with a finite prior variance adds to every covariance.
  [[nodiscard]] const Eigen::MatrixXd& lower() const { return factor_.lower(); }
  [[nodiscard]] const Eigen::VectorXd& alpha() const noexcept { return alpha_; }
  [[nodiscard]] const Covariance::Coordinates& coordinates() const noexcept { return *coordinates_; }
  [[nodiscard]] double mean() const noexcept { return mean_; }
  [[nodiscard]] double log_determinant() const { return factor_.log_determinant(); }  ///< of C
  [[nodiscard]] double constant() const;
  /// C⁻¹ cross, (n, q).
  [[nodiscard]] Eigen::MatrixXd solve(const Eigen::MatrixXd& cross) const;

  /// The process of `target`, whose rows are these without the removed ones (ascending) and then `added` others, at the
  /// same hyperparameters: O(n²) a row instead of O(n³). Where this process was degraded, or so many rows change that
  /// it is no gain, everything is factorised anew, as it is where the added rows need jitter. @throws as the
  /// constructor.
  [[nodiscard]] std::shared_ptr<const Conditioned> changed(std::shared_ptr<const LogPosterior> target,
                                                           const std::vector<Eigen::Index>& removed,
                                                           Eigen::Index added) const;
  /// What this process expects of inputs that scatter: predictions of E f(x + δ) alone, δ with standard deviations sd
  /// (p) of the coded inputs; null where no closed form is known. Data and noise are as they are.
  [[nodiscard]] std::shared_ptr<const Conditioned> smoothed(const Eigen::VectorXd& sd) const;
  /// Joint normal distribution.
  struct Expected {
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;  ///< lower triangle
  };
  /// What is expected of means of new readings at their places before they are known, on the scale of the training
  /// data: all noise counts, shared where they belong to one run or to rows that are there.
  [[nodiscard]] Expected expected(const NewReadings& added, const std::vector<Place>& places) const;

  /// (q) the mean of moments alone: no solve.
  [[nodiscard]] Eigen::VectorXd posterior_mean(const Eigen::MatrixXd& X) const;
  /// Moments at X (q, p), in the response's unit.
  [[nodiscard]] GaussianPosterior::Moments moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const;
  /// Moments of Σ_l w_l f(row i·L + l), i < q; X (q·L, p). Gradients are by inputs that all levels of a point share.
  [[nodiscard]] GaussianPosterior::Moments average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request) const;
  /// Moments at X before any data: what the hyperparameters alone say.
  [[nodiscard]] GaussianPosterior::Moments prior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const;
  /// Standardised residual of each training row when it alone is left out, as if its weight were 1 (Rasmussen and
  /// Williams 2006, section 5.4.2).
  [[nodiscard]] Eigen::VectorXd left_out_residuals() const;
  /// What is expected of each row when its group is left out, on the scale of the training data; a mean without a prior
  /// is estimated from the others.
  struct LeftOutMoments {
    Eigen::VectorXd mean;
    Eigen::VectorXd latent_variance;
    Eigen::VectorXd variance;  ///< of the row's y, all its noise included
  };
  /// @param groups of rows, each row in one.
  [[nodiscard]] LeftOutMoments left_out(const std::vector<std::vector<Eigen::Index>>& groups) const;
  /// Variances of the noise levels in the response's unit, squared.
  [[nodiscard]] NoiseVariances noise() const;
  /// Adds what runs and readings have beside the latent variance; `weights` of the levels of each point.
  void add_varying_noise(const Points& points, const Eigen::VectorXd& weights, const PosteriorRequest& request,
                         Eigen::Index inputs, GaussianPosterior::Moments& out) const;

 private:
  Conditioned() = default;
  void set_residuals();
  /// Prior covariance of points among themselves, (q, q), the constant left out.
  [[nodiscard]] Eigen::MatrixXd among(const Points& points) const;
  void add_gradient_of_prior_averages(const Points& points, const Eigen::VectorXd& weights,
                                      Eigen::MatrixXd& variance_gradient) const;
  [[nodiscard]] Eigen::MatrixXd prior_of_averages(const Points& points, const Eigen::VectorXd& weights) const;
  [[nodiscard]] Eigen::VectorXd prior_variance_of_averages(const Points& points, const Eigen::VectorXd& weights) const;
  [[nodiscard]] Eigen::VectorXd spread_of_levels(const Eigen::MatrixXd& cross, const Points& points,
                                                 const Eigen::VectorXd& weights,
                                                 const GaussianPosterior::Moments& average) const;
  /// `cross` and `solved` may be empty: a prior. `weights` of the levels of each point; one level: an ordinary point.
  [[nodiscard]] CovarianceGradient covariance_gradient(Covariance::Cross cross, Eigen::MatrixXd solved,
                                                       Eigen::VectorXd weights) const;
  /// Latent covariance of q points whose covariance with the data is half Lᵀ, half (q, n), and among themselves
  /// `prior`.
  [[nodiscard]] Eigen::MatrixXd joint(const Eigen::MatrixXd& half, Eigen::MatrixXd prior,
                                      const Eigen::VectorXd& variance) const;
  void add_noise(GaussianPosterior::Moments& out, double sum_squared_weights) const;
  /// @param taken (q) from the prior's variance by the data.
  void finish(const Eigen::MatrixXd& cross, const Eigen::VectorXd& taken, const Eigen::VectorXd& prior_variance,
              double sum_weights, GaussianPosterior::Moments& out) const;

  std::shared_ptr<const LogPosterior> target_;
  Eigen::VectorXd theta_;        ///< of the covariance with the data
  Eigen::VectorXd prior_theta_;  ///< of points among themselves: the same but where these are expectations
  std::shared_ptr<const Covariance::Coordinates> coordinates_;  ///< of the training points, by theta_
  GrownFactor factor_;                                          ///< of C, with C⁻¹
  Eigen::VectorXd alpha_;                                       ///< C⁻¹ (y − mean)
  double mean_ = 0.0;
  double jitter_ = 0.0;
  double ridge_ = 0.0;  ///< the jitter itself, as it stands on the diagonal
  bool degraded_ = false;
};

}  // namespace luban::surrogate::detail
