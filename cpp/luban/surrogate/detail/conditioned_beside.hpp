#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/detail/conditioned.hpp>

namespace luban::surrogate::detail {

/// The Gaussian process of one response at q points beside fixed ones: moments in the response's unit, and what their
/// gradients need.
struct BesideMoments {
  std::shared_ptr<const Covariance::Coordinates> own;  ///< of the levels, which `among` refers to; null unless joint
  Covariance::Cross with_training;                     ///< (n, q·L)
  Covariance::Cross with_fixed;                        ///< (b·L, q·L)
  Covariance::Cross among;                             ///< (q·L, q·L); empty unless joint
  Eigen::MatrixXd training;                            ///< (n, q) covariance with the training points
  Eigen::MatrixXd solved;                              ///< (n, q) C⁻¹ training, or empty
  Eigen::VectorXd mean;
  Eigen::VectorXd variance;
  Eigen::VectorXd within;      ///< of one reading beyond the mean of a run; empty when that was not asked for
  Eigen::MatrixXd covariance;  ///< empty unless joint
  Eigen::MatrixXd cross;       ///< (q, b)
};

/// A conditioned process with b fixed points whose part, C⁻¹ K_nb, is computed once: Cov(x, b) = K_xb − K_xn C⁻¹ K_nb.
/// All points are averages over the same L levels; one level: ordinary points. Const and thread-safe.
class ConditionedBeside {
 public:
  /// @param fixed (b·L, p). @param weights (L), sum 1.
  ConditionedBeside(std::shared_ptr<const Conditioned> process, const Eigen::MatrixXd& fixed, Eigen::VectorXd weights);
  /// X (q·L, p).
  [[nodiscard]] BesideMoments moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const;
  [[nodiscard]] Eigen::MatrixXd pullback(const BesideMoments& at, const PullbackWeights& weights) const;
  /// Variance of a run's mean beyond the latent one.
  [[nodiscard]] double between() const;

 private:
  [[nodiscard]] Eigen::MatrixXd averaged(const Eigen::MatrixXd& columns) const;
  [[nodiscard]] Eigen::MatrixXd averaged_both(const Eigen::MatrixXd& matrix) const;
  [[nodiscard]] Eigen::MatrixXd spread(const Eigen::MatrixXd& columns) const;
  [[nodiscard]] Eigen::MatrixXd spread_over_both(const Eigen::MatrixXd& matrix) const;
  [[nodiscard]] Eigen::VectorXd prior_variance(const BesideMoments& at) const;
  [[nodiscard]] Eigen::VectorXd within(const BesideMoments& at) const;

  std::shared_ptr<const Conditioned> process_;
  bool ill_conditioned_;
  Eigen::VectorXd levels_;  ///< weights
  Covariance::Coordinates fixed_;
  Eigen::MatrixXd solved_;  ///< (n, b) C⁻¹ (K_nb + constant)
};

}  // namespace luban::surrogate::detail
