#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <Eigen/Core>

namespace luban::recommend::detail {

inline void append_row(Eigen::MatrixXd& rows, const Eigen::VectorXd& x) {
  rows.conservativeResize(rows.rows() + 1, x.size());
  rows.row(rows.rows() - 1) = x.transpose();
}

/// Rows of the `most` largest values, largest first; ties keep their order.
inline std::vector<Eigen::Index> largest(const Eigen::VectorXd& values, Eigen::Index most) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return values(a) > values(b); });
  return {order.begin(), order.begin() + std::min(most, values.size())};
}

}  // namespace luban::recommend::detail
