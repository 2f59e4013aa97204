#pragma once

#include <string>

#include <luban/features/encoder.hpp>
#include <luban/process/run.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend::detail {

/// Four significant digits, for people.
[[nodiscard]] std::string rounded(double value);
/// " um" behind a number; nothing without a unit, which "1" says too.
[[nodiscard]] std::string unit_suffix(const std::string& unit);
/// "2.1 um", or "2.1" without a unit.
[[nodiscard]] std::string with_unit(double value, const std::string& unit);
/// A difference of two such values: "2.1 um", but "2.1 percentage points" of percents.
[[nodiscard]] std::string difference_text(double value, const std::string& unit);
/// The value behind a coded one, without what rounding left of 0 or of a whole number.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT process::Value plain_value(const features::Encoder& encoder, Eigen::Index column,
                                                                double coded);
/// A category as it is, a number with its unit.
[[nodiscard]] std::string value_text(const process::Value& value, const std::string& unit);
/// "95 %"; never "100 %", nor "0 %" for what may happen.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::string percent(double probability);
/// "better with probability 95 %", or "more than 0.1 um better with probability 95 %" when that is what it is of.
[[nodiscard]] std::string better_text(double probability, double min_gain, const std::string& unit);
/// What to know before predictions of a degraded response are trusted; without a stop.
[[nodiscard]] std::string repaired_text(const std::string& response);

}  // namespace luban::recommend::detail
