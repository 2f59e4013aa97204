#pragma once

#include <functional>
#include <string>
#include <vector>

#include <luban/process/constraint.hpp>
#include <luban/process/variable.hpp>

#include "refuse.hpp"

namespace luban::process::detail {

/// Refuses a sum without a parameter, factors and exponents that are not finite or 0.
void require_sum(const std::vector<Monomial>& sum, const Refuse& refuse);

using RangeOf = std::function<const Variable&(const std::string&)>;

/// Refuses powers without a value within the parameters' ranges: an exponent below 0 wants a range above 0, a broken
/// one a range not below 0.
void require_powers(const std::vector<Monomial>& sum, const RangeOf& range_of, const Refuse& refuse);

}  // namespace luban::process::detail
