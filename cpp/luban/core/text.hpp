#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <luban/core/export.hpp>

namespace luban::core {

/// Number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string
/// alignment; bytes, ASCII case ignored).
[[nodiscard]] LUBAN_CORE_EXPORT std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known name that a mistyped one most likely meant; "" when none is near (more than a third of it differs).
[[nodiscard]] LUBAN_CORE_EXPORT std::string nearest_name(std::string_view name, std::span<const std::string> known);

/// Hint of an error about an unknown name: `did you mean "feed"?`, or the list of what is known.
[[nodiscard]] LUBAN_CORE_EXPORT std::string nearest_hint(std::string_view name, std::span<const std::string> known);

/// `"name"`
[[nodiscard]] LUBAN_CORE_EXPORT std::string quoted(std::string_view name);

/// `a, b and c`
[[nodiscard]] LUBAN_CORE_EXPORT std::string listed(std::span<const std::string> names);

/// Shortest decimal text that reads back as the same double.
[[nodiscard]] LUBAN_CORE_EXPORT std::string number_text(double value);

}  // namespace luban::core
