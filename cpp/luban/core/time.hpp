#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <luban/core/export.hpp>

namespace luban::core {

/// Durations carry their unit in the type; a bare number is never a time.
using Nanoseconds = std::chrono::duration<std::int64_t, std::nano>;

/// An instant: UTC nanoseconds since 1970-01-01T00:00:00Z; missing = the smallest int64 (as numpy's NaT).
/// Two instants cannot be added, and an instant never mixes with a plain number or a monotonic clock.
class LUBAN_CORE_EXPORT UtcTime {
 public:
  constexpr UtcTime() noexcept = default;  ///< missing
  constexpr explicit UtcTime(Nanoseconds since_epoch) noexcept : since_epoch_(since_epoch) {}

  [[nodiscard]] static UtcTime now();

  /// Reads ISO 8601: `2026-11-24T10:15:00Z`, an offset `+01:00`, up to nine decimals.
  /// @throws DataError for anything else, a time without zone included (local time is ambiguous twice a year).
  [[nodiscard]] static UtcTime parse(std::string_view text);

  [[nodiscard]] constexpr Nanoseconds since_epoch() const noexcept { return since_epoch_; }
  [[nodiscard]] constexpr bool missing() const noexcept { return since_epoch_.count() == missing_count; }
  [[nodiscard]] std::string iso() const;  ///< `2026-11-24T10:15:00.000000000Z`, or "missing"

  friend constexpr auto operator<=>(UtcTime, UtcTime) noexcept = default;
  friend constexpr Nanoseconds operator-(UtcTime a, UtcTime b) noexcept { return a.since_epoch_ - b.since_epoch_; }
  friend constexpr UtcTime operator+(UtcTime a, Nanoseconds d) noexcept { return UtcTime(a.since_epoch_ + d); }
  friend constexpr UtcTime operator-(UtcTime a, Nanoseconds d) noexcept { return UtcTime(a.since_epoch_ - d); }

  static constexpr std::int64_t missing_count = std::numeric_limits<std::int64_t>::min();

 private:
  Nanoseconds since_epoch_{missing_count};
};

}  // namespace luban::core
