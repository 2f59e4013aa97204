#pragma once

#include <cmath>

#include <Eigen/Core>

#include <luban/core/random.hpp>

namespace luban::recommend {

/// Points (n, m) spread over the unit cube by fractions of square roots: simple enough to write again elsewhere.
inline Eigen::MatrixXd fraction_points(Eigen::Index n, Eigen::Index m, double first) {
  constexpr double steps[] = {0.6180339887498949, 0.4142135623730951, 0.7320508075688772, 0.2360679774997898,
                              0.6457513110645906};
  Eigen::MatrixXd points(n, m);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < m; ++j) {
      const double turns = (static_cast<double>(i) + first) * steps[j];
      points(i, j) = turns - std::floor(turns);
    }
  }
  return points;
}

/// Uniform points (n, m); with levels > 0 on a grid of so many values, so that coordinates are often equal.
inline Eigen::MatrixXd random_points(Eigen::Index n, Eigen::Index m, int levels, core::Generator& generator) {
  Eigen::MatrixXd points(n, m);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < m; ++j) {
      points(i, j) =
          levels > 0 ? static_cast<double>(generator.below(static_cast<std::uint64_t>(levels))) : generator.uniform();
    }
  }
  return points;
}

inline bool dominated_by_any(const Eigen::RowVectorXd& point, const Eigen::MatrixXd& points) {
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    if ((points.row(i).array() >= point.array()).all()) return true;
  }
  return false;
}

}  // namespace luban::recommend
