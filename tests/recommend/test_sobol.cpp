#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/sobol.hpp>

namespace luban::recommend {
namespace {

TEST(Sobol, every_dimension_is_stratified) {
  constexpr Eigen::Index count = 256;
  const Sobol sobol(Sobol::most_dimensions, core::RandomKey(3));
  for (const std::uint32_t first : {0U, 1024U}) {
    const Eigen::MatrixXd points = sobol.points(first, count);
    for (Eigen::Index j = 0; j < points.cols(); ++j) {
      std::set<Eigen::Index> strata;
      for (Eigen::Index i = 0; i < count; ++i) {
        ASSERT_GT(points(i, j), 0.0);
        ASSERT_LT(points(i, j), 1.0);
        strata.insert(static_cast<Eigen::Index>(points(i, j) * static_cast<double>(count)));
      }
      ASSERT_EQ(strata.size(), static_cast<std::size_t>(count)) << "dimension " << j;
    }
  }
}

// The first two dimensions form a (0, m, 2)-net in base 2: every elementary box of area 2^-m holds one point.
TEST(Sobol, first_two_dimensions_are_a_net) {
  constexpr int m = 8;
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(11)).points(0, 1 << m);
  for (int a = 0; a <= m; ++a) {
    std::set<std::pair<int, int>> boxes;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      boxes.emplace(static_cast<int>(std::ldexp(points(i, 0), a)), static_cast<int>(std::ldexp(points(i, 1), m - a)));
    }
    EXPECT_EQ(boxes.size(), 1U << m) << "split " << a;
  }
}

TEST(Sobol, integrates_much_better_than_random_points) {
  constexpr int d = 8;
  const Eigen::MatrixXd points = Sobol(d, core::RandomKey(5)).points(0, 4096);
  double mean = 0.0;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    double product = 1.0;
    for (Eigen::Index j = 0; j < d; ++j) product *= 1.0 + (points(i, j) - 0.5) / static_cast<double>(j + 1);
    mean += product / static_cast<double>(points.rows());
  }
  EXPECT_NEAR(mean, 1.0, 5e-4);  // random points: standard error about 6e-3
}

TEST(Sobol, same_key_same_points_in_any_split_other_key_others) {
  const Sobol sobol(5, core::RandomKey(1));
  const Eigen::MatrixXd whole = sobol.points(0, 100);
  EXPECT_EQ(whole.middleRows(37, 20), sobol.points(37, 20));
  EXPECT_EQ(whole, Sobol(5, core::RandomKey(1)).points(0, 100));
  EXPECT_NE(whole, Sobol(5, core::RandomKey(2)).points(0, 100));
}

TEST(Sobol, keys_average_out) {
  double mean = 0.0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    mean += Sobol(3, core::RandomKey(seed)).points(0, 1)(0, 2) / 2000.0;
  }
  EXPECT_NEAR(mean, 0.5, 0.03);  // 4.6 standard errors
}

TEST(Sobol, refuses_too_many_dimensions) {
  EXPECT_THROW(Sobol(0, core::RandomKey(0)), core::ConfigurationError);
  EXPECT_THROW(Sobol(Sobol::most_dimensions + 1, core::RandomKey(0)), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
