#include <luban/surrogate/detail/factorisation.hpp>

#include <cmath>
#include <string>

#include <Eigen/Eigenvalues>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr double first_jitter = 1e-10;
constexpr double last_jitter = 1e-6;

void require_finite(const Eigen::MatrixXd& covariance, const char* where) {
  for (Eigen::Index j = 0; j < covariance.cols(); ++j) {
    if (covariance.col(j).tail(covariance.rows() - j).allFinite()) continue;
    throw core::NumericalError(
        {.where = where,
         .expected = "a finite covariance",
         .received = "NaN or infinity in column " + std::to_string(j) + " of " + std::to_string(covariance.cols()),
         .place = {},
         .hint = "look for extreme values in the inputs"});
  }
}

Eigen::MatrixXd clamped(const Eigen::MatrixXd& covariance, double floor) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  const Eigen::VectorXd values = solver.eigenvalues().cwiseMax(floor);
  return solver.eigenvectors() * values.asDiagonal() * solver.eigenvectors().transpose();
}

void clear_above(Eigen::MatrixXd& a) {
  a.triangularView<Eigen::StrictlyUpper>().setZero();
}

}  // namespace

Factorisation factorise(const Eigen::MatrixXd& covariance, const char* where) {
  require_finite(covariance, where);
  Factorisation out;
  if (covariance.rows() == 0) return out;
  const double scale = covariance.diagonal().cwiseAbs().mean();
  for (double jitter = 0.0; jitter <= 1.5 * last_jitter; jitter = jitter == 0.0 ? first_jitter : 10.0 * jitter) {
    out.lower = covariance;
    out.lower.diagonal().array() += jitter * scale;
    out.jitter = jitter;
    if (cholesky_lower(out.lower)) {
      clear_above(out.lower);
      return out;
    }
  }
  const double floor = last_jitter * (scale > 0.0 ? scale : 1.0);
  out.lower = clamped(covariance, floor);
  out.lower.diagonal().array() += floor;  // what rounding took from the smallest eigenvalues
  out.degraded = true;
  if (!cholesky_lower(out.lower)) {
    throw core::NumericalError({.where = where,
                                .expected = "a covariance that clamped eigenvalues make positive definite",
                                .received = "one that stays indefinite",
                                .place = {},
                                .hint = "look for extreme values in the inputs"});
  }
  clear_above(out.lower);
  return out;
}

}  // namespace luban::surrogate::detail
