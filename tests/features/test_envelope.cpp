#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <luban/core/error.hpp>
#include <luban/features/envelope.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

/// Runs with independent speed and feed, spread over their ranges.
Dataset scattered(int runs, std::uint64_t seed) {
  core::Generator random = core::RandomKey(seed).generator();
  testing::Rows rows;
  for (int r = 0; r < runs; ++r) {
    rows.add(std::to_string(r), 200.0 + 30.0 * random.normal(), 0.1 + 0.01 * random.normal(), r % 2, 2 * (r % 2), 0,
             1.0);
  }
  return testing::dataset_of(rows);
}

TEST(Envelope, StandardisesInTheProcessUnits) {
  const process::TrainingEnvelope envelope = make_envelope(scattered(2000, 1));
  EXPECT_EQ(envelope.names, (std::vector<std::string>{"speed", "feed"}));
  EXPECT_NEAR(envelope.mean[0], 200.0, 2.0);
  EXPECT_NEAR(envelope.scale[0], 30.0, 1.5);
  EXPECT_NEAR(envelope.scale[1], 0.01, 0.0005);
  EXPECT_NEAR(envelope.distance({230.0, 0.1}), 1.0, 0.1);
  EXPECT_GT(envelope.distance({500.0, 0.1}), 8.0);
}

TEST(Envelope, QuantilesAreThoseOfNewRuns) {
  const process::TrainingEnvelope envelope = make_envelope(scattered(4000, 2));
  // Distances of a bivariate normal: the q-quantile is sqrt(−2 log(1 − q)).
  ASSERT_EQ(envelope.quantile_levels.size(), envelope.distance_quantiles.size());
  for (std::size_t k = 0; k < envelope.quantile_levels.size() && envelope.quantile_levels[k] < 0.98; ++k) {
    EXPECT_NEAR(envelope.distance_quantiles[k], std::sqrt(-2.0 * std::log(1.0 - envelope.quantile_levels[k])), 0.12);
  }
  EXPECT_TRUE(std::is_sorted(envelope.distance_quantiles.begin(), envelope.distance_quantiles.end()));
}

TEST(Envelope, FewRunsAreJudgedFromOutside) {
  const Dataset data = scattered(6, 3);
  const process::TrainingEnvelope envelope = make_envelope(data);
  double inside = 0.0;
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    inside = std::max(inside, envelope.distance({std::get<double>(data.encoder.decode_value(0, data.X(i, 0))),
                                                 std::get<double>(data.encoder.decode_value(1, data.X(i, 1)))}));
  }
  EXPECT_GT(envelope.distance_quantiles.back(), inside);
}

TEST(Envelope, OneRunAndConstantColumnsGiveFiniteDistances) {
  const process::TrainingEnvelope one = make_envelope(scattered(1, 4));
  EXPECT_TRUE(std::isfinite(one.distance({100.0, 0.2})));
  testing::Rows rows;
  for (int r = 0; r < 5; ++r) rows.add(std::to_string(r), 200.0, 0.05 + 0.01 * r, 0, 0, 0, 1.0);
  const process::TrainingEnvelope constant = make_envelope(testing::dataset_of(rows));
  EXPECT_GT(constant.distance({210.0, 0.07}), constant.distance({200.0, 0.07}));
}

TEST(Envelope, ListsTheCombinationsSeen) {
  const process::TrainingEnvelope envelope = make_envelope(scattered(10, 5));
  EXPECT_EQ(envelope.category_names, (std::vector<std::string>{"wear", "diameter"}));
  EXPECT_EQ(envelope.combinations, (std::vector<std::vector<std::string>>{{"New", "D30"}, {"Worn", "D50"}}));
}

TEST(Envelope, RefusesNothing) {
  EXPECT_THROW((void)make_envelope(Dataset{}), core::DataError);
}

}  // namespace
}  // namespace luban::features
