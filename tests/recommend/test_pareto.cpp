#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

Front front_of(const Basis& basis, ParetoRequest request = {}) {
  if (request.context.empty()) request.context = test::tool("New");
  return pareto(basis, request, core::RandomKey(3));
}

/// The best roughness at or above each removal rate, by the surrogate over a fine admissible grid.
std::vector<std::pair<double, double>> grid_front(const Basis& basis) {
  std::vector<std::pair<double, double>> points;
  constexpr int steps = 120;
  Eigen::MatrixXd X((steps + 1) * (steps + 1), 3);
  Eigen::Index rows = 0;
  for (int i = 0; i <= steps; ++i) {
    for (int j = 0; j <= steps; ++j) {
      const double speed = 100.0 + 200.0 * i / steps;
      const double feed = 0.05 + 0.1 * j / steps;
      if (speed + 1000.0 * feed > 400.0) continue;
      X.row(rows++) << static_cast<double>(i) / steps, static_cast<double>(j) / steps, 0.0;
      points.emplace_back(0.0, speed * feed);
    }
  }
  const Eigen::MatrixXd mean = basis.surrogate->posterior(X.topRows(rows))->mean();
  for (Eigen::Index i = 0; i < rows; ++i) points[static_cast<std::size_t>(i)].first = mean(i, 0);
  return points;
}

TEST(Pareto, is_undominated_admissible_and_ordered) {
  const Basis basis = test::turning_basis();
  const Front front = front_of(basis);
  ASSERT_GE(front.points.size(), 12U);
  EXPECT_EQ(front.objectives, (std::vector<std::string>{"roughness", "rate"}));
  const process::SearchSpace space = process::SearchSpace::of(*basis.process);
  for (Eigen::Index i = 0; i < front.values.rows(); ++i) {
    if (i > 0) {
      EXPECT_GT(front.values(i, 0), front.values(i - 1, 0));
      EXPECT_GT(front.values(i, 1), front.values(i - 1, 1));
    }
    const process::Recommendation& point = front.points[static_cast<std::size_t>(i)].recommendation;
    EXPECT_EQ(point.kind, "pareto");
    EXPECT_TRUE(
        space.violations({{"speed", point.recipe.number("speed")}, {"feed", point.recipe.number("feed")}}).empty());
    EXPECT_NEAR(front.values(i, 1), point.recipe.number("speed") * point.recipe.number("feed"), 1e-9);
  }
  // No point of a fine grid is clearly better in both.
  for (const auto& [rough, rate] : grid_front(basis)) {
    const bool beaten = std::any_of(front.values.rowwise().begin(), front.values.rowwise().end(),
                                    [&](const auto& row) { return row(0) > rough + 1e-3 && row(1) < rate - 1e-3; });
    EXPECT_FALSE(beaten) << rough << " " << rate;
  }
}

TEST(Pareto, hypervolume_equals_its_definition_and_grows_with_points) {
  const Basis basis = test::turning_basis();
  ParetoRequest request;
  request.reference = {3.0, 10.0};
  request.points = 6;
  const Front coarse = front_of(basis, request);
  request.points = 40;
  const Front fine = front_of(basis, request);
  EXPECT_GE(fine.hypervolume, coarse.hypervolume - 1e-6);
  // By counting cells of the rectangle between reference and ideal.
  double counted = 0.0;
  constexpr int steps = 500;
  const double rate_high = fine.values.col(1).maxCoeff();
  const double rough_low = fine.values.col(0).minCoeff();
  for (int i = 0; i < steps; ++i) {
    const double rate = 10.0 + (rate_high - 10.0) * (i + 0.5) / steps;
    double best = 3.0;
    for (Eigen::Index k = 0; k < fine.values.rows(); ++k) {
      if (fine.values(k, 1) >= rate) best = std::min(best, fine.values(k, 0));
    }
    counted += (3.0 - best) * (rate_high - 10.0) / steps;
  }
  EXPECT_NEAR(fine.hypervolume, counted, 0.005 * counted);
  EXPECT_LT(fine.hypervolume, (3.0 - rough_low) * (rate_high - 10.0));
}

TEST(Pareto, keeps_the_outcome_constraint) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "roughness", .upper = 1.5, .probability = 0.95}};
  const Front front = front_of(test::turning_basis(definition));
  for (const Proposal& point : front.points) {
    EXPECT_GE(point.recommendation.probability_feasible, 0.95 - 1e-5);
  }
  EXPECT_LT(front.values.col(0).maxCoeff(), 1.5);
}

TEST(Pareto, same_key_same_front_for_any_number_of_threads) {
  const Basis basis = test::turning_basis();
  ParetoRequest request;
  request.points = 5;
  request.search.threads = 1;
  const Front first = front_of(basis, request);
  request.search.threads = 4;
  EXPECT_EQ(front_of(basis, request).values, first.values);
}

TEST(Pareto, collapses_when_the_objectives_agree) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.parameter_constraints.clear();
  definition.derived.push_back({.name = "rate2", .unit = "", .sum = {{{{"speed", 1.0}, {"feed", 1.0}}, 2.0}}});
  definition.objectives = {{.response = "rate", .goal = process::Goal::maximize},
                           {.response = "rate2", .goal = process::Goal::maximize}};
  const Front front = front_of(test::turning_basis(definition));
  EXPECT_EQ(front.points.size(), 1U);
  EXPECT_NEAR(front.values(0, 0), 45.0, 1e-5);
}

TEST(Pareto, needs_two_objectives) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.objectives.pop_back();
  EXPECT_THROW(static_cast<void>(front_of(test::turning_basis(definition))), core::ConfigurationError);
  ParetoRequest twice;
  twice.objectives = {"rate", "rate"};
  EXPECT_THROW(static_cast<void>(front_of(test::turning_basis(), twice)), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
