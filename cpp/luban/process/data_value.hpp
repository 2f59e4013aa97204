#pragma once

#include <cstdint>
#include <string>

#include <luban/core/time.hpp>

namespace luban::process {

/// Severity of a status code (OPC UA Part 4): bad is never used, always check first.
enum class Severity : std::uint8_t { good, uncertain, bad };

/// One value from the plant, with what is needed to judge it.
struct DataValue {
  double value = 0.0;
  std::string unit;
  std::uint32_t status = 0;   ///< OPC UA status code
  core::UtcTime source_time;  ///< when value or status last changed
  core::UtcTime server_time;  ///< when the server last knew it to be right

  /// The two top bits of the status code (OPC UA Part 4 §7.39).
  [[nodiscard]] constexpr Severity severity() const noexcept {
    const std::uint32_t top = status >> 30U;
    return top == 0 ? Severity::good : top == 1 ? Severity::uncertain : Severity::bad;
  }
};

}  // namespace luban::process
