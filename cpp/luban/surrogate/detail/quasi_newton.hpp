#pragma once

#include <functional>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

struct QuasiNewtonOptions {
  int max_iterations = 200;          ///< at least 1
  double gradient_tolerance = 1e-6;  ///< on the largest projected gradient entry
  /// Stops where the next step promises, and the last one brought, less than this: for log densities the unit is the
  /// nat, and a thousandth of one moves no parameter by more than a twentieth of its own uncertainty.
  double value_tolerance = 1e-3;
  double longest_step = 2.0;  ///< largest coordinate of one step
};

struct QuasiNewtonResult {
  Eigen::VectorXd x;
  double value = 0.0;
  Eigen::MatrixXd curvature;  ///< the last approximation of the Hessian, positive definite
  int iterations = 0;
  int evaluations = 0;     ///< of the value
  bool converged = false;  ///< a tolerance was met before the iterations ran out
  double promise = 0.0;    ///< decrease that the next step would promise
};

/// A function in two parts, because a step that is not taken needs no gradient.
struct Differentiable {
  /// One that is not finite means that x cannot be used.
  std::function<double(const Eigen::VectorXd& x)> value;
  /// (d) at the x whose value was asked last.
  std::function<Eigen::VectorXd(const Eigen::VectorXd& x)> gradient;
};

/// Minimises a smooth function within bounds: BFGS of the Hessian on the variables that are free to move, steps
/// projected onto the bounds, Armijo line search with safeguarded parabolic interpolation, Powell's damping where the
/// curvature is not positive. For up to a few hundred variables whose function costs more than solving for a step.
/// Deterministic. Reference: Nocedal and Wright 2006, chapters 6, 9 and 18; Bertsekas 1982 for the projection. The
/// result is never worse than the start. @param curvature the Hessian to begin with, positive definite; empty = a
/// multiple of the identity. @throws StoppedError.
[[nodiscard]] LUBAN_SURROGATE_EXPORT QuasiNewtonResult minimise(const Differentiable& function, Eigen::VectorXd start,
                                                                const Eigen::VectorXd& low, const Eigen::VectorXd& high,
                                                                const QuasiNewtonOptions& options = {},
                                                                Eigen::MatrixXd curvature = {},
                                                                const core::CallControl& control = {});

}  // namespace luban::surrogate::detail
