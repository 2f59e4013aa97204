#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <luban/process/variable.hpp>

namespace luban::features::detail {

/// Four significant digits, for people: "2.1", "157", "0.0475".
[[nodiscard]] std::string short_number(double value);
/// The shortest text that reads back as the same number: for keys and labels.
[[nodiscard]] std::string exact_number(double value);
/// "2.1 um", or "2.1" without a unit.
[[nodiscard]] std::string with_unit(double value, const std::string& unit);
/// The candidate with the fewest edits to `name`; "" when there is none.
[[nodiscard]] std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);
[[nodiscard]] std::string_view kind_name(process::VariableKind kind) noexcept;

}  // namespace luban::features::detail
