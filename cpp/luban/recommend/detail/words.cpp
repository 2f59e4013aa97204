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

std::string unit_suffix(const std::string& unit) {
  return unit.empty() || unit == "1" ? std::string() : " " + unit;
}

std::string with_unit(double value, const std::string& unit) {
  return rounded(value) + unit_suffix(unit);
}

std::string value_text(const process::Value& value, const std::string& unit) {
  const auto* category = std::get_if<std::string>(&value);
  return category != nullptr ? *category : with_unit(std::get<double>(value), unit);
}

std::string percent(double probability) {
  if (probability < 1.0 && probability > 0.99) return "over 99 %";
  if (probability > 0.0 && probability < 0.01) return "under 1 %";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", 100.0 * probability);
  return text.data();
}

std::string better_text(double probability, double min_gain, const std::string& unit) {
  const std::string least = min_gain > 0.0 ? "more than " + with_unit(min_gain, unit) + " " : std::string();
  return least + "better with probability " + percent(probability);
}

}  // namespace luban::recommend::detail
