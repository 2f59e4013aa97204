#pragma once

#include <string>
#include <vector>

#include <luban/recommend/propose.hpp>

namespace luban::recommend::detail {

/// What to know of a problem in arrays, of what was learned from it and of what was asked before the proposed points
/// are trusted: sentences. @param acquisition the resolved one. @param feasibility_first whether the
/// probability of keeping the bounds was maximised in its stead.
[[nodiscard]] std::vector<std::string> array_warnings(const ArrayProblem& problem, const surrogate::Surrogate& fitted,
                                                      const ProposeOptions& options, Acquisition acquisition,
                                                      bool feasibility_first);

}  // namespace luban::recommend::detail
