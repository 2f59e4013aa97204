#pragma once

#include <optional>
#include <vector>

#include <luban/guard/export.hpp>

namespace luban::guard::detail {

/// normal·y ≥ bound, with a normal of length 1.
struct HalfSpace {
  std::vector<double> normal;
  double bound = 0.0;
};

/// The point of the intersection of half-spaces that is nearest to `from`, by the dual active-set method of Goldfarb
/// and Idnani (Math. Programming 27, 1983) with a unit Hessian; right to about 1e-12 for coordinates of order one.
/// Nothing when the intersection is empty or rounding keeps the method from an answer. The same input gives the same
/// bits.
[[nodiscard]] LUBAN_GUARD_EXPORT std::optional<std::vector<double>> nearest_point(const std::vector<HalfSpace>& spaces,
                                                                                  const std::vector<double>& from);

}  // namespace luban::guard::detail
