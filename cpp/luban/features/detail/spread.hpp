#pragma once

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::features::detail {

/// How far each reading of one response stands from its cell, robustly. NaN where the reading is missing; deviations
/// are 0 where the cell has too few readings to say (one or two).
struct ReadingSpread {
  Eigen::VectorXd median;      ///< (n) of the reading's cell
  Eigen::VectorXd scale;       ///< (n) robust standard deviation assumed for the cell
  Eigen::VectorXd deviations;  ///< (n) (value − median) / scale
  Eigen::VectorXi readings;    ///< (n) readings in the cell that are not missing
};

/// @throws ConfigurationError when an option is out of range.
[[nodiscard]] ReadingSpread reading_spread(const Dataset& data, Eigen::Index response,
                                           const RobustWeightOptions& options);

}  // namespace luban::features::detail
