#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

/// The spread of a cell (the readings of one run at one input point) is its 1.4826 × median absolute deviation, shrunk
/// towards what the cells have in common: a spread constant, growing with the root of the level or proportional to it,
/// whichever leaves the cells most alike.
struct RobustWeightOptions {
  /// A reading is a gross error, weight 0, when it stands so far from its cell's median that the farthest of all
  /// readings would stand there with this probability although all are honest. In (0, 1). Honest readings have heavy
  /// tails: they count as Student's t with three degrees of freedom, so the limit grows with the cube root of the
  /// number of readings (15 robust standard deviations at 100 readings, 42 at 2,500): entry errors, not rare events.
  double gross_chance = 0.05;
  /// Cells with fewer readings than this borrow the pooled spread only. At least 2.
  int min_cell_readings = 4;
  /// Degrees of freedom that the pooled spread counts for beside the cell's own. Above 0; 4 is the weight of a cell of
  /// twelve readings, whose own spread is known to a third.
  double prior_dof = 4.0;
};

/// Readings from which on a cell can tell that one of them is wrong.
inline constexpr Eigen::Index fewest_telling = 3;

/// Whether numbers between these ends differ: by more than rounding leaves of equal ones, and by enough to be squared.
[[nodiscard]] inline bool varies(double low, double high) noexcept {
  constexpr double rounding = 4.0 * std::numeric_limits<double>::epsilon();
  constexpr double least = 1e-150;
  return high - low > std::max(rounding * std::max(std::abs(low), std::abs(high)), least);
}

/// Median of a scratch vector, which is reordered. The vector is not empty.
[[nodiscard]] LUBAN_FEATURES_EXPORT double median_of(std::vector<double>& values);

/// Weight of each reading of one response: 1 = counts fully, 0 = gross error or missing. Found before any reduction and
/// without a model of the inputs, so a reading without fellows in its cell (fewer than three) keeps weight 1.
/// @return (n), in [0, 1]. @throws ConfigurationError when an option is out of range.
[[nodiscard]] LUBAN_FEATURES_EXPORT Eigen::VectorXd robust_weights(const Dataset& data, Eigen::Index response,
                                                                   const RobustWeightOptions& options = {});

}  // namespace luban::features
