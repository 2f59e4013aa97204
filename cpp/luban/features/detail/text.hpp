#pragma once

#include <string>
#include <string_view>

#include <luban/process/variable.hpp>

namespace luban::features::detail {

/// Four significant digits, for people: "2.1", "157", "0.0475".
[[nodiscard]] std::string short_number(double value);
/// "2.1 um", or "2.1" without a unit.
[[nodiscard]] std::string with_unit(double value, const std::string& unit);
[[nodiscard]] std::string_view kind_name(process::VariableKind kind) noexcept;

}  // namespace luban::features::detail
