#include <luban/features/detail/text.hpp>

#include <array>
#include <cstdio>

namespace luban::features::detail {

std::string short_number(double value) {
  std::array<char, 32> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.4g", value);
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

std::string with_unit(double value, const std::string& unit) {
  return unit.empty() ? short_number(value) : short_number(value) + " " + unit;
}

std::string_view kind_name(process::VariableKind kind) noexcept {
  switch (kind) {
    case process::VariableKind::continuous:
      return "continuous";
    case process::VariableKind::integer:
      return "integer";
    case process::VariableKind::categorical:
      return "categorical";
    case process::VariableKind::ordinal:
      return "ordinal";
  }
  return "unknown";
}

}  // namespace luban::features::detail
