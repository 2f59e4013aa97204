#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <luban/core/time.hpp>
#include <string>
#include <type_traits>

namespace luban::history::detail {

/// What stands where there is nothing: NaN, no time, code −1, the empty text.
template <typename T>
[[nodiscard]] T missing_value() {
  if constexpr (std::is_same_v<T, double>) return std::numeric_limits<double>::quiet_NaN();
  if constexpr (std::is_same_v<T, std::int64_t>) return core::UtcTime::missing_count;
  if constexpr (std::is_same_v<T, std::int32_t>) return -1;
  if constexpr (std::is_same_v<T, std::string>) return {};
}

template <typename T>
[[nodiscard]] bool is_missing(const T& value) {
  if constexpr (std::is_same_v<T, double>) return std::isnan(value);
  if constexpr (std::is_same_v<T, std::int64_t>) return value == core::UtcTime::missing_count;
  if constexpr (std::is_same_v<T, std::int32_t>) return value < 0;
  if constexpr (std::is_same_v<T, std::string>) return value.empty();
}

}  // namespace luban::history::detail
