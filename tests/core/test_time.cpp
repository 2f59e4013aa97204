#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/time.hpp>

namespace luban::core {
namespace {

using namespace std::chrono_literals;

std::int64_t count(const char* text) {
  return UtcTime::parse(text).since_epoch().count();
}

UtcTime at(std::int64_t nanoseconds) {
  return UtcTime(Nanoseconds(nanoseconds));
}

TEST(utc_time, reads_iso_8601) {
  EXPECT_EQ(count("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(count("2026-11-24T10:15:00Z"), 1'795'515'300'000'000'000);
  EXPECT_EQ(count("2026-11-24 10:15:00Z"), count("2026-11-24T10:15:00Z"));
  EXPECT_EQ(count("2026-11-24T11:15:00+01:00"), count("2026-11-24T10:15:00Z"));
  EXPECT_EQ(count("2026-11-24T04:45:00-05:30"), count("2026-11-24T10:15:00Z"));
  EXPECT_EQ(count("2026-11-24T10:15Z"), count("2026-11-24T10:15:00Z"));
  EXPECT_EQ(count("2026-11-24T11:15+01:00"), count("2026-11-24T10:15:00Z"));
  EXPECT_EQ(count("1970-01-01T00:00:00.000000001Z"), 1);
  EXPECT_EQ(count("1970-01-01T00:00:00.5Z"), 500'000'000);
  EXPECT_EQ(count("1969-12-31T23:59:59.999999999Z"), -1);
  EXPECT_EQ(count("2000-02-29T00:00:00Z") + 86'400'000'000'000, count("2000-03-01T00:00:00Z"));
}

TEST(utc_time, refuses_what_is_no_instant) {
  for (const char* text : {"",
                           "now",
                           "2026-11-24",
                           "2026-11-24T10:15:00",
                           "2026-11-24T10Z",
                           "2026-11-24T10:15.5Z",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-00-10T00:00:00Z",
                           "2026-11-24T24:00:00Z",
                           "2026-11-24T10:60:00Z",
                           "2026-11-24T10:15:60Z",
                           "2026-11-24T10:15:00.Z",
                           "2026-11-24T10:15:00.1234567891Z",
                           "2026-11-24T10:15:00ZZ",
                           "2026-11-24T10:15:00+0100",
                           "2026-11-24T10:15:00+24:00",
                           "2026-11-24T10:15:00 Z",
                           "26-11-24T10:15:00Z",
                           "1677-12-31T00:00:00Z",
                           "2262-01-01T00:00:00Z",
                           "-026-11-24T10:15:00Z"}) {
    EXPECT_THROW(static_cast<void>(UtcTime::parse(text)), DataError) << text;
  }
}

TEST(utc_time, says_what_a_time_without_zone_lacks) {
  try {
    static_cast<void>(UtcTime::parse("2026-11-24T10:15:00"));
    FAIL() << "a local time was taken";
  } catch (const DataError& error) {
    EXPECT_EQ(error.detail().received, "\"2026-11-24T10:15:00\"");
    EXPECT_NE(error.detail().hint.find("add Z"), std::string::npos);
  }
}

TEST(utc_time, writes_what_it_reads) {
  for (const char* text : {"2026-11-24T10:15:00.000000000Z", "1969-12-31T23:59:59.999999999Z",
                           "1678-01-01T00:00:00.000000001Z", "2261-12-31T23:59:59.999999999Z"}) {
    EXPECT_EQ(UtcTime::parse(text).iso(), text);
  }
}

TEST(utc_time, writes_the_first_and_the_last_instant) {
  EXPECT_EQ(at(std::numeric_limits<std::int64_t>::max()).iso(), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(at(UtcTime::missing_count + 1).iso(), "1677-09-21T00:12:43.145224193Z");
}

TEST(utc_time, is_missing_until_it_is_set) {
  EXPECT_TRUE(UtcTime().missing());
  EXPECT_EQ(UtcTime().iso(), "missing");
  EXPECT_FALSE(at(0).missing());
  EXPECT_LT(UtcTime(), at(0));
}

TEST(utc_time, keeps_instants_and_durations_apart) {
  const UtcTime start = UtcTime::parse("2026-11-24T10:15:00Z");
  EXPECT_EQ((start + 90min).iso(), "2026-11-24T11:45:00.000000000Z");
  EXPECT_EQ((start - 1s).iso(), "2026-11-24T10:14:59.000000000Z");
  EXPECT_EQ((start + 1ms) - start, 1ms);
  EXPECT_GT(start + Nanoseconds(1), start);
}

TEST(utc_time, now_lies_between_two_looks_at_the_clock) {
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  const Nanoseconds now = UtcTime::now().since_epoch();
  const auto after = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LE(std::chrono::floor<Nanoseconds>(before), now);
  EXPECT_LE(now, std::chrono::ceil<Nanoseconds>(after));
}

TEST(monotonic_time, is_missing_until_it_is_set) {
  EXPECT_TRUE(MonotonicTime().missing());
  EXPECT_FALSE(MonotonicTime(0s).missing());
  EXPECT_LT(MonotonicTime(), MonotonicTime(0s));
}

TEST(monotonic_time, measures_durations) {
  const MonotonicTime start(10s);
  EXPECT_EQ((start + 1500ms) - start, 1500ms);
  EXPECT_EQ(start - (start + 1ns), -1ns);
  EXPECT_EQ((start + -3s).since_start(), 7s);
}

TEST(monotonic_time, saturates_instead_of_wrapping) {
  const MonotonicTime first(Nanoseconds::min());
  const MonotonicTime last(Nanoseconds::max());
  EXPECT_EQ(last - first, Nanoseconds::max());
  EXPECT_EQ(first - last, Nanoseconds::min());
  EXPECT_EQ(MonotonicTime(0ns) - first, Nanoseconds::max());
  EXPECT_EQ(MonotonicTime(-1ns) - first, Nanoseconds::max());
  EXPECT_EQ(last + 1ns, last);
  EXPECT_EQ(first + -1ns, first);
  EXPECT_EQ(first + Nanoseconds::max(), MonotonicTime(-1ns));
}

}  // namespace
}  // namespace luban::core
