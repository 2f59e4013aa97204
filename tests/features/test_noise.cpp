#include <gtest/gtest.h>

#include <cmath>

#include <luban/features/noise.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

NoiseEstimate noise_of(const testing::Rows& rows) {
  const Dataset data = testing::dataset_of(rows);
  return estimate_noise(reduce(data, 0, Eigen::VectorXd::Ones(data.n())));
}

/// Readings around a setting's level with a run's offset (sd between) and a reading's own (sd within).
testing::Rows simulated(int settings, int runs, int readings, double between, double within, std::uint64_t seed) {
  core::Generator random = core::RandomKey(seed).generator();
  int last = -1;
  double offset = 0.0;
  return testing::grid(settings, runs, readings, [&](int s, int w, int r, int p) {
    const int run = (s * 2 + w) * runs + r;
    if (run != last) offset = between * random.normal();
    last = run;
    return 5.0 + s + 2.0 * w + 0.5 * p + offset + within * random.normal();
  });
}

TEST(Noise, MomentsAreUnbiased) {
  double within = 0.0;
  double between = 0.0;
  const int worlds = 200;
  for (std::uint64_t seed = 0; seed < worlds; ++seed) {
    const NoiseEstimate noise = noise_of(simulated(5, 3, 4, 0.8, 0.5, seed));
    EXPECT_EQ(noise.within_dof, 5 * 2 * 3 * 3 * 3);
    EXPECT_EQ(noise.between_dof, 5 * 2 * 2);  // a run's offset is shared by its three positions
    within += noise.within_sd * noise.within_sd / worlds;
    between += noise.between_sd * noise.between_sd / worlds;
  }
  // The mean of 200 estimates on 20 degrees of freedom scatters by 0.64 · sqrt(2 / 20 / 200) = 0.014.
  EXPECT_NEAR(within, 0.25, 0.01);
  EXPECT_NEAR(between, 0.64, 0.06);
}

TEST(Noise, NoSpreadBetweenRunsGivesNearlyNone) {
  const NoiseEstimate noise = noise_of(simulated(40, 3, 4, 0.0, 1.0, 1));
  EXPECT_NEAR(noise.within_sd, 1.0, 0.05);
  EXPECT_LT(noise.between_sd, 0.25);
}

TEST(Noise, WhatWasNeverRepeatedIsUnknown) {
  const NoiseEstimate one_run_each = noise_of(simulated(5, 1, 4, 1.0, 0.5, 2));
  EXPECT_EQ(one_run_each.between_dof, 0);
  EXPECT_TRUE(std::isnan(one_run_each.between_sd));
  EXPECT_NEAR(one_run_each.within_sd, 0.5, 0.15);
  const NoiseEstimate one_reading_each = noise_of(simulated(50, 3, 1, 1.0, 0.5, 3));
  EXPECT_EQ(one_reading_each.within_dof, 0);
  EXPECT_TRUE(std::isnan(one_reading_each.within_sd));
  EXPECT_NEAR(one_reading_each.between_sd, std::sqrt(1.25), 0.2);  // both levels, inseparable
}

}  // namespace
}  // namespace luban::features
