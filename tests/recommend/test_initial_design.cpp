#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/initial_design.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

process::Process turning(process::ProcessDefinition definition = test::turning_definition()) {
  return process::Process(std::move(definition));
}

TEST(InitialDesign, points_are_one_sequence_inside_the_constraints) {
  const process::Process process = turning();
  const core::RandomKey key(3);
  const auto all = initial_design(process, test::tool("New"), 12, 0, key);
  const auto later = initial_design(process, test::tool("New"), 4, 8, key);
  ASSERT_EQ(all.size(), 12);
  for (std::size_t i = 0; i < later.size(); ++i) EXPECT_EQ(later[i].recipe, all[8 + i].recipe);
  const process::SearchSpace space = process::SearchSpace::of(process);
  int fast = 0;
  for (const process::Recommendation& point : all) {
    const double speed = point.recipe.number("speed");
    EXPECT_TRUE(space.violations({{"speed", speed}, {"feed", point.recipe.number("feed")}}).empty());
    EXPECT_EQ(point.kind, "initial_design");
    ASSERT_EQ(point.predictions.size(), 1);
    EXPECT_DOUBLE_EQ(point.predictions[0].mean, speed * point.recipe.number("feed"));
    if (speed > 200.0) ++fast;
  }
  EXPECT_GE(fast, 3);  // both halves of the range are visited
  EXPECT_LE(fast, 9);
}

TEST(InitialDesign, keeps_bounds_on_derived_responses) {
  auto definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "rate", .lower = 15.0, .upper = 25.0},
                                    {.response = "roughness", .upper = 0.0}};  // cannot be judged yet
  for (const auto& point : initial_design(turning(definition), test::tool("Worn"), 10, 0, core::RandomKey(1))) {
    EXPECT_GE(point.predictions[0].mean, 15.0);
    EXPECT_LE(point.predictions[0].mean, 25.0);
  }
  definition.outcome_constraints = {{.response = "rate", .lower = 1e6}};
  EXPECT_THROW(static_cast<void>(initial_design(turning(definition), test::tool("Worn"), 1, 0, core::RandomKey(1))),
               core::InfeasibleError);
}

TEST(InitialDesign, refuses_wrong_counts_and_contexts) {
  const process::Process process = turning();
  const auto design = [&](const std::vector<process::NamedValue>& context, int q, int skip) {
    return initial_design(process, context, q, skip, core::RandomKey(1));
  };
  EXPECT_THROW(static_cast<void>(design(test::tool("New"), 0, 0)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(design(test::tool("New"), 1, -1)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(design({}, 1, 0)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(design(test::tool("Blunt"), 1, 0)), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
