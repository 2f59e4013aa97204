#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/detail/conditioned.hpp>

namespace luban::surrogate::detail {

/// The Gaussian process of one response at q points beside fixed ones: moments in the response's unit, and what their
/// gradients need.
struct BesideMoments {
  std::shared_ptr<const Covariance::Coordinates> own;  ///< of the q points, which `among` refers to; null unless joint
  Covariance::Cross with_training;                     ///< (n, q), the constant added
  Covariance::Cross with_fixed;                        ///< (b, q)
  Covariance::Cross among;                             ///< (q, q); empty unless joint
  Eigen::MatrixXd solved;                              ///< (n, q) C⁻¹ of the first, or empty
  Eigen::VectorXd mean;
  Eigen::VectorXd variance;
  Eigen::MatrixXd covariance;  ///< empty unless joint
  Eigen::MatrixXd cross;       ///< (q, b)
};

/// A conditioned process with b fixed points whose part, C⁻¹ K_nb, is computed once: Cov(x, b) = K_xb − K_xn C⁻¹ K_nb.
/// Const and thread-safe.
class ConditionedBeside {
 public:
  ConditionedBeside(std::shared_ptr<const Conditioned> process, const Eigen::MatrixXd& fixed);
  [[nodiscard]] BesideMoments moments(const Eigen::MatrixXd& X, bool joint) const;
  [[nodiscard]] Eigen::MatrixXd pullback(const BesideMoments& at, const PullbackWeights& weights) const;
  [[nodiscard]] NoiseVariances noise() const { return process_->noise(); }

 private:
  std::shared_ptr<const Conditioned> process_;
  bool ill_conditioned_;
  Covariance::Coordinates fixed_;
  Eigen::MatrixXd solved_;  ///< (n, b) C⁻¹ (K_nb + constant)
};

}  // namespace luban::surrogate::detail
