#pragma once

#include <Eigen/Core>

#include <luban/surrogate/beside.hpp>

namespace luban::surrogate::detail {

/// @throws DataError unless every member of the weights is empty or of the shape that q points beside b need.
LUBAN_SURROGATE_EXPORT void require_pullback(const PullbackWeights& weights, Eigen::Index q, Eigen::Index b);

}  // namespace luban::surrogate::detail
