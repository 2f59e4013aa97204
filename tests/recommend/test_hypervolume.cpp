#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/hypervolume.hpp>

#include "front_points.hpp"

namespace luban::recommend {
namespace {

/// Inclusion and exclusion over all subsets of the points.
double by_subsets(const Eigen::MatrixXd& points, const Eigen::VectorXd& reference) {
  double sum = 0.0;
  for (unsigned subset = 1; subset < (1U << static_cast<unsigned>(points.rows())); ++subset) {
    Eigen::VectorXd common = Eigen::VectorXd::Constant(points.cols(), std::numeric_limits<double>::infinity());
    int sign = -1;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      if (((subset >> static_cast<unsigned>(i)) & 1U) == 0) continue;
      common = common.cwiseMin(points.row(i).transpose());
      sign = -sign;
    }
    sum += sign * (common - reference).cwiseMax(0.0).prod();
  }
  return sum;
}

TEST(Hypervolume, is_what_inclusion_and_exclusion_give) {
  core::Generator generator(1);
  for (int round = 0; round < 400; ++round) {
    const auto m = static_cast<Eigen::Index>(1 + generator.below(6));
    const auto n = static_cast<Eigen::Index>(generator.below(9));
    const Eigen::MatrixXd points = random_points(n, m, round % 2 == 0 ? 0 : 4, generator);
    const Eigen::VectorXd reference = Eigen::VectorXd::Constant(m, round % 2 == 0 ? 0.2 : 0.5);
    ASSERT_NEAR(hypervolume(points, reference), by_subsets(points, reference), 1e-8) << points;
  }
}

// botorch 0.18.1, python: P = remainder((arange(12)[:, None] + 1) * steps[:m], 1) with the steps of fraction_points;
// botorch.utils.multi_objective.hypervolume.Hypervolume(torch.full((m,), 0.1)).compute(P)
TEST(Hypervolume, numbers_from_botorch) {
  constexpr double expected[] = {0.5059745738885074, 0.346599525654155, 0.25964386792547817, 0.13282203676312904};
  for (Eigen::Index m = 2; m <= 5; ++m) {
    EXPECT_NEAR(hypervolume(fraction_points(12, m, 1.0), Eigen::VectorXd::Constant(m, 0.1)), expected[m - 2], 1e-12);
  }
}

TEST(Hypervolume, order_repeats_and_dominated_points_change_nothing) {
  core::Generator generator(2);
  for (Eigen::Index m = 1; m <= 5; ++m) {
    const Eigen::MatrixXd points = random_points(30, m, 0, generator);
    const Eigen::VectorXd reference = Eigen::VectorXd::Zero(m);
    Eigen::MatrixXd more(90, m);
    more << points.colwise().reverse(), points, 0.9 * points;
    EXPECT_NEAR(hypervolume(more, reference), hypervolume(points, reference), 1e-12);
  }
}

TEST(Hypervolume, nothing_above_the_reference_is_no_volume) {
  EXPECT_EQ(hypervolume(Eigen::MatrixXd(0, 3), Eigen::VectorXd::Zero(3)), 0.0);
  EXPECT_EQ(hypervolume(Eigen::MatrixXd::Constant(2, 3, -1.0), Eigen::VectorXd::Zero(3)), 0.0);
  Eigen::MatrixXd edge = Eigen::MatrixXd::Ones(1, 3);
  edge(0, 1) = 0.0;
  EXPECT_EQ(hypervolume(edge, Eigen::VectorXd::Zero(3)), 0.0);
}

TEST(Hypervolume, refuses_what_does_not_fit) {
  EXPECT_THROW((void)hypervolume(Eigen::MatrixXd::Ones(2, 3), Eigen::VectorXd::Zero(2)), core::DataError);
  EXPECT_THROW((void)hypervolume(Eigen::MatrixXd(2, 0), Eigen::VectorXd(0)), core::DataError);
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_THROW((void)hypervolume(Eigen::MatrixXd::Constant(1, 2, infinite), Eigen::VectorXd::Zero(2)), core::DataError);
}

}  // namespace
}  // namespace luban::recommend
