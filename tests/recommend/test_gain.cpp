#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/random.hpp>
#include <luban/recommend/detail/gain.hpp>

namespace luban::recommend {
namespace {

using detail::Gain;
using process::Goal;

/// Posterior of the expected responses at a proposal and at its reference.
struct Pair {
  Eigen::Vector2d mean;
  double sd_x;
  double sd_reference;
  double correlation;
  [[nodiscard]] Eigen::Matrix2d covariance() const {
    const double shared = correlation * sd_x * sd_reference;
    return (Eigen::Matrix2d() << sd_x * sd_x, shared, shared, sd_reference * sd_reference).finished();
  }
  [[nodiscard]] Pair swapped() const { return {mean.reverse(), sd_reference, sd_x, correlation}; }
};

constexpr double target = 1.8;

const std::vector<Pair> pairs = {
    {{1.8, 2.6}, 0.4, 0.5, 0.3},   {{1.8, 1.8}, 0.3, 0.6, -0.5},  {{1.5, 2.3}, 0.2, 0.2, 0.95},
    {{2.0, 1.9}, 1.0, 1.1, 0.999}, {{1.81, 2.4}, 0.01, 0.5, 0.1}, {{1.7, 1.7}, 0.5, 0.002, 0.0},
    {{1.8, 2.0}, 0.3, 0.0, 0.0},   {{9.0, 9.5}, 0.2, 0.3, 0.4},   {{1.79, 1.85}, 0.4, 0.4, 0.9999999},
};

Gain gain_of(const Pair& pair, Goal goal = Goal::target) {
  return detail::make_gain({0, goal, target}, pair.mean, pair.covariance(), 0.1);
}

TEST(Gain, towards_a_target_equals_sampling) {
  constexpr int samples = 1000000;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const Pair& pair = pairs[k];
    const Gain gain = gain_of(pair);
    core::Generator generator = core::RandomKey(40).child(k).generator();
    double sum = 0.0;
    double squares = 0.0;
    double improvement = 0.0;
    double above = 0.0;
    double far_above = 0.0;
    const double rest = std::sqrt(1.0 - pair.correlation * pair.correlation);
    for (int i = 0; i < samples; ++i) {
      const double z = generator.normal();
      const double x = pair.mean(0) + pair.sd_x * z;
      const double reference = pair.mean(1) + pair.sd_reference * (pair.correlation * z + rest * generator.normal());
      const double better = std::abs(reference - target) - std::abs(x - target);
      sum += better;
      squares += better * better;
      improvement += std::max(0.0, better);
      above += better > 0.0 ? 1.0 : 0.0;
      far_above += better > 0.1 ? 1.0 : 0.0;
    }
    const double mean = sum / samples;
    const double sd = std::sqrt(squares / samples - mean * mean);
    const double error = 5.0 * sd / std::sqrt(samples);  // of a mean, five standard errors
    EXPECT_NEAR(gain.mean, mean, error) << k;
    EXPECT_NEAR(gain.sd, sd, 2.0 * error) << k;
    EXPECT_NEAR(detail::expected_improvement(gain), improvement / samples, error) << k;
    EXPECT_NEAR(detail::probability_above(gain, 0.0), above / samples, 5.0 * 0.5e-3) << k;
    EXPECT_NEAR(detail::probability_above(gain, 0.1), far_above / samples, 5.0 * 0.5e-3) << k;
  }
}

// The quadrature conditions on the reference; seen from the other side everything must come out the same.
TEST(Gain, there_and_back_cancel_to_rounding) {
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const Gain there = gain_of(pairs[k]);
    const Gain back = gain_of(pairs[k].swapped());
    EXPECT_NEAR(there.mean, -back.mean, 1e-12) << k;
    EXPECT_NEAR(there.sd, back.sd, 1e-7) << k;
    EXPECT_NEAR(detail::probability_above(there, 0.0) + detail::probability_above(back, 0.0), 1.0, 1e-7) << k;
    EXPECT_NEAR(detail::probability_above(there, 0.2) + detail::probability_above(back, -0.2), 1.0, 1e-7) << k;
    EXPECT_NEAR(detail::expected_improvement(there) - detail::expected_improvement(back), there.mean, 1e-7) << k;
  }
}

TEST(Gain, centred_on_the_target_has_a_closed_form) {
  for (const double correlation : {-0.9, -0.2, 0.0, 0.5, 0.99}) {
    for (const double ratio : {0.05, 0.7, 1.0, 3.0}) {
      const double s = 0.4 * ratio;
      const double r = 0.4;
      const Gain gain = gain_of({{target, target}, s, r, correlation});
      const double product = correlation * s * r;
      // |r| > |x| when their difference and sum have one sign: a quadrant of a normal pair.
      const double of_both = (r * r - s * s) / std::sqrt(std::pow(r * r + s * s, 2) - 4.0 * product * product);
      EXPECT_NEAR(detail::probability_above(gain, 0.0), 0.5 + std::asin(of_both) / std::numbers::pi, 1e-9);
      EXPECT_NEAR(gain.mean, std::sqrt(2.0 / std::numbers::pi) * (r - s), 1e-12);
      const double mean_product = 2.0 / std::numbers::pi * s * r *
                                  (std::sqrt(1.0 - correlation * correlation) + correlation * std::asin(correlation));
      EXPECT_NEAR(gain.sd, std::sqrt(s * s + r * r - 2.0 * mean_product - gain.mean * gain.mean), 1e-8);
    }
  }
}

TEST(Gain, far_from_the_target_is_that_of_minimising) {
  const Pair pair{{11.0, 11.3}, 0.2, 0.3, 0.4};
  const Gain to_target = gain_of(pair);
  const Gain down = gain_of(pair, Goal::minimize);
  EXPECT_NEAR(to_target.mean, down.mean, 1e-12);
  EXPECT_NEAR(to_target.sd, down.sd, 1e-9);
  EXPECT_NEAR(detail::expected_improvement(to_target), detail::expected_improvement(down), 1e-9);
  for (const double least : {0.0, 0.3, 1.0}) {
    EXPECT_NEAR(detail::probability_above(to_target, least), detail::probability_above(down, least), 1e-9);
  }
}

TEST(Gain, of_minimise_and_maximise_stay_the_difference_of_two_normals) {
  const Pair pair{{1.0, 1.5}, 0.3, 0.4, 0.5};
  const double sd = std::sqrt(0.09 + 0.16 - 2.0 * 0.5 * 0.3 * 0.4);
  EXPECT_EQ(gain_of(pair, Goal::minimize).mean, 0.5);
  EXPECT_EQ(gain_of(pair, Goal::maximize).mean, -0.5);
  EXPECT_NEAR(gain_of(pair, Goal::minimize).sd, sd, 1e-15);
  EXPECT_NEAR(detail::probability_above(gain_of(pair, Goal::minimize), 0.2), 0.5 * std::erfc(-0.3 / sd / M_SQRT2),
              1e-12);
}

TEST(Gain, same_settings_gain_nothing) {
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    const Gain gain = gain_of({{1.6, 1.6}, 0.3, 0.3, 1.0}, goal);
    EXPECT_NEAR(gain.mean, 0.0, 1e-15);
    EXPECT_EQ(detail::probability_above(gain, 0.0), 0.0);
    EXPECT_NEAR(detail::expected_improvement(gain), 0.0, 1e-7);
  }
  const Gain certain = gain_of({{1.6, 2.2}, 0.0, 0.0, 0.0});
  EXPECT_NEAR(certain.mean, 0.2, 1e-12);
  EXPECT_EQ(detail::probability_above(certain, 0.1), 1.0);
  EXPECT_EQ(detail::probability_above(certain, 0.3), 0.0);
}

}  // namespace
}  // namespace luban::recommend
