#include <luban/recommend/detail/words.hpp>

#include <algorithm>
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

std::string difference_text(double value, const std::string& unit) {
  return rounded(value) + (unit == "%" ? " percentage points" : unit_suffix(unit));
}

process::Value plain_value(const features::Encoder& encoder, Eigen::Index column, double coded) {
  process::Value value = encoder.decode_value(column, coded);
  if (auto* number = std::get_if<double>(&value)) {
    const features::EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(column)];
    const double whole = std::round(*number);
    if (std::abs(*number - whole) <= 1e-9 * std::max(variable.high - variable.low, std::abs(whole))) *number = whole;
    if (*number == 0.0) *number = 0.0;  // no "-0"
  }
  return value;
}

std::string value_text(const process::Value& value, const std::string& unit) {
  const auto* category = std::get_if<std::string>(&value);
  return category != nullptr ? *category : with_unit(std::get<double>(value), unit);
}

std::string percent(double probability) {
  if (probability > 0.99) return "over 99 %";
  if (probability > 0.0 && probability < 0.01) return "under 1 %";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", 100.0 * probability);
  return text.data();
}

std::string better_text(double probability, double min_gain, const std::string& unit) {
  const std::string least = min_gain > 0.0 ? "more than " + difference_text(min_gain, unit) + " " : std::string();
  return least + "better with probability " + percent(probability);
}

std::string repaired_text(const std::string& response) {
  return "the covariance of " + response + " was nearly singular and had to be repaired: its predictions are coarse";
}

}  // namespace luban::recommend::detail
