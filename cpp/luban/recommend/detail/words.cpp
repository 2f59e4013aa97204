#include <luban/recommend/detail/words.hpp>

#include <array>
#include <cmath>
#include <cstdio>

namespace luban::recommend::detail {

std::string rounded(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value == 0.0 ? 0.0 : value);
  return text.data();
}

std::string with_unit(double value, const std::string& unit) {
  return unit.empty() ? rounded(value) : rounded(value) + " " + unit;
}

std::string percent(double probability) {
  if (probability < 1.0 && probability > 0.99) return "over 99 %";
  if (probability > 0.0 && probability < 0.01) return "under 1 %";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", 100.0 * probability);
  return text.data();
}

}  // namespace luban::recommend::detail
