#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/monitor/drift.hpp>

namespace luban::monitor {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// The definition of Page's statistic: the walk minus its lowest point, here from scratch at every value.
double walk_above_minimum(const std::vector<double>& steps) {
  double sum = 0.0;
  double lowest = 0.0;
  for (const double step : steps) {
    sum += step;
    lowest = std::min(lowest, sum);
  }
  return sum - lowest;
}

TEST(Cusum, is_the_walk_above_its_minimum_on_both_sides) {
  core::Generator random = core::RandomKey(1).generator();
  Cusum chart({.allowance = 0.3, .threshold = 1e9});
  std::vector<double> up;
  std::vector<double> down;
  for (int i = 0; i < 300; ++i) {
    const double z = random.normal();
    up.push_back(z - 0.3);
    down.push_back(-z - 0.3);
    chart.update(z);
    EXPECT_NEAR(chart.statistic(), std::max(walk_above_minimum(up), walk_above_minimum(down)), 1e-9);
  }
}

TEST(PageHinkley, is_the_walk_about_the_running_mean_after_the_warm_up) {
  core::Generator random = core::RandomKey(2).generator();
  PageHinkley chart({.allowance = 0.2, .threshold = 1e9, .warm_up = 10});
  std::vector<double> up;
  std::vector<double> down;
  double sum = 0.0;
  for (int i = 1; i <= 300; ++i) {
    const double z = random.normal() + 3.0;  // a constant bias is no drift
    sum += z;
    if (i > 10) {
      up.push_back(z - sum / i - 0.2);
      down.push_back(sum / i - z - 0.2);
    }
    chart.update(z);
    EXPECT_NEAR(chart.statistic(), std::max(walk_above_minimum(up), walk_above_minimum(down)), 1e-9);
  }
}

template <typename Chart>
void expect_finds(double shift, DriftDirection direction) {
  core::Generator random = core::RandomKey(3).generator();
  Chart chart({.threshold = 8.0});
  for (int i = 0; i < 100; ++i) ASSERT_EQ(chart.update(random.normal()), DriftState::stable);
  for (int i = 0; i < 100; ++i) chart.update(random.normal() + shift);
  EXPECT_EQ(chart.state(), DriftState::drift);
  EXPECT_EQ(chart.direction(), direction);
  for (int i = 0; i < 500; ++i) chart.update(-shift);
  EXPECT_EQ(chart.state(), DriftState::drift) << "an alarm stays until somebody resets it";
  EXPECT_EQ(chart.direction(), direction);
  chart.reset();
  EXPECT_EQ(chart.state(), DriftState::stable);
  EXPECT_EQ(chart.statistic(), 0.0);
  EXPECT_EQ(chart.seen(), 0);
}

TEST(Drift, is_found_on_either_side_and_stays) {
  expect_finds<Cusum>(1.5, DriftDirection::up);
  expect_finds<Cusum>(-1.5, DriftDirection::down);
  expect_finds<PageHinkley>(1.5, DriftDirection::up);
  expect_finds<PageHinkley>(-1.5, DriftDirection::down);
}

TEST(Drift, a_missing_value_changes_nothing_but_its_count) {
  core::Generator random = core::RandomKey(4).generator();
  Cusum with;
  Cusum without;
  for (int i = 0; i < 500; ++i) {
    const double z = 0.4 * random.normal();
    if (i % 3 == 0) with.update(missing);
    EXPECT_EQ(with.update(z), without.update(z));
    EXPECT_EQ(with.statistic(), without.statistic());
  }
  EXPECT_EQ(with.missing(), 167);
  EXPECT_EQ(with.seen(), without.seen());
}

TEST(Drift, persistence_waits_for_k_of_n) {
  Cusum chart({.allowance = 0.0, .threshold = 1.0, .persistence = {.needed = 3, .among = 4}});
  EXPECT_EQ(chart.update(2.0), DriftState::suspected);
  EXPECT_EQ(chart.update(-1.5), DriftState::suspected);  // the other side is at 1.5
  EXPECT_EQ(chart.update(1.0), DriftState::drift);

  Cusum spikes({.allowance = 5.0, .threshold = 1.0, .persistence = {.needed = 2, .among = 3}});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(spikes.update(7.0), DriftState::suspected);
    EXPECT_EQ(spikes.update(0.0), DriftState::stable);
    EXPECT_EQ(spikes.update(0.0), DriftState::stable);
    EXPECT_EQ(spikes.update(0.0), DriftState::stable);
  }
}

TEST(Drift, every_value_counts_at_64_of_64) {
  Cusum chart({.allowance = 0.0, .threshold = 1.0, .persistence = {.needed = 64, .among = 64}});
  for (int i = 1; i <= 65; ++i) {
    EXPECT_EQ(chart.update(1.0) == DriftState::drift, i >= 65) << i;  // the first is at the threshold, not beyond
  }
}

TEST(Drift, an_infinite_residual_is_beyond_every_threshold) {
  Cusum chart;
  EXPECT_EQ(chart.update(std::numeric_limits<double>::infinity()), DriftState::drift);
  PageHinkley other({.warm_up = 1});
  other.update(0.0);
  EXPECT_EQ(other.update(-std::numeric_limits<double>::infinity()), DriftState::drift);
}

TEST(Drift, with_threshold_is_the_same_detector_anew) {
  Cusum chart({.allowance = 0.25, .threshold = 3.0, .persistence = {.needed = 2, .among = 5}});
  for (int i = 0; i < 50; ++i) chart.update(1.0);
  const auto other = chart.with_threshold(7.0);
  EXPECT_EQ(other->threshold(), 7.0);
  EXPECT_EQ(other->persistence().needed, 2);
  EXPECT_EQ(other->state(), DriftState::stable);
  EXPECT_EQ(other->seen(), 0);
  EXPECT_EQ(dynamic_cast<const Cusum&>(*other).allowance(), 0.25);
}

TEST(Drift, options_are_checked) {
  EXPECT_THROW(Cusum({.allowance = -0.1}), core::ConfigurationError);
  EXPECT_THROW(Cusum({.threshold = 0.0}), core::ConfigurationError);
  EXPECT_THROW(Cusum({.threshold = missing}), core::ConfigurationError);
  EXPECT_THROW(PageHinkley({.warm_up = 0}), core::ConfigurationError);
  EXPECT_THROW(Cusum({.persistence = {.needed = 0, .among = 3}}), core::ConfigurationError);
  EXPECT_THROW(Cusum({.persistence = {.needed = 4, .among = 3}}), core::ConfigurationError);
  EXPECT_THROW(Cusum({.persistence = {.needed = 1, .among = 65}}), core::ConfigurationError);
  EXPECT_THROW((void)Cusum().with_threshold(-1.0), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::monitor
