#include <luban/core/time.hpp>

#include <array>
#include <cstdio>

#include <luban/core/error.hpp>

namespace luban::core {
namespace {

[[noreturn]] void refuse(std::string_view text) {
  throw DataError({.where = "core.UtcTime.parse",
                   .expected = "an ISO 8601 time with a zone, such as 2026-11-24T10:15:00Z",
                   .received = "\"" + std::string(text) + "\"",
                   .place = {},
                   .hint = "add Z for UTC or an offset such as +01:00"});
}

/// Reads exactly `width` digits at `at` and moves on.
int digits(std::string_view text, std::size_t& at, std::size_t width) {
  if (at + width > text.size()) {
    refuse(text);
  }
  int value = 0;
  for (std::size_t end = at + width; at < end; ++at) {
    if (text[at] < '0' || text[at] > '9') {
      refuse(text);
    }
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

void expect(std::string_view text, std::size_t& at, std::string_view allowed) {
  if (at >= text.size() || allowed.find(text[at]) == std::string_view::npos) {
    refuse(text);
  }
  ++at;
}

Nanoseconds fraction(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  std::int64_t scale = 1'000'000'000;
  const std::size_t first = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    scale /= 10;
    value += scale * (text[at] - '0');
    ++at;
  }
  if (at == first || at - first > 9) {
    refuse(text);
  }
  return Nanoseconds(value);
}

Nanoseconds zone_offset(std::string_view text, std::size_t& at) {
  if (at < text.size() && text[at] == 'Z') {
    ++at;
    return Nanoseconds(0);
  }
  const std::size_t sign_at = at;
  expect(text, at, "+-");
  const int hours = digits(text, at, 2);
  expect(text, at, ":");
  const int minutes = digits(text, at, 2);
  if (hours > 23 || minutes > 59) {
    refuse(text);
  }
  const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return text[sign_at] == '+' ? Nanoseconds(offset) : Nanoseconds(-offset);
}

}  // namespace

UtcTime UtcTime::now() {
  return UtcTime(std::chrono::duration_cast<Nanoseconds>(std::chrono::system_clock::now().time_since_epoch()));
}

UtcTime UtcTime::parse(std::string_view text) {
  std::size_t at = 0;
  const int year = digits(text, at, 4);
  expect(text, at, "-");
  const int month = digits(text, at, 2);
  expect(text, at, "-");
  const int day = digits(text, at, 2);
  expect(text, at, "T ");
  const int hour = digits(text, at, 2);
  expect(text, at, ":");
  const int minute = digits(text, at, 2);
  int second = 0;
  Nanoseconds part{0};
  if (at < text.size() && text[at] == ':') {  // ISO 8601 lets seconds be left out
    ++at;
    second = digits(text, at, 2);
    if (at < text.size() && text[at] == '.') {
      ++at;
      part = fraction(text, at);
    }
  }
  const Nanoseconds offset = zone_offset(text, at);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // Nanoseconds in int64 span 1677-09-21 to 2262-04-11; whole years inside it keep the test simple.
  const bool in_range = year >= 1678 && year <= 2261;
  if (at != text.size() || !date.ok() || !in_range || hour > 23 || minute > 59 || second > 59) {
    refuse(text);
  }
  const Nanoseconds days = std::chrono::sys_days(date).time_since_epoch();
  return UtcTime(days + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) + part -
                 offset);
}

std::string UtcTime::iso() const {
  if (missing()) {
    return "missing";
  }
  // Whole seconds and their rest first: the start of the first day is not a number of nanoseconds in int64.
  constexpr std::int64_t per_second = 1'000'000'000;
  std::int64_t seconds = since_epoch_.count() / per_second;
  std::int64_t rest = since_epoch_.count() % per_second;
  if (rest < 0) {
    rest += per_second;
    --seconds;
  }
  const std::chrono::seconds whole(seconds);
  const auto day = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::chrono::hh_mm_ss clock(whole - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<long long>(rest));
  return text.data();
}

}  // namespace luban::core
