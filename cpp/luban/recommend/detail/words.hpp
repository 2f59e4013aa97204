#pragma once

#include <string>

namespace luban::recommend::detail {

/// Four significant digits, for people.
[[nodiscard]] std::string rounded(double value);
/// "2.1 um", or "2.1" without a unit.
[[nodiscard]] std::string with_unit(double value, const std::string& unit);
/// "95 %"; never "100 %" or "0 %" for what is not certain.
[[nodiscard]] std::string percent(double probability);

}  // namespace luban::recommend::detail
