#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// Rows a_i'x ≥ b_i; the first `equalities` of them hold with equality.
struct LinearRows {
  Eigen::MatrixXd a;  ///< (rows, d)
  Eigen::VectorXd b;  ///< (rows)
  Eigen::Index equalities = 0;
};

struct QuadraticSolution {
  bool feasible = false;
  Eigen::VectorXd x;
  Eigen::VectorXd multipliers;      ///< (rows) ≥ 0 for inequalities
  std::vector<Eigen::Index> clash;  ///< when infeasible: rows that together cannot hold (a Farkas certificate)
};

/// argmin ½ x'Gx + g'x subject to the rows, G symmetric positive definite: the dual active-set method of Goldfarb and
/// Idnani (Math. Programming 27, 1983). Exact up to rounding for tens of variables.
/// @throws NumericalError when G is not positive definite or rounding keeps the method from ending.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT QuadraticSolution solve_quadratic(const Eigen::MatrixXd& G,
                                                                       const Eigen::VectorXd& g,
                                                                       const LinearRows& rows);

/// argmin ½ x'Gx + g'x subject to low ≤ x ≤ high, low ≤ 0 ≤ high, G symmetric positive definite: an active-set method
/// that begins at 0 (Nocedal and Wright 2006, section 16.5). What solve_quadratic gives for these rows, at a tenth of
/// the cost. @throws NumericalError when G is not positive definite.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd solve_box_quadratic(const Eigen::MatrixXd& G,
                                                                         const Eigen::VectorXd& g,
                                                                         const Eigen::VectorXd& low,
                                                                         const Eigen::VectorXd& high);

}  // namespace luban::recommend::detail
