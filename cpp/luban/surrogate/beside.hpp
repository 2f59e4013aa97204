#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/posterior.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

/// What a scalar depends on at q points beside b fixed ones: its derivatives by the moments of one response. A member
/// left empty counts as zero.
struct PullbackWeights {
  Eigen::VectorXd mean = {};        ///< (q)
  Eigen::VectorXd variance = {};    ///< (q) by the latent variances
  Eigen::MatrixXd covariance = {};  ///< (q, q) symmetric, by the latent joint covariance; its diagonal adds to variance
  Eigen::MatrixXd cross = {};       ///< (q, b) by the latent covariance with the fixed points
};

/// What is believed about q points together with b fixed ones. Made for one evaluation by one thread.
class LUBAN_SURROGATE_EXPORT PosteriorBeside {
 public:
  virtual ~PosteriorBeside();
  [[nodiscard]] virtual Eigen::Index q() const noexcept = 0;
  [[nodiscard]] virtual Eigen::Index b() const noexcept = 0;
  [[nodiscard]] virtual Eigen::Index m() const noexcept = 0;
  [[nodiscard]] virtual Eigen::MatrixXd mean() const = 0;  ///< (q, m)
  /// (q, m) @throws LifecycleError when `reading` is wanted of a posterior asked for without it.
  [[nodiscard]] virtual Eigen::MatrixXd variance(VarianceOf of) const = 0;
  /// (q, q) as Posterior::covariance. @throws LifecycleError when asked for without `joint`.
  [[nodiscard]] virtual Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const = 0;
  /// (q, b) latent covariance of the points with the fixed ones, which count as other runs.
  [[nodiscard]] virtual Eigen::MatrixXd cross_covariance(Eigen::Index response) const = 0;
  [[nodiscard]] virtual Eigen::MatrixXd between_gradient(Eigen::Index response) const;  ///< (q, d) as Posterior's
  /// (q, d): derivative by the coded inputs of the q points of a scalar whose derivatives by the moments are `weights`,
  /// all in one pass. @throws LifecycleError when asked for without `gradients`, or without `joint` for weights of the
  /// covariance; DataError on weights of other shapes.
  [[nodiscard]] virtual Eigen::MatrixXd pullback(Eigen::Index response, const PullbackWeights& weights) const = 0;
};

/// A surrogate asked again and again about q points beside the same b fixed ones (measured before, or pending): what
/// concerns the fixed points alone is computed once. Const and thread-safe.
class LUBAN_SURROGATE_EXPORT SurrogateBeside {
 public:
  virtual ~SurrogateBeside();
  /// (b, p) coded, or (b·L, p) for averages over L levels.
  [[nodiscard]] virtual const Eigen::MatrixXd& fixed_points() const noexcept = 0;
  [[nodiscard]] virtual const Posterior& fixed() const noexcept = 0;  ///< of the fixed points, joint
  /// X (q, p) coded. @throws DataError on a wrong width or a non-finite value.
  [[nodiscard]] virtual std::unique_ptr<PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                                   const PosteriorRequest& request) const = 0;
};

/// The ordinary implementation for any surrogate: each answer is cut from the joint posterior over points and fixed
/// ones, whose cost it has. What Surrogate::beside gives where a surrogate knows no better.
/// @param surrogate must outlive the answer. @param fixed (b, p) coded, b ≥ 0.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::unique_ptr<const SurrogateBeside> joint_beside(const Surrogate& surrogate,
                                                                                         const Eigen::MatrixXd& fixed);
/// The same from the joint posterior of averages over levels, as Surrogate::average_beside.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::unique_ptr<const SurrogateBeside> joint_average_beside(
    const Surrogate& surrogate, const Eigen::MatrixXd& fixed, const Eigen::VectorXd& weights);

}  // namespace luban::surrogate
