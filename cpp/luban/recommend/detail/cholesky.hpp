#pragma once

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// Cholesky factor L of S + nugget · scale · I, S symmetric and small.
struct SmallCholesky {
  Eigen::MatrixXd lower;  ///< zero above the diagonal
  double nugget = 0.0;    ///< relative to the scale; the first of 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1 that factors
  bool usable = false;    ///< false when none did, or an entry is not finite
};
/// @param scale > 0: about the size of the variances that S came from.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT SmallCholesky small_cholesky(const Eigen::MatrixXd& S, double scale);

/// Reverse mode: from derivatives by L (its lower triangle is read) to those by S, symmetric:
/// ½ (P + Pᵀ), P = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, Φ the lower triangle with its diagonal halved.
/// Reference: Murray 2016 (arXiv 1602.07527).
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::MatrixXd cholesky_pullback(const Eigen::MatrixXd& lower,
                                                                       const Eigen::MatrixXd& by_lower);

}  // namespace luban::recommend::detail
