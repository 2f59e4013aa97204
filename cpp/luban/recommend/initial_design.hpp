#pragma once

#include <optional>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/process/process.hpp>
#include <luban/process/trial.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Settings that spread the first runs of a process evenly over what may be proposed, while nothing can be predicted:
/// scrambled Sobol points inside ranges, parameter constraints and bounds on derived responses. The points of a key are
/// one sequence: `skip` of them have been run or are under way already.
/// @param q 1 … 100. @param skip 0 … 3000.
/// @throws ConfigurationError on a wrong context or count; InfeasibleError naming what contradicts each other.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<process::Recommendation> initial_design(
    const process::Process& process, const std::vector<process::NamedValue>& context, int q, int skip,
    core::RandomKey key, const std::optional<process::MoveLimits>& moves = {});

}  // namespace luban::recommend
