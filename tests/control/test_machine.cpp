// Every state that single faults and requests lead to, with every event: what must never happen does not.
#include <set>

#include <gtest/gtest.h>

#include <luban/core/random.hpp>

#include "judge.hpp"

namespace luban::control {
namespace {

using namespace test;

class EveryState : public testing::TestWithParam<PlantKind> {};

TEST_P(EveryState, keeps_what_must_always_hold) {
  const ControlPlan line = plan(GetParam());
  Judge judge(line, fewest());
  std::set<ControlMode> reached;
  const auto states =
      explore(line, fewest(), {fresh(line), damaged_state(line)}, alphabet(false),
              [&judge](const auto& before, const auto& step, const auto& next) { judge(before, step, next); });
  for (const ControllerState& state : states) {
    reached.insert(state.achieved);
    // A state survives its own text, and a restart from it leaves at most advisory and every trip.
    ASSERT_EQ(ControllerState::from_text(state.to_text()), state) << state.to_text();
    const Controller again = Controller::restored(state.to_text(), line, fewest());
    ASSERT_EQ(again.damage(), "");
    ASSERT_LE(authority(again.state().achieved), 1);
    ASSERT_EQ(again.state().achieved == ControlMode::tripped, state.achieved == ControlMode::tripped);
  }
  EXPECT_EQ(reached.size(), control_modes.size());
  EXPECT_GT(states.size(), 500U);
  for (const std::string& fault : judge.faults) ADD_FAILURE() << fault;
  RecordProperty("states", std::to_string(states.size()));
  RecordProperty("steps", std::to_string(judge.steps));
}

TEST_P(EveryState, keeps_it_under_any_combination_of_facts) {
  const ControlPlan line = plan(GetParam());
  Judge judge(line, fewest());
  core::Generator random = core::RandomKey(20).generator();
  const auto pick = [&random](const auto& values) { return values[random.below(values.size())]; };
  const std::vector<Step> wishes = requests();
  ControllerState state = fresh(line);
  for (int i = 0; i < 100'000; ++i) {
    Step step{"random", Cycle{}};
    if (random.below(4) == 0) {
      step = wishes[random.below(wishes.size())];
    } else if (random.below(2) == 0) {
      step = {"good", good()};  // often enough that the loop gets somewhere
    } else {
      Cycle cycle;
      cycle.inputs = pick(input_qualities);
      cycle.recommendation = pick(recommendation_states);
      cycle.recommendation_id = random.below(2) == 0 ? "r1" : "r2";
      cycle.guard = pick(guard_decisions);
      cycle.write = pick(write_outcomes);
      cycle.optimizer = pick(optimizer_states);
      cycle.golden = pick(golden_states);
      cycle.journal_writable = random.below(4) != 0;
      cycle.plant_connected = random.below(4) != 0;
      cycle.plant_trip = random.below(16) == 0;
      cycle.drift = random.below(8) == 0;
      if (random.below(8) == 0) cycle.moved = {random.below(2) == 0 ? "feed" : "elsewhere"};
      step = {"facts", cycle, std::chrono::milliseconds(static_cast<std::int64_t>(random.below(4000)) - 100)};
    }
    const Transition next = transition(line, fewest(), state, step.event, step.elapsed);
    judge(state, step, next);
    state = next.state;
  }
  for (const std::string& fault : judge.faults) ADD_FAILURE() << fault;
}

INSTANTIATE_TEST_SUITE_P(Plants, EveryState, testing::Values(PlantKind::real, PlantKind::simulated),
                         [](const auto& kind) { return std::string(name(kind.param)); });

}  // namespace
}  // namespace luban::control
