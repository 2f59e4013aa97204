#pragma once

#include <Eigen/Core>

#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/joint_samples.hpp>

namespace luban::recommend::detail {

/// log of the mean over samples of the largest improvement that any of q points brings, smooth: a fat softplus for the
/// improvement (temperature 1e-6), a fat maximum over the points (1e-2, of the logarithms).
/// Reference: Ament et al. 2023 (arXiv 2310.20708).
struct MeanImprovement {
  double value = 0.0;
  Eigen::MatrixXd by_utility;       ///< (q, s)
  Eigen::MatrixXd by_log_feasible;  ///< (q, s)
};
/// @param utility (q, s). @param log_feasible (q, s) or empty. @param best (s). @param unit of the utility.
[[nodiscard]] MeanImprovement log_mean_improvement(const Eigen::MatrixXd& utility, const Eigen::MatrixXd& log_feasible,
                                                   const Eigen::VectorXd& best, double unit);

/// (s) the best utility among the fixed points that keep the bounds in a sample, at least `floor`.
[[nodiscard]] Eigen::VectorXd best_fixed(const JointSamples& samples, double floor);

/// Value and gradient of the improvement over `best` at the points of a posterior.
[[nodiscard]] JointAcquisitionValue evaluate_improvement(const JointSamples& samples, const Eigen::VectorXd& best,
                                                         const surrogate::PosteriorBeside& posterior, bool gradients);

}  // namespace luban::recommend::detail
