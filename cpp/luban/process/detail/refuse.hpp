#pragma once

#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::process::detail {

/// Throws ConfigurationError for one item of a definition: the caller states what was expected and received.
struct Refuse {
  std::string where;
  std::string place;

  [[noreturn]] void operator()(const std::string& expected, const std::string& received,
                               const std::string& hint = {}) const {
    throw core::ConfigurationError(
        {.where = where, .expected = expected, .received = received, .place = place, .hint = hint});
  }
};

/// Any text is a legal name (`TIC-101.PV`) as long as a person can see and type it.
inline void require_name(const std::string& name, const Refuse& refuse) {
  if (name.empty()) refuse("a name", "an empty one");
  if (name.front() == ' ' || name.back() == ' ') {
    refuse("a name without spaces around it", core::quoted(name));
  }
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) refuse("a name without control characters", core::quoted(name));
  }
}

}  // namespace luban::process::detail
