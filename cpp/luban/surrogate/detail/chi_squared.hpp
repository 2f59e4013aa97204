#pragma once

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Probability that χ² of so many degrees of freedom (at least 1) exceeds x ≥ 0; finite sums (Abramowitz and Stegun
/// 1964, 26.4.4 and 26.4.5), every term positive.
[[nodiscard]] LUBAN_SURROGATE_EXPORT double chi_squared_tail(Eigen::Index degrees, double x);

}  // namespace luban::surrogate::detail
