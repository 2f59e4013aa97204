#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

/// Rows put together when equal: cell c owns order[start[c]] … order[start[c+1]−1], ascending within the cell.
struct LUBAN_FEATURES_EXPORT Cells {
  std::vector<Eigen::Index> order;
  std::vector<Eigen::Index> start{0};
  [[nodiscard]] Eigen::Index count() const noexcept { return static_cast<Eigen::Index>(start.size()) - 1; }
};

/// Readings of one run at one input point: ordered by run, then by input point.
[[nodiscard]] LUBAN_FEATURES_EXPORT Cells cells_of_readings(const Dataset& data);
/// Rows of X that are equal, ordered lexicographically.
[[nodiscard]] LUBAN_FEATURES_EXPORT Cells cells_of_rows(const Eigen::MatrixXd& X);

}  // namespace luban::features
