#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <luban/recommend/detail/trust_region.hpp>

namespace luban::recommend::detail {
namespace {

const Eigen::VectorXd no_bounds;

Eigen::VectorXd values(std::initializer_list<double> of) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(of.size()));
  std::copy(of.begin(), of.end(), out.begin());
  return out;
}

TEST(trust_region, a_design_comes_first) {
  const TrustRegion region = trust_region(values({1.0, 3.0, 2.0}), no_bounds, 2, 1, 4);
  EXPECT_TRUE(region.designing);
  EXPECT_EQ(region.centre, 1);
  EXPECT_EQ(region.length, 0.8);
  EXPECT_TRUE(trust_region(Eigen::VectorXd(0), no_bounds, 2, 1, 4).designing);
  EXPECT_FALSE(trust_region(values({1.0, 3.0, 2.0, 0.0}), no_bounds, 2, 1, 4).designing);
}

TEST(trust_region, three_successes_double_and_four_failures_halve) {
  EXPECT_EQ(trust_region(values({0, 1, 2, 3}), no_bounds, 2, 1, 1).length, 1.6);
  EXPECT_EQ(trust_region(values({0, 1, 2, 3, 4, 5, 6}), no_bounds, 2, 1, 1).length, 1.6);  // the largest
  EXPECT_EQ(trust_region(values({5, 1, 2, 3, 4}), no_bounds, 2, 1, 1).length, 0.4);
  EXPECT_EQ(trust_region(values({5, 1, 2, 3, 4}), no_bounds, 5, 1, 1).length, 0.8);  // five columns: five failures
  EXPECT_EQ(trust_region(values({5, 1, 2, 6, 3, 4, 1}), no_bounds, 2, 1, 1).length, 0.8);            // in a row
  EXPECT_EQ(trust_region(values({5, 5.004, 5.004, 5.004, 5.004}), no_bounds, 2, 1, 1).length, 0.4);  // too little
}

TEST(trust_region, q_runs_are_one_round) {
  // Two failed rounds of two runs, as many runs as four failures.
  EXPECT_EQ(trust_region(values({5, 1, 2, 3, 4}), no_bounds, 2, 2, 1).length, 0.4);
  EXPECT_EQ(trust_region(values({5, 1, 6, 1, 7, 1, 8}), no_bounds, 2, 2, 1).length, 1.6);
  EXPECT_EQ(trust_region(values({5, 1, 6, 1, 7, 1}), no_bounds, 2, 2, 1).length, 0.8);  // the last is not over
}

TEST(trust_region, starts_anew_when_it_has_collapsed) {
  Eigen::VectorXd utility = Eigen::VectorXd::Zero(1 + 7 * 4 + 2);
  utility(0) = 1.0;
  utility(utility.size() - 1) = 0.5;
  const TrustRegion region = trust_region(utility, no_bounds, 2, 1, 1);  // 0.8 / 2⁷ is below the smallest
  EXPECT_EQ(region.starts, 2);
  EXPECT_EQ(region.first, 29);
  EXPECT_EQ(region.centre, 30);
  EXPECT_EQ(region.length, 0.8);
  EXPECT_EQ(trust_region(utility.head(29), no_bounds, 2, 1, 1).centre, -1);
  EXPECT_TRUE(trust_region(utility.head(29), no_bounds, 2, 1, 1).designing);
}

TEST(trust_region, a_feasible_run_counts_more_than_any_utility) {
  const Eigen::VectorXd utility = values({9, 8, 1, 7, 2});
  const Eigen::VectorXd violation = values({3, 1, 0, 2, 0});
  const TrustRegion region = trust_region(utility, violation, 2, 1, 1);
  EXPECT_EQ(region.centre, 4);
  EXPECT_EQ(trust_region(utility.head(2), violation.head(2), 2, 1, 1).centre, 1);
  // Successes: a smaller violation, then feasible; the third round fails, the fourth improves.
  EXPECT_EQ(region.length, 0.8);
}

TEST(trust_region, a_run_without_result_is_a_failure) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const TrustRegion region = trust_region(values({none, 2, none, none, none, none}), no_bounds, 2, 1, 2);
  EXPECT_EQ(region.centre, 1);
  EXPECT_EQ(region.length, 0.4);
  EXPECT_EQ(trust_region(values({none, none}), no_bounds, 2, 1, 1).centre, -1);
}

TEST(trust_region, widths_have_the_volume_of_a_cube) {
  const Eigen::VectorXd widths = trust_region_widths(0.4, values({0.1, 1.0, 3.0}));
  EXPECT_NEAR(widths.prod(), 0.4 * 0.4 * 0.4, 1e-12);
  EXPECT_NEAR(widths(1) / widths(0), 10.0, 1e-12);
}

}  // namespace
}  // namespace luban::recommend::detail
