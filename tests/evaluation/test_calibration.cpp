#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <luban/core/error.hpp>
#include <luban/evaluation/calibration.hpp>

#include "support.hpp"

namespace luban::evaluation {
namespace {

using testing::World;

constexpr double z_90 = 1.6448536269514722;

double half_width_90(const Calibration& calibration) {
  return calibration.ratio(0.9) * z_90;
}

TEST(Calibration, IsAnOrderStatisticWhenEachGroupHasOneResidual) {
  Residuals residuals;
  for (int g = 0; g < 20; ++g) {  // 20 groups: the 18th of the 19 others covers 18 of 20 left out
    residuals.size.push_back(static_cast<double>(g + 1));
    residuals.group.push_back(g);
  }
  const Calibration calibration = calibrate(residuals);
  EXPECT_EQ(calibration.groups, 20);
  EXPECT_DOUBLE_EQ(calibration.reached, 0.95);
  EXPECT_NEAR(half_width_90(calibration), 19.0, 1e-9);
}

TEST(Calibration, AGroupCountsOnceHoweverManyReadingsItHas) {
  Residuals residuals;
  for (int g = 0; g < 40; ++g) {
    const int readings = g == 0 ? 100000 : 10;
    for (int k = 0; k < readings; ++k) {
      residuals.size.push_back(g == 0 ? 50.0 : 1.0);
      residuals.group.push_back(g);
    }
  }
  EXPECT_NEAR(half_width_90(calibrate(residuals)), 1.0, 1e-9);
}

TEST(Calibration, FewGroupsFallBackOnStudent) {
  Residuals residuals{.size = {1.0, 1.0, 1.0}, .group = {0, 0, 3}};  // two groups, group numbers with gaps
  const Calibration calibration = calibrate(residuals);
  EXPECT_EQ(calibration.groups, 2);
  EXPECT_NEAR(calibration.reached, 2.0 / 3.0, 1e-12);
  EXPECT_NEAR(half_width_90(calibration), 2.919986, 1e-5);              // t, 2 degrees of freedom, two-sided 90 %
  EXPECT_NEAR(calibration.ratio(0.95) * 1.9599639845, 4.302653, 1e-5);  // 95 %
  EXPECT_NEAR(calibration.ratio(0.5) * 0.67448975, 1.0, 1e-6);          // measured still
  residuals = {.size = {2.0}, .group = {0}};
  EXPECT_NEAR(half_width_90(calibrate(residuals)), 2.0 * 6.313752, 1e-4);  // one degree of freedom
  residuals = {.size = std::vector<double>(7, 1.0), .group = {0, 1, 2, 3, 4, 5, 6}};
  EXPECT_NEAR(half_width_90(calibrate(residuals)), 1.894579, 1e-5);  // seven
}

TEST(Calibration, IntervalsStayNested) {
  core::Generator random = core::RandomKey(1).generator();
  for (int groups = 1; groups < 30; ++groups) {
    Residuals residuals;
    for (int g = 0; g < groups; ++g) {
      for (int k = 0; k < 5; ++k) {
        residuals.size.push_back(std::abs(random.normal()) * (g == 0 ? 30.0 : 1.0));
        residuals.group.push_back(g);
      }
    }
    const Calibration calibration = calibrate(residuals);
    double before = 0.0;
    for (std::size_t l = 0; l < calibration.levels.size(); ++l) {
      // The half-width in sd is ratio · z; compare through the normal distribution's own quantiles.
      double low = 0.0;
      double high = 40.0;
      for (int i = 0; i < 100; ++i) {
        const double middle = 0.5 * (low + high);
        (std::erf(middle / std::numbers::sqrt2) < calibration.levels[l] ? low : high) = middle;
      }
      const double half_width = calibration.ratios[l] * high;
      EXPECT_TRUE(std::isfinite(half_width));
      EXPECT_GE(half_width, before - 1e-9);
      before = half_width;
    }
  }
}

TEST(Calibration, RefusesNothingAndSurvivesJson) {
  EXPECT_THROW((void)calibrate({}), core::DataError);
  const Calibration calibration = calibrate({.size = {1.0, 2.0, 3.0}, .group = {0, 1, 2}});
  const Calibration read = Calibration::from_json(core::Json::parse(calibration.to_json().dump()));
  EXPECT_EQ(read.ratios, calibration.ratios);
  EXPECT_EQ(read.groups, 3);
  core::Json broken = calibration.to_json();
  broken.set("levels", std::vector<double>{0.5});
  EXPECT_THROW((void)Calibration::from_json(broken), core::DataError);
  EXPECT_DOUBLE_EQ(Calibration{}.ratio(0.9), 1.0);
}

/// Mean coverage of new groups' readings by calibrated 90 % intervals of an overconfident model.
double coverage_of_new_groups(const World& world, double claimed_sd, int worlds, double* uncalibrated) {
  double covered = 0.0;
  double covered_without = 0.0;
  double count = 0.0;
  for (int w = 0; w < worlds; ++w) {
    const core::RandomKey key = core::RandomKey(77).child(static_cast<std::uint64_t>(w));
    const features::Dataset data = testing::simulate(world, key.child("data"));
    const Contender model = testing::line("line", 0.0, 0.0, claimed_sd);
    const auto folds = features::group_folds(data, std::min(world.groups, 5), key.child("folds"));
    const OutOfFold answer = cross_validate(data, {model}, folds, key, {.threads = 1}).front();
    const Calibration calibration =
        calibrate(standardised_residuals(data, answer, 0, Eigen::VectorXd::Ones(data.n()), Target::reading));
    World fresh = world;
    fresh.groups = 20;
    const features::Dataset unseen = testing::simulate(fresh, key.child("unseen"));
    const auto posterior = model.make(data, key, {})->posterior(unseen.X);
    const Eigen::MatrixXd away = (unseen.Y - posterior->mean()).cwiseAbs() / claimed_sd;
    covered += static_cast<double>((away.array() <= half_width_90(calibration)).count());
    covered_without += static_cast<double>((away.array() <= z_90).count());
    count += static_cast<double>(away.size());
  }
  *uncalibrated = covered_without / count;
  return covered / count;
}

TEST(Calibration, CoversNewGroups) {
  struct Case {
    World world;
    double claimed_sd;
  };
  // Groups that differ much, little and not at all; claims far too narrow and far too wide.
  const std::vector<Case> cases{
      {{.groups = 20, .runs = 2, .readings = 4, .group_sd = 1.0, .run_sd = 0.3, .reading_sd = 0.3}, 0.3},
      {{.groups = 40, .runs = 2, .readings = 4, .group_sd = 0.3, .run_sd = 0.5, .reading_sd = 0.3}, 0.2},
      {{.groups = 40, .runs = 1, .readings = 6, .group_sd = 0.0, .run_sd = 0.0, .reading_sd = 0.5}, 5.0},
      {{.groups = 6, .runs = 2, .readings = 4, .group_sd = 1.0, .run_sd = 0.3, .reading_sd = 0.3}, 0.3}};
  for (const Case& one : cases) {
    double uncalibrated = 0.0;
    const double covered = coverage_of_new_groups(one.world, one.claimed_sd, 300, &uncalibrated);
    EXPECT_GE(covered, 0.87) << one.world.groups << " groups";
    EXPECT_LE(covered, 0.94) << one.world.groups << " groups";
    EXPECT_GT(std::abs(uncalibrated - 0.9), std::abs(covered - 0.9));
  }
}

TEST(Calibration, LeftOutCoverageIsHonestAboutItself) {
  double claimed = 0.0;
  const int worlds = 200;
  const World world{.groups = 25, .runs = 2, .readings = 4, .group_sd = 1.0, .run_sd = 0.3, .reading_sd = 0.3};
  for (int w = 0; w < worlds; ++w) {
    const core::RandomKey key = core::RandomKey(5).child(static_cast<std::uint64_t>(w));
    const features::Dataset data = testing::simulate(world, key.child("data"));
    const auto folds = features::group_folds(data, 5, key);
    const OutOfFold answer =
        cross_validate(data, {testing::line("line", 0, 0, 0.3)}, folds, key, {.threads = 1}).front();
    const Residuals residuals =
        standardised_residuals(data, answer, 0, Eigen::VectorXd::Ones(data.n()), Target::reading);
    claimed += left_out_coverage(residuals, {0.9}).front() / worlds;
  }
  double uncalibrated = 0.0;
  EXPECT_NEAR(claimed, coverage_of_new_groups(world, 0.3, 300, &uncalibrated), 0.02);
  EXPECT_TRUE(std::isnan(left_out_coverage({.size = {1.0}, .group = {0}}, {0.9}).front()));
}

TEST(Residuals, OfRunMeansHoldTheirShareOfWithinNoise) {
  const World world{.groups = 200, .runs = 2, .readings = 3, .group_sd = 0.0, .run_sd = 0.6, .reading_sd = 0.9};
  const features::Dataset data = testing::simulate(world, core::RandomKey(8));
  const auto folds = features::group_folds(data, 5, core::RandomKey(8));
  const OutOfFold answer =
      cross_validate(data, {testing::line("true", 0.0, 0.6, 0.9)}, folds, core::RandomKey(8)).front();
  for (const Target target : {Target::reading, Target::run_mean}) {
    const Residuals residuals = standardised_residuals(data, answer, 0, Eigen::VectorXd::Ones(data.n()), target);
    EXPECT_EQ(residuals.size.size(), target == Target::reading ? 1200U : 400U);
    double squares = 0.0;
    for (const double size : residuals.size) squares += size * size / static_cast<double>(residuals.size.size());
    EXPECT_NEAR(squares, 1.0, 0.15);
  }
}

}  // namespace
}  // namespace luban::evaluation
