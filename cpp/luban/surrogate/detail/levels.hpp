#pragma once

#include <Eigen/Core>

namespace luban::surrogate::detail {

// Points that are averages over L levels: columns i·L … i·L + L − 1 belong to point i. One level: an ordinary point.

/// (k, q·L) → (k, q): Σ_l w_l column(i·L + l).
[[nodiscard]] inline Eigen::MatrixXd weighted_columns(const Eigen::MatrixXd& columns, const Eigen::VectorXd& weights) {
  const Eigen::Index levels = weights.size();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(columns.rows(), columns.cols() / levels);
  for (Eigen::Index i = 0; i < out.cols(); ++i) {
    for (Eigen::Index l = 0; l < levels; ++l) out.col(i) += weights(l) * columns.col(i * levels + l);
  }
  return out;
}

/// (k, q) → (k, q·L): column i·L + l = w_l column(i).
[[nodiscard]] inline Eigen::MatrixXd spread_columns(const Eigen::MatrixXd& columns, const Eigen::VectorXd& weights) {
  const Eigen::Index levels = weights.size();
  Eigen::MatrixXd out(columns.rows(), columns.cols() * levels);
  for (Eigen::Index i = 0; i < out.cols(); ++i) out.col(i) = weights(i % levels) * columns.col(i / levels);
  return out;
}

/// Both ways at once: (a·L, b·L) → (a, b), and back.
[[nodiscard]] inline Eigen::MatrixXd weighted_both(const Eigen::MatrixXd& matrix, const Eigen::VectorXd& weights) {
  return weighted_columns(weighted_columns(matrix, weights).transpose(), weights).transpose();
}
[[nodiscard]] inline Eigen::MatrixXd spread_both(const Eigen::MatrixXd& matrix, const Eigen::VectorXd& weights) {
  return spread_columns(spread_columns(matrix, weights).transpose(), weights).transpose();
}

}  // namespace luban::surrogate::detail
