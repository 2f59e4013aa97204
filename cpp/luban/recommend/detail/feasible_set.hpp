#pragma once

#include <luban/recommend/detail/sequential_quadratic.hpp>
#include <luban/recommend/search_region.hpp>

namespace luban::recommend::detail {

/// Bounds and relations of the region's continuous columns when all other columns are as in x.
[[nodiscard]] FeasibleSet continuous_set(const SearchRegion& region, const Eigen::VectorXd& x);

}  // namespace luban::recommend::detail
