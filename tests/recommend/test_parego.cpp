#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/parego.hpp>

#include "front_points.hpp"

namespace luban::recommend {
namespace {

TEST(Parego, weights_are_uniform_on_the_simplex) {
  constexpr Eigen::Index m = 3;
  constexpr int draws = 20000;
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(m);
  int first_above_half = 0;
  for (std::uint64_t k = 0; k < draws; ++k) {
    const Eigen::VectorXd weights = simplex_weights(m, core::RandomKey(3).child(k));
    ASSERT_GE(weights.minCoeff(), 0.0);
    ASSERT_NEAR(weights.sum(), 1.0, 1e-12);
    mean += weights / draws;
    first_above_half += weights(0) > 0.5;
  }
  for (const double value : mean) EXPECT_NEAR(value, 1.0 / 3.0, 0.01);
  EXPECT_NEAR(first_above_half / static_cast<double>(draws), 0.25, 0.015);  // a corner of half the side: (1/2)²
  EXPECT_EQ(simplex_weights(m, core::RandomKey(5)), simplex_weights(m, core::RandomKey(5)));
  EXPECT_EQ(simplex_weights(1, core::RandomKey(5))(0), 1.0);
}

TEST(Parego, value_by_hand) {
  Eigen::MatrixXd observed(2, 2);
  observed << 0.0, 10.0, 4.0, 30.0;  // costs: (4 − u₁) / 4, (30 − u₂) / 20
  const AugmentedChebyshev scalarised(Eigen::Vector2d(0.25, 0.75), observed, 0.1);
  const ScalarisedValue result = scalarised.evaluate(Eigen::RowVector2d(2.0, 20.0), true);
  EXPECT_DOUBLE_EQ(result.value(0), -0.375 - 0.1 * (0.125 + 0.375));
  EXPECT_DOUBLE_EQ(result.gradient(0, 0), 0.1 * 0.25 / 4.0);
  EXPECT_DOUBLE_EQ(result.gradient(0, 1), 1.1 * 0.75 / 20.0);
}

TEST(Parego, gradient_is_the_slope_of_the_value) {
  core::Generator generator(1);
  for (int round = 0; round < 50; ++round) {
    const auto m = static_cast<Eigen::Index>(1 + generator.below(6));
    const AugmentedChebyshev scalarised(simplex_weights(m, core::RandomKey(static_cast<std::uint64_t>(round))),
                                        random_points(5, m, 0, generator));
    const Eigen::MatrixXd utilities = random_points(3, m, 0, generator);
    const ScalarisedValue result = scalarised.evaluate(utilities, true);
    constexpr double step = 1e-6;
    for (Eigen::Index i = 0; i < utilities.rows(); ++i) {
      for (Eigen::Index j = 0; j < m; ++j) {
        Eigen::MatrixXd moved = utilities;
        moved(i, j) += step;
        const double up = scalarised.evaluate(moved, false).value(i);
        moved(i, j) -= 2 * step;
        const double down = scalarised.evaluate(moved, false).value(i);
        ASSERT_NEAR((up - down) / (2 * step), result.gradient(i, j), 1e-6 * (1 + result.gradient(i, j)));
      }
    }
  }
}

TEST(Parego, dominating_is_better_and_some_weights_choose_any_undominated_point) {
  core::Generator generator(2);
  const Eigen::MatrixXd points = random_points(40, 3, 0, generator);
  std::vector<bool> chosen(40, false);
  for (std::uint64_t k = 0; k < 500; ++k) {
    const AugmentedChebyshev scalarised(simplex_weights(3, core::RandomKey(k)), points);
    const Eigen::VectorXd value = scalarised.evaluate(points, false).value;
    Eigen::Index best = 0;
    value.maxCoeff(&best);
    chosen[best] = true;
    for (Eigen::Index i = 0; i < 40; ++i) {
      for (Eigen::Index j = 0; j < 40; ++j) {
        const bool dominates = i != j && (points.row(i).array() >= points.row(j).array()).all();
        ASSERT_TRUE(!dominates || value(i) > value(j));
      }
    }
  }
  EXPECT_GT(std::count(chosen.begin(), chosen.end(), true), 3);
}

TEST(Parego, objective_without_range_does_no_harm) {
  Eigen::MatrixXd observed(2, 2);
  observed << 1.0, 5.0, 2.0, 5.0;
  const ScalarisedValue result = AugmentedChebyshev(Eigen::Vector2d(0.5, 0.5), observed).evaluate(observed, true);
  EXPECT_TRUE(result.value.allFinite());
  EXPECT_GT(result.value(1), result.value(0));
}

TEST(Parego, refuses_what_does_not_fit) {
  EXPECT_THROW((void)simplex_weights(0, core::RandomKey(0)), core::ConfigurationError);
  EXPECT_THROW(AugmentedChebyshev(Eigen::Vector2d(0.5, 0.5), Eigen::MatrixXd::Ones(2, 3)), core::DataError);
  EXPECT_THROW(AugmentedChebyshev(Eigen::Vector2d(0.5, 0.5), Eigen::MatrixXd(0, 2)), core::DataError);
  EXPECT_THROW(AugmentedChebyshev(Eigen::Vector2d(1.5, -0.5), Eigen::MatrixXd::Ones(2, 2)), core::ConfigurationError);
  EXPECT_THROW(AugmentedChebyshev(Eigen::Vector2d(0.5, 0.5), Eigen::MatrixXd::Ones(2, 2), -1.0),
               core::ConfigurationError);
  const AugmentedChebyshev scalarised(Eigen::Vector2d(0.5, 0.5), Eigen::MatrixXd::Ones(2, 2));
  EXPECT_THROW((void)scalarised.evaluate(Eigen::MatrixXd::Ones(1, 3), false), core::DataError);
}

}  // namespace
}  // namespace luban::recommend
