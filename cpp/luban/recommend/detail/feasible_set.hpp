#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/recommend/detail/sequential_quadratic.hpp>
#include <luban/recommend/search_region.hpp>

namespace luban::recommend::detail {

/// Bounds and relations of the region's continuous columns when all other columns are as in x.
[[nodiscard]] FeasibleSet continuous_set(const SearchRegion& region, const Eigen::VectorXd& x);

/// The row at a point of the unit cube: continuous columns by their ranges, then discrete ones by their levels, others
/// as in `base`.
[[nodiscard]] Eigen::VectorXd from_unit(const SearchRegion& region, const Eigen::VectorXd& base,
                                        const Eigen::VectorXd& unit);

/// One step in one discrete column: the next level up or down, or any other category; only what the region admits.
[[nodiscard]] std::vector<Eigen::VectorXd> neighbours(const SearchRegion& region, const Eigen::VectorXd& x);

/// Local searches stay this much inside smooth constraints, so that answers end admissible.
inline constexpr double constraint_margin = 1e-7;
/// Rounds of a search that alternates between discrete steps and climbs.
inline constexpr int most_neighbour_rounds = 64;

}  // namespace luban::recommend::detail
