#pragma once

#include <string>

#include <luban/process/run.hpp>

namespace luban::recommend::detail {

/// Four significant digits, for people.
[[nodiscard]] std::string rounded(double value);
/// " um" behind a number; nothing without a unit, which "1" says too.
[[nodiscard]] std::string unit_suffix(const std::string& unit);
/// "2.1 um", or "2.1" without a unit.
[[nodiscard]] std::string with_unit(double value, const std::string& unit);
/// A category as it is, a number with its unit.
[[nodiscard]] std::string value_text(const process::Value& value, const std::string& unit);
/// "95 %"; never "100 %" or "0 %" for what is not certain.
[[nodiscard]] std::string percent(double probability);
/// "better with probability 95 %", or "more than 0.1 um better with probability 95 %" when that is what it is of.
[[nodiscard]] std::string better_text(double probability, double min_gain, const std::string& unit);

}  // namespace luban::recommend::detail
