#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>

namespace luban::recommend::detail {

/// As surrogate::joint_beside, but where the points need no joint answer each is asked beside the fixed ones by itself:
/// for surrogates whose joint posteriors cost much more than as many small ones.
/// @param surrogate must outlive the answer. @param fixed (b, p) coded, b ≥ 0.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::unique_ptr<const surrogate::SurrogateBeside> rowwise_beside(
    const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& fixed);

}  // namespace luban::recommend::detail
