#pragma once

#include <functional>

#include <Eigen/Core>

#include <luban/recommend/detail/quadratic_program.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// A smooth function to minimise with smooth constraints c(x) ≤ 0, evaluated together.
struct SmoothValue {
  double value = 0.0;
  Eigen::VectorXd gradient;     ///< (d)
  Eigen::VectorXd constraints;  ///< (k)
  Eigen::MatrixXd jacobian;     ///< (k, d)
};
using SmoothFunction = std::function<SmoothValue(const Eigen::VectorXd&)>;

/// low ≤ x ≤ high and the rows; with no rows and no smooth constraints this is a bounded quasi-Newton search.
struct FeasibleSet {
  Eigen::VectorXd low;
  Eigen::VectorXd high;
  LinearRows rows;
};

struct SequentialOptions {
  int max_iterations = 60;             ///< 1 …; a smooth acquisition settles in 10 to 30
  double step_tolerance = 1e-7;        ///< largest coordinate of a step that ends the search, in search ranges
  double value_tolerance = 1e-10;      ///< predicted decrease, relative to 1 + |value|, that ends the search
  double constraint_tolerance = 1e-9;  ///< c(x) up to this counts as kept
};

struct SequentialResult {
  Eigen::VectorXd x;  ///< best point that keeps the constraints, else the one that breaks them least
  double value = 0.0;
  double violation = 0.0;  ///< largest c(x) above 0
  int evaluations = 0;
};

/// Sequential quadratic programming with damped BFGS (Powell 1978) and an l1 merit function. Bounds and rows hold at
/// every point visited, because each step solves them exactly and each point lies between two that keep them.
/// @param start must keep bounds and rows. @throws NumericalError from the quadratic subproblem.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT SequentialResult minimise_sequential(const SmoothFunction& function,
                                                                          const FeasibleSet& set,
                                                                          const Eigen::VectorXd& start,
                                                                          const SequentialOptions& options = {});

}  // namespace luban::recommend::detail
