#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/monitor/coverage.hpp>

namespace luban::monitor {
namespace {

/// Outcomes to the alarm when intervals cover with probability `coverage`; `longest` when there is none.
double length(double coverage, std::uint64_t seed, int longest) {
  core::Generator random = core::RandomKey(seed).generator();
  CoverageTracker tracker({.level = 0.9, .run_length = 200.0});
  for (int i = 1; i <= longest; ++i) {
    if (tracker.update(random.uniform() < coverage) == CoverageState::failing) return i;
  }
  return longest;
}

TEST(Coverage, alarms_late_while_it_holds_and_soon_when_it_fails) {
  double holding = 0.0;
  double better = 0.0;
  double failing = 0.0;
  constexpr int runs = 500;
  for (int i = 0; i < runs; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    holding += length(0.9, seed, 20000) / runs;
    better += length(0.95, seed, 20000) / runs;
    failing += length(0.6, seed, 20000) / runs;
  }
  EXPECT_GT(holding, 200.0) << "the promise";
  EXPECT_GT(better, holding);
  EXPECT_LT(failing, 30.0);
}

TEST(Coverage, evidence_is_an_e_value) {
  // Ville: under the promise the evidence ever exceeds 20 with probability 1/20 at most.
  int exceeded = 0;
  constexpr int runs = 2000;
  for (int i = 0; i < runs; ++i) {
    core::Generator random = core::RandomKey(1).child(static_cast<std::uint64_t>(i)).generator();
    CoverageTracker tracker({.level = 0.8});
    bool ever = false;
    for (int t = 0; t < 500; ++t) {
      tracker.update(random.uniform() < 0.8);
      ever = ever || tracker.e_value() >= 20.0;
    }
    exceeded += ever ? 1 : 0;
  }
  EXPECT_LE(exceeded, runs / 20 + 3 * std::sqrt(runs * 0.05 * 0.95));
  EXPECT_GT(exceeded, 0);
}

TEST(Coverage, counts_and_windows) {
  CoverageTracker tracker({.level = 0.5, .run_length = 1e6, .window = 4});
  EXPECT_TRUE(std::isnan(tracker.coverage()));
  EXPECT_TRUE(std::isnan(tracker.running_coverage()));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  tracker.update(0.0, 0.5, 1.0);
  tracker.update(0.0, 1.0, 1.0);  // the border is inside
  tracker.update(0.0, 1.5, 1.0);
  tracker.update(nan, 1.5, 1.0);
  tracker.update(0.0, nan, 1.0);
  EXPECT_EQ(tracker.outcomes(), 3);
  EXPECT_EQ(tracker.missing(), 2);
  EXPECT_DOUBLE_EQ(tracker.coverage(), 2.0 / 3.0);
  for (int i = 0; i < 3; ++i) tracker.update(false);
  EXPECT_DOUBLE_EQ(tracker.coverage(), 2.0 / 6.0);
  EXPECT_DOUBLE_EQ(tracker.running_coverage(), 0.0);
  EXPECT_DOUBLE_EQ(tracker.running_bounds().lower, 0.0);
  EXPECT_NEAR(tracker.running_bounds(0.95).upper, 1.0 - std::pow(0.025, 0.25), 1e-12);
  tracker.reset();
  EXPECT_EQ(tracker.outcomes(), 0);
  EXPECT_EQ(tracker.e_value(), 1.0);
}

TEST(Coverage, an_alarm_stays) {
  CoverageTracker tracker;
  while (tracker.update(false) == CoverageState::holding) {
  }
  for (int i = 0; i < 1000; ++i) tracker.update(true);
  EXPECT_EQ(tracker.state(), CoverageState::failing);
  tracker.reset();
  EXPECT_EQ(tracker.state(), CoverageState::holding);
}

TEST(Coverage, options_are_checked) {
  EXPECT_THROW(CoverageTracker({.level = 1.0}), core::ConfigurationError);
  EXPECT_THROW(CoverageTracker({.run_length = 1.0}), core::ConfigurationError);
  EXPECT_THROW(CoverageTracker({.window = 0}), core::ConfigurationError);
  EXPECT_THROW((void)CoverageTracker().running_bounds(1.0), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::monitor
