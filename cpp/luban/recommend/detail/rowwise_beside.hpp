#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>

namespace luban::recommend::detail {

/// Where points need no joint answer each is asked beside the fixed ones by itself: for surrogates whose joint
/// posteriors cost much more than as many small ones.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::unique_ptr<const surrogate::SurrogateBeside> rowwise_beside(
    std::unique_ptr<const surrogate::SurrogateBeside> joint);

}  // namespace luban::recommend::detail
