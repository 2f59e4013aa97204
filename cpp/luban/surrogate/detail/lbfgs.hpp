#pragma once

#include <functional>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

struct LbfgsOptions {
  int max_iterations = 200;          ///< at least 1
  int memory = 10;                   ///< pairs kept, at least 1; more than this no longer pays for smooth problems
  double gradient_tolerance = 1e-4;  ///< on the largest projected gradient entry
  double value_tolerance = 1e-8;     ///< on the decrease of one step, relative to max(|value|, 1)
};

struct LbfgsResult {
  Eigen::VectorXd x;
  double value = 0.0;
  int iterations = 0;
  int evaluations = 0;
  bool converged = false;  ///< a tolerance was met before the iterations ran out
};

/// Value at x and its gradient; a value that is not finite means that x cannot be used.
using Differentiable = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>;

/// Minimises a smooth function within bounds: limited-memory BFGS on the variables that are free to move, steps
/// projected onto the bounds, Armijo line search with safeguarded parabolic interpolation; pairs without positive
/// curvature are left out. Deterministic. Reference: Nocedal and Wright 2006, chapters 7 and 9; Bertsekas 1982 for the
/// projection. The result is never worse than the start. @throws StoppedError.
[[nodiscard]] LUBAN_SURROGATE_EXPORT LbfgsResult minimise(const Differentiable& function, Eigen::VectorXd start,
                                                          const Eigen::VectorXd& low, const Eigen::VectorXd& high,
                                                          const LbfgsOptions& options = {},
                                                          const core::CallControl& control = {});

}  // namespace luban::surrogate::detail
