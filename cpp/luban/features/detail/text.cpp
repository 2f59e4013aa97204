#include <luban/features/detail/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <numeric>

namespace luban::features::detail {

std::string short_number(double value) {
  std::array<char, 32> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.4g", value);
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

std::string exact_number(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), result.ptr);
}

std::string with_unit(double value, const std::string& unit) {
  return unit.empty() ? short_number(value) : short_number(value) + " " + unit;
}

namespace {

/// Levenshtein distance, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string nearest;
  std::size_t fewest = std::string::npos;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = edit_distance(name, candidate);
    if (edits < fewest) {
      fewest = edits;
      nearest = candidate;
    }
  }
  return nearest;
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
