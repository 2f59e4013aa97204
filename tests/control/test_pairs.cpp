// The same with every pair of faults in one cycle, and all kinds of plant.
#include <gtest/gtest.h>

#include "judge.hpp"

namespace luban::control {
namespace {

using namespace test;

class EveryPair : public testing::TestWithParam<PlantKind> {};

TEST_P(EveryPair, keeps_what_must_always_hold) {
  const ControlPlan line = plan(GetParam());
  Judge judge(line, few());
  const auto states =
      explore(line, few(), {fresh(line), damaged_state(line)}, alphabet(true),
              [&judge](const auto& before, const auto& step, const auto& next) { judge(before, step, next); });
  EXPECT_GT(states.size(), 1000U);
  for (const std::string& fault : judge.faults) ADD_FAILURE() << fault;
  RecordProperty("states", std::to_string(states.size()));
  RecordProperty("steps", std::to_string(judge.steps));
}

INSTANTIATE_TEST_SUITE_P(Plants, EveryPair, testing::ValuesIn(plant_kinds),
                         [](const auto& kind) { return std::string(name(kind.param)); });

}  // namespace
}  // namespace luban::control
