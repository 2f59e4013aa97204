#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::control::detail {

/// The value of a list whose `name()` is this text. @throws DataError naming the nearest.
template <typename Values>
[[nodiscard]] auto value_named(const Values& values, std::string_view text, const char* what) {
  for (const auto value : values) {
    if (name(value) == text) return value;
  }
  std::vector<std::string> known;
  for (const auto value : values) known.emplace_back(name(value));
  throw core::DataError({.where = "control.name",
                         .expected = what,
                         .received = core::quoted(text),
                         .place = {},
                         .hint = core::nearest_hint(text, known)});
}

}  // namespace luban::control::detail
