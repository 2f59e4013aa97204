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

/// A reading of a monotonic clock (nanoseconds since a start that has no date, as Python's `time.monotonic_ns`);
/// missing = the smallest int64. It measures durations and never mixes with an instant or a plain number.
/// Differences and sums saturate: a clock that makes no sense cannot look fresh by wrapping round.
class LUBAN_CORE_EXPORT MonotonicTime {
 public:
  constexpr MonotonicTime() noexcept = default;  ///< missing
  constexpr explicit MonotonicTime(Nanoseconds since_start) noexcept : since_start_(since_start) {}

  [[nodiscard]] constexpr Nanoseconds since_start() const noexcept { return since_start_; }
  [[nodiscard]] constexpr bool missing() const noexcept { return since_start_.count() == UtcTime::missing_count; }

  friend constexpr auto operator<=>(MonotonicTime, MonotonicTime) noexcept = default;
  friend constexpr Nanoseconds operator-(MonotonicTime a, MonotonicTime b) noexcept {
    const std::int64_t x = a.since_start_.count();
    const std::int64_t y = b.since_start_.count();
    if (y > 0 && x < lowest + y) return Nanoseconds(lowest);
    if (y < 0 && x > highest + y) return Nanoseconds(highest);
    return Nanoseconds(x - y);
  }
  friend constexpr MonotonicTime operator+(MonotonicTime a, Nanoseconds d) noexcept {
    const std::int64_t x = a.since_start_.count();
    const std::int64_t y = d.count();
    if (y > 0 && x > highest - y) return MonotonicTime(Nanoseconds(highest));
    if (y < 0 && x < lowest - y) return MonotonicTime(Nanoseconds(lowest));
    return MonotonicTime(Nanoseconds(x + y));
  }

 private:
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  Nanoseconds since_start_{UtcTime::missing_count};
};

}  // namespace luban::core
