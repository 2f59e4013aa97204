#include <gtest/gtest.h>

#include <cmath>

#include <luban/core/error.hpp>
#include <luban/features/robust_weights.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

/// Readings whose spread is 6 % of their level, as cutting finishes have it; levels from 1 to 10.
testing::Rows proportional(std::uint64_t seed) {
  core::Generator random = core::RandomKey(seed).generator();
  return testing::grid(10, 1, 12, [&](int s, int, int, int) { return (1.0 + s) * (1.0 + 0.06 * random.normal()); });
}

Eigen::Index gross_of(const Eigen::VectorXd& weights) {
  return (weights.array() == 0.0).count();
}

TEST(RobustWeights, NameNoHonestReading) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Dataset data = testing::dataset_of(proportional(seed));
    EXPECT_EQ(gross_of(robust_weights(data, 0)), 0) << "seed " << seed;
  }
}

TEST(RobustWeights, BearHeavyTails) {
  int worlds_with_false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    core::Generator random = core::RandomKey(seed).generator();
    const auto rows = testing::grid(10, 1, 12, [&](int, int, int, int) {  // Student's t, three degrees of freedom
      double squares = 0.0;
      for (int k = 0; k < 3; ++k) squares += std::pow(random.normal(), 2.0);
      return 20.0 + random.normal() / std::sqrt(squares / 3.0);
    });
    worlds_with_false_alarms += gross_of(robust_weights(testing::dataset_of(rows), 0)) > 0 ? 1 : 0;
  }
  EXPECT_LE(worlds_with_false_alarms, 20);  // 10 are expected at a chance of 5 %, 20 once in 400 such tests
}

TEST(RobustWeights, NameMisplacedDecimalPoints) {
  testing::Rows rows = proportional(1);
  rows.roughness[40] *= 10.0;
  rows.roughness[300] *= 10.0;
  rows.roughness[700] *= 100.0;
  const Eigen::VectorXd weights = robust_weights(testing::dataset_of(rows), 0);
  EXPECT_EQ(gross_of(weights), 3);
  EXPECT_EQ(weights(40) + weights(300) + weights(700), 0.0);
}

TEST(RobustWeights, JudgeSmallLevelsByTheirOwnSpread) {
  testing::Rows rows = proportional(2);
  rows.roughness[5] = 5.0;  // level 1, spread 0.06; against a spread common to all levels, 0.3, it would pass
  const Eigen::VectorXd weights = robust_weights(testing::dataset_of(rows), 0);
  EXPECT_EQ(weights(5), 0.0);
  EXPECT_EQ(gross_of(weights), 1);
}

TEST(RobustWeights, AreOneWithoutFellows) {
  core::Generator random = core::RandomKey(4).generator();
  const auto one = testing::grid(20, 1, 1, [&](int, int, int, int) { return std::exp(4.0 * random.normal()); });
  EXPECT_EQ(gross_of(robust_weights(testing::dataset_of(one), 0)), 0);
  auto two = testing::grid(20, 1, 2, [&](int, int, int, int) { return random.normal(); });
  two.roughness[0] = 1000.0;  // of two readings nobody can say which is wrong
  EXPECT_EQ(gross_of(robust_weights(testing::dataset_of(two), 0)), 0);
}

TEST(RobustWeights, ThreeReadingsBorrowThePooledSpread) {
  core::Generator random = core::RandomKey(5).generator();
  auto rows = testing::grid(30, 1, 3, [&](int, int, int, int) { return 5.0 + 0.1 * random.normal(); });
  rows.roughness[7] = 8.0;
  const Eigen::VectorXd weights = robust_weights(testing::dataset_of(rows), 0);
  EXPECT_EQ(weights(7), 0.0);
  EXPECT_EQ(gross_of(weights), 1);
}

TEST(RobustWeights, BearCoarseRecording) {
  core::Generator random = core::RandomKey(6).generator();  // two thirds of the readings are exactly 20
  auto rows = testing::grid(20, 1, 12, [&](int, int, int, int) { return std::round(20.0 + 0.5 * random.normal()); });
  EXPECT_EQ(gross_of(robust_weights(testing::dataset_of(rows), 0)), 0);
  rows.roughness[100] = 200.0;
  EXPECT_EQ(gross_of(robust_weights(testing::dataset_of(rows), 0)), 1);
}

TEST(RobustWeights, MissingReadingsWeighNothingAndDoNotCount) {
  testing::Rows rows = proportional(7);
  rows.roughness[3] = process::no_number;
  testing::Rows two_columns = rows;
  process::ProcessDefinition definition = testing::turning_definition();
  process::Response other;
  other.name = "other";
  definition.responses.push_back(other);
  process::Table table = two_columns.table();
  table.add(process::Column::float64("other", "", std::vector<double>(rows.roughness.size(), 1.0)));
  const Dataset data = make_dataset(process::Process(definition), testing::source_of(std::move(table)));
  const Eigen::VectorXd weights = robust_weights(data, 0);
  EXPECT_EQ(weights(3), 0.0);
  EXPECT_EQ(gross_of(weights), 1);
  EXPECT_EQ(gross_of(robust_weights(data, 1)), 0);  // a constant response is not an error
}

TEST(RobustWeights, RefuseOptionsOutOfRange) {
  const Dataset data = testing::dataset_of(proportional(8));
  EXPECT_THROW((void)robust_weights(data, 0, {.gross_chance = 0.0}), core::ConfigurationError);
  EXPECT_THROW((void)robust_weights(data, 0, {.min_cell_readings = 1}), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::features
