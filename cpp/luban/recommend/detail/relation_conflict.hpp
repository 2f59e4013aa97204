#pragma once

#include <vector>

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

}  // namespace luban::recommend::detail
