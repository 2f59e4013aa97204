#pragma once

#include <memory>
#include <vector>

#include <luban/recommend/export.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// The surrogate for searches that look at some responses only: indices stay, the named responses are as before, all
/// others are standard normal and cost nothing. A surrogate that cannot leave responses out is returned as it is.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::shared_ptr<const surrogate::Surrogate> focused(
    const std::shared_ptr<const surrogate::Surrogate>& surrogate, std::vector<Eigen::Index> responses);

}  // namespace luban::recommend::detail
