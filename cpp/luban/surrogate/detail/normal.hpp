#pragma once

#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Inverse of the standard normal distribution function, to rounding; probability in (0, 1).
/// Rational start (Acklam 2003, relative error 1e-9) and one Halley step on erfc.
[[nodiscard]] LUBAN_SURROGATE_EXPORT double normal_quantile(double probability);

}  // namespace luban::surrogate::detail
