#include <luban/core/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace luban::core {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  // Among equally near names the one of the same length: swapped letters are the commonest slip.
  using Rank = std::pair<std::size_t, std::size_t>;
  std::string best;
  Rank least;
  for (const std::string& candidate : known) {
    const std::size_t longer = std::max(name.size(), candidate.size());
    const Rank rank{edit_distance(name, candidate), longer - std::min(name.size(), candidate.size())};
    const bool near = rank.first < longer && rank.first <= std::max<std::size_t>(1, longer / 3);
    if (near && (best.empty() || rank < least)) {
      best = candidate;
      least = rank;
    }
  }
  return best;
}

std::string nearest_hint(std::string_view name, std::span<const std::string> known) {
  const std::string near = nearest_name(name, known);
  if (!near.empty()) return "did you mean " + quoted(near) + "?";
  if (known.empty()) return "none is declared";
  constexpr std::size_t most = 12;  // a longer list is no longer read
  if (known.size() > most) {
    return "known are " + listed(known.first(most)) + " and " + std::to_string(known.size() - most) + " more";
  }
  return (known.size() == 1 ? "known is " : "known are ") + listed(known);
}

std::string quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

std::string listed(std::span<const std::string> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace luban::core
