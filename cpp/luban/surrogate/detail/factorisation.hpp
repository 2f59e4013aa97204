#pragma once

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Cholesky factor of a covariance, with what had to be done to get it.
struct Factorisation {
  Eigen::MatrixXd lower;  ///< zero above the diagonal
  double jitter = 0.0;    ///< added to the diagonal, relative to its mean
  bool degraded = false;  ///< beyond the ladder: eigenvalues were clamped
};

/// Jitter 0, then 1e-10 … 1e-6 of the mean diagonal in steps of ten; if none suffices the eigenvalues are clamped to
/// 1e-6 of the mean diagonal and the result is marked degraded. Only the lower triangle is read.
/// @throws NumericalError when an entry is not finite.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Factorisation factorise(const Eigen::MatrixXd& covariance, const char* where);

}  // namespace luban::surrogate::detail
