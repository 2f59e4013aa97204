#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/features/encoder.hpp>
#include <luban/process/process.hpp>
#include <luban/recommend/search_region.hpp>

namespace luban::recommend::detail {

/// Throws where no settings are found that keep the nonlinear relations of a space; does nothing without such.
/// @throws InfeasibleError naming a smallest set of relations that contradict each other within the ranges they
/// concern, as far as a search from many starts can tell, and what the nearest settings give; whatever
/// SearchRegion::make throws.
void require_compatible(const features::Encoder& encoder, const process::SearchSpace& space,
                        const std::vector<Grid>& grids);

/// Moves x to where the region's nonlinear relations hold, if it is not: where nothing keeps outcome bounds too, a
/// search gives what breaks all of them together least, but relations come first.
void keep_relations(const SearchRegion& region, core::RandomKey key, Eigen::VectorXd& x);

}  // namespace luban::recommend::detail
