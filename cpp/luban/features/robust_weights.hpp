#pragma once

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

/// The spread of a cell (the readings of one run at one input point) is its 1.4826 × median absolute deviation, shrunk
/// towards what the cells have in common: a spread constant, growing with the root of the level or proportional to it,
/// whichever leaves the cells most alike.
struct RobustWeightOptions {
  /// Readings further than this many robust standard deviations from their cell's median are gross errors, weight 0.
  /// Above 0. A normal reading passes 8 once in 10^15; heavy tails of honest processes still stay inside.
  double gross_threshold = 8.0;
  /// Cells with fewer readings than this borrow the pooled spread only. At least 2.
  int min_cell_readings = 4;
  /// Degrees of freedom that the pooled spread counts for beside the cell's own. Above 0; 4 is the weight of a cell of
  /// twelve readings, whose own spread is known to a third.
  double prior_dof = 4.0;
};

/// Weight of each reading of one response: 1 = counts fully, 0 = gross error or missing. Found before any reduction and
/// without a model of the inputs, so a reading without fellows in its cell (fewer than three) keeps weight 1.
/// @return (n), in [0, 1]. @throws ConfigurationError when an option is out of range.
[[nodiscard]] LUBAN_FEATURES_EXPORT Eigen::VectorXd robust_weights(const Dataset& data, Eigen::Index response,
                                                                   const RobustWeightOptions& options = {});

}  // namespace luban::features
