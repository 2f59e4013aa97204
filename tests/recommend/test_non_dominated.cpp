#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/non_dominated.hpp>

#include "front_points.hpp"

namespace luban::recommend {
namespace {

bool dominates(const Eigen::MatrixXd& points, Eigen::Index a, Eigen::Index b) {
  return (points.row(a).array() >= points.row(b).array()).all() && points.row(a) != points.row(b);
}

/// Ranks by peeling: what nothing left dominates is the next rank.
std::vector<int> peeled(const Eigen::MatrixXd& points) {
  std::vector<int> rank(static_cast<std::size_t>(points.rows()), -1);
  Eigen::Index left = points.rows();
  for (int level = 0; left > 0; ++level) {
    std::vector<Eigen::Index> front;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      bool free = rank[i] < 0;
      for (Eigen::Index k = 0; k < points.rows() && free; ++k) free = rank[k] >= 0 || !dominates(points, k, i);
      if (free) front.push_back(i);
    }
    for (const Eigen::Index i : front) rank[i] = level;
    left -= static_cast<Eigen::Index>(front.size());
  }
  return rank;
}

TEST(NonDominated, ranks_are_those_of_peeling) {
  core::Generator generator(1);
  for (int round = 0; round < 300; ++round) {
    const auto m = static_cast<Eigen::Index>(1 + generator.below(5));
    const auto n = static_cast<Eigen::Index>(generator.below(25));
    const Eigen::MatrixXd points = random_points(n, m, round % 2 == 0 ? 0 : 4, generator);
    ASSERT_EQ(non_dominated_ranks(points), peeled(points)) << points;
  }
}

TEST(NonDominated, front_keeps_equal_rows_and_gives_rows_ascending) {
  Eigen::MatrixXd points(5, 2);
  points << 1, 3, 2, 2, 1, 3, 2, 1, 0, 0;
  EXPECT_EQ(non_dominated(points), (std::vector<Eigen::Index>{0, 1, 2}));
  EXPECT_TRUE(non_dominated(Eigen::MatrixXd(0, 2)).empty());
}

TEST(NonDominated, two_objectives_take_many_rows) {
  core::Generator generator(2);
  const Eigen::MatrixXd points = random_points(100000, 2, 0, generator);
  const std::vector<Eigen::Index> front = non_dominated(points);
  for (std::size_t k = 0; k < front.size(); ++k) {
    for (std::size_t l = 0; l < front.size(); ++l) EXPECT_FALSE(dominates(points, front[k], front[l]));
  }
  EXPECT_LT(front.size(), 60U);  // about ln n of uniform points
}

TEST(NonDominated, refuses_what_has_no_order) {
  Eigen::MatrixXd points = Eigen::MatrixXd::Zero(2, 2);
  points(1, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)non_dominated_ranks(points), core::DataError);
  EXPECT_THROW((void)non_dominated(Eigen::MatrixXd(2, 0)), core::DataError);
}

}  // namespace
}  // namespace luban::recommend
