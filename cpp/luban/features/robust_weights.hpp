#pragma once

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

struct RobustWeightOptions {
  /// Readings further than this many robust standard deviations from their cell's median are gross errors, weight 0.
  double gross_threshold = 8.0;
  /// Cells (readings of one run at one input point) with fewer readings than this borrow the pooled spread only.
  int min_cell_readings = 4;
};

/// Weight of each reading of one response: 1 = counts fully, 0 = gross error or missing. Found before any reduction.
/// @return (n), in [0, 1].
[[nodiscard]] LUBAN_FEATURES_EXPORT Eigen::VectorXd robust_weights(const Dataset& data, Eigen::Index response,
                                                                   const RobustWeightOptions& options = {});

}  // namespace luban::features
