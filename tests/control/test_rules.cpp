// The rules one by one, with the numbers that options state.
#include <gtest/gtest.h>

#include "support.hpp"

namespace luban::control {
namespace {

using namespace test;

/// A loop and its clock.
struct Loop {
  explicit Loop(PlantKind kind = PlantKind::real, const ControlOptions& options = few())
      : controller(plan(kind), options) {}

  ControlDecision cycle(const Cycle& facts = good(), core::Nanoseconds after = 1s) {
    now += after;
    return controller.step(facts, now).decision;
  }
  ControlDecision ask(const Event& event) { return controller.step(event, now).decision; }
  void cycles(int count, const Cycle& facts = good()) {
    for (int i = 0; i < count; ++i) cycle(facts);
  }
  RaiseRequest two(ControlMode mode) const {
    return {.mode = mode,
            .person = "eve",
            .role = PersonRole::engineer,
            .second_person = "ann",
            .second_role = PersonRole::operator_};
  }
  void close() {
    cycles(4);
    ASSERT_TRUE(ask(two(ControlMode::shadow)).accepted);
    ASSERT_TRUE(ask(two(ControlMode::advisory)).accepted);
    cycles(4);
    ASSERT_TRUE(ask(two(ControlMode::closed)).accepted);
  }
  [[nodiscard]] ControlMode mode() const { return controller.state().achieved; }

  Controller controller;
  core::Nanoseconds now{0};
};

Cycle with(void (*change)(Cycle&)) {
  Cycle out = good();
  change(out);
  return out;
}

const Cycle dead = with([](Cycle& c) {
  c.optimizer = OptimizerState::dead;
  c.recommendation = RecommendationState::none;
});
const Cycle late = with([](Cycle& c) { c.recommendation = RecommendationState::late; });

TEST(Rules, a_loop_that_never_ran_is_off_and_says_so) {
  const Loop loop;
  EXPECT_EQ(loop.mode(), ControlMode::off);
  EXPECT_EQ(loop.controller.latest().achieved_reasons, Reasons{ControlReason::first_start});
  EXPECT_EQ(loop.controller.latest().no_write_reasons, Reasons{ControlReason::not_a_cycle});
}

TEST(Rules, raising_waits_for_the_dwell_time_without_a_break) {
  Loop loop;
  EXPECT_EQ(loop.ask(loop.two(ControlMode::shadow)).refusal_reasons,
            (Reasons{ControlReason::dwell_not_over, ControlReason::no_cycle_yet}));
  loop.cycles(2);
  EXPECT_EQ(loop.ask(loop.two(ControlMode::shadow)).refusal_reasons, Reasons{ControlReason::dwell_not_over});
  loop.cycle(with([](Cycle& c) { c.journal_writable = false; }));
  loop.cycles(2);
  EXPECT_FALSE(loop.ask(loop.two(ControlMode::shadow)).accepted);
  loop.cycles(1);
  EXPECT_TRUE(loop.ask(loop.two(ControlMode::shadow)).accepted);
}

TEST(Rules, closing_a_real_plant_needs_two_people_and_a_shadow_record) {
  ControlOptions options = few();
  options.shadow_cycles = 5;
  Loop loop(PlantKind::real, options);
  loop.cycles(3);
  loop.ask(loop.two(ControlMode::shadow));
  loop.ask(loop.two(ControlMode::advisory));
  loop.cycles(4);
  EXPECT_EQ(loop.ask(loop.two(ControlMode::closed)).refusal_reasons, Reasons{ControlReason::shadow_record_short});
  loop.cycles(1);
  RaiseRequest wish = loop.two(ControlMode::closed);
  wish.second_person.clear();
  EXPECT_EQ(loop.ask(wish).refusal_reasons, Reasons{ControlReason::second_person_missing});
  wish.second_person = "eve";
  EXPECT_EQ(loop.ask(wish).refusal_reasons, Reasons{ControlReason::second_person_same});
  wish.second_person = "bob";
  wish.second_role = PersonRole::none;
  EXPECT_EQ(loop.ask(wish).refusal_reasons, Reasons{ControlReason::second_role_missing});
  wish.second_role = PersonRole::operator_;
  wish.role = PersonRole::operator_;
  EXPECT_EQ(loop.ask(wish).refusal_reasons, Reasons{ControlReason::role_missing});
  wish.role = PersonRole::engineer;
  EXPECT_TRUE(loop.ask(wish).accepted);
  EXPECT_EQ(loop.mode(), ControlMode::closed);
}

TEST(Rules, closed_writes_what_the_guard_accepts_or_clamps) {
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.cycle().write, WriteKind::recommendation);
  EXPECT_EQ(loop.cycle(with([](Cycle& c) { c.guard = GuardDecision::clamp; })).write, WriteKind::recommendation);
  const ControlDecision refused = loop.cycle(with([](Cycle& c) { c.guard = GuardDecision::reject; }));
  EXPECT_EQ(refused.write, WriteKind::none);
  EXPECT_EQ(refused.no_write_reasons, Reasons{ControlReason::guard_reject});
  EXPECT_EQ(loop.mode(), ControlMode::closed);
}

TEST(Rules, a_dead_optimizer_holds_at_once_and_falls_back_after_some_cycles) {
  Loop loop;
  loop.close();
  const ControlDecision held = loop.cycle(dead);
  EXPECT_EQ(held.achieved, ControlMode::hold);
  ASSERT_EQ(held.alarms.size(), 1U);
  EXPECT_EQ(held.alarms.front().reason, ControlReason::optimizer_dead);
  EXPECT_EQ(loop.cycle(dead).achieved, ControlMode::hold);
  const ControlDecision fallen = loop.cycle(dead);
  EXPECT_EQ(fallen.achieved, ControlMode::fallback);
  EXPECT_EQ(fallen.write, WriteKind::none);
  EXPECT_EQ(loop.cycle(dead).write, WriteKind::golden);
  const ControlDecision there = loop.cycle(with([](Cycle& c) { c.golden = GoldenState::reached; }));
  EXPECT_EQ(there.achieved, ControlMode::advisory);
  EXPECT_EQ(there.requested, ControlMode::closed);
  EXPECT_TRUE(contains(there.achieved_reasons, ControlReason::needs_person));
  loop.cycles(50);
  EXPECT_EQ(loop.mode(), ControlMode::advisory);
}

TEST(Rules, late_cycles_are_counted_in_a_row) {
  Loop loop;
  loop.close();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(loop.cycle(late).achieved, ControlMode::closed);
    EXPECT_EQ(loop.cycle().achieved, ControlMode::closed);
  }
  loop.cycle(late);
  EXPECT_EQ(loop.cycle(late).achieved_reasons,
            (Reasons{ControlReason::troubled_cycles, ControlReason::recommendation_late}));
}

TEST(Rules, without_a_golden_set_fallback_is_hold) {
  Loop loop;
  loop.close();
  Cycle facts = dead;
  facts.golden = GoldenState::none;
  loop.cycles(10, facts);
  EXPECT_EQ(loop.mode(), ControlMode::hold);
  EXPECT_TRUE(contains(loop.controller.state().achieved_reasons, ControlReason::no_golden_set));
  EXPECT_EQ(loop.cycle(dead).achieved, ControlMode::fallback);
  EXPECT_EQ(loop.cycle(facts).achieved, ControlMode::hold) << "another recipe without a golden set";
}

TEST(Rules, a_journal_that_cannot_be_written_stops_every_write) {
  const Cycle full = with([](Cycle& c) { c.journal_writable = false; });
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.cycle(full).achieved, ControlMode::hold);
  Cycle both = dead;
  both.journal_writable = false;
  loop.cycles(10, both);
  EXPECT_EQ(loop.mode(), ControlMode::hold) << "no ramp without a journal";
  loop.cycle(dead);
  EXPECT_EQ(loop.mode(), ControlMode::fallback);
  EXPECT_EQ(loop.cycle(both).achieved, ControlMode::hold);
}

TEST(Rules, the_operator_wins) {
  Loop loop;
  loop.close();
  const ControlDecision moved = loop.cycle(with([](Cycle& c) { c.moved = {"feed"}; }));
  EXPECT_EQ(moved.achieved, ControlMode::closed);
  EXPECT_EQ(moved.released, std::vector<std::string>{"feed"});
  EXPECT_EQ(loop.cycle().released, std::vector<std::string>{"feed"});
  EXPECT_FALSE(loop.ask(EngageRequest{.variable = "feed", .person = "ann", .role = PersonRole::none}).accepted);
  EXPECT_TRUE(loop.ask(EngageRequest{.variable = "feed", .person = "ann", .role = PersonRole::operator_}).accepted);
  EXPECT_TRUE(loop.cycle().released.empty());
  const ControlDecision critical = loop.cycle(with([](Cycle& c) { c.moved = {"speed"}; }));
  EXPECT_EQ(critical.achieved, ControlMode::advisory);
  loop.cycles(5);
  EXPECT_EQ(loop.ask(loop.two(ControlMode::closed)).refusal_reasons,
            Reasons{ControlReason::critical_variable_released});
}

TEST(Rules, a_variable_that_nobody_planned_counts_as_critical) {
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.cycle(with([](Cycle& c) { c.moved = {"unknown"}; })).achieved, ControlMode::advisory);
}

TEST(Rules, the_last_variable_takes_the_loop_with_it) {
  ControlPlan ordinary = plan();
  ordinary.variables[1].critical = false;
  ControllerState state = fresh(ordinary);
  state.requested = state.achieved = ControlMode::closed;
  Cycle facts = good();
  facts.moved = {"feed"};
  Transition next = transition(ordinary, few(), state, facts, 1s);
  EXPECT_EQ(next.state.achieved, ControlMode::closed);
  facts.moved = {"speed"};
  next = transition(ordinary, few(), next.state, facts, 1s);
  EXPECT_EQ(next.state.achieved, ControlMode::advisory);
  EXPECT_EQ(next.decision.achieved_reasons.front(), ControlReason::all_variables_released);
}

TEST(Rules, lost_writes_pause_hold_and_trip) {
  const Cycle lost = with([](Cycle& c) { c.write = WriteOutcome::unconfirmed; });
  const Cycle kept = with([](Cycle& c) { c.write = WriteOutcome::confirmed; });
  Loop loop;
  loop.close();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(loop.cycle(lost).no_write_reasons, Reasons{ControlReason::write_unconfirmed});
    EXPECT_EQ(loop.cycle(kept).write, WriteKind::recommendation);
  }
  loop.cycle(lost);
  EXPECT_EQ(loop.cycle(lost).achieved, ControlMode::hold);
  EXPECT_EQ(loop.cycle(lost).achieved, ControlMode::tripped);
  EXPECT_EQ(loop.ask(ResetRequest{.person = "eve", .role = PersonRole::engineer}).refusal_reasons,
            Reasons{ControlReason::cause_present});
  loop.cycle();
  EXPECT_TRUE(loop.ask(ResetRequest{.person = "eve", .role = PersonRole::engineer}).accepted);
  EXPECT_EQ(loop.mode(), ControlMode::shadow);
}

TEST(Rules, a_partial_write_holds_at_once) {
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.cycle(with([](Cycle& c) { c.write = WriteOutcome::partial; })).achieved, ControlMode::hold);
}

TEST(Rules, drift_takes_closed_to_advisory_and_keeps_it_there) {
  const Cycle drifting = with([](Cycle& c) { c.drift = true; });
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.cycle(drifting).achieved, ControlMode::advisory);
  loop.cycles(5, drifting);
  EXPECT_EQ(loop.ask(loop.two(ControlMode::closed)).refusal_reasons,
            (Reasons{ControlReason::dwell_not_over, ControlReason::drift}));
}

TEST(Rules, a_process_that_was_stopped_holds_when_it_wakes) {
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.cycle(good(), 3s).achieved, ControlMode::closed);
  const ControlDecision woke = loop.cycle(good(), 3001ms);
  EXPECT_EQ(woke.achieved, ControlMode::hold);
  EXPECT_EQ(woke.achieved_reasons, Reasons{ControlReason::cycle_gap});
  EXPECT_EQ(loop.controller.state().ready_for, does_not_hold);
}

TEST(Rules, advisory_writes_the_one_that_was_approved_once) {
  Loop loop;
  loop.cycles(3);
  loop.ask(loop.two(ControlMode::shadow));
  loop.ask(loop.two(ControlMode::advisory));
  EXPECT_EQ(loop.cycle(good("a")).no_write_reasons, Reasons{ControlReason::not_approved});
  const auto approve = [](const char* id) {
    return ApproveRequest{.recommendation_id = id, .person = "ann", .role = PersonRole::operator_};
  };
  EXPECT_EQ(loop.ask(approve("b")).refusal_reasons, Reasons{ControlReason::recommendation_not_offered});
  EXPECT_TRUE(loop.ask(approve("a")).accepted);
  Cycle clamped = good("a");
  clamped.guard = GuardDecision::clamp;
  EXPECT_EQ(loop.cycle(clamped).no_write_reasons, Reasons{ControlReason::approval_needs_accept});
  EXPECT_EQ(loop.cycle(good("a")).write, WriteKind::approved);
  EXPECT_EQ(loop.cycle(good("a")).write, WriteKind::none);
  EXPECT_TRUE(loop.ask(approve("a")).accepted);
  EXPECT_EQ(loop.cycle(good("b")).write, WriteKind::none) << "another one than was approved";
  EXPECT_EQ(loop.cycle(good("a")).write, WriteKind::none) << "the approval ended with the offer";
}

TEST(Rules, a_trip_outlives_restart_and_reconnection) {
  Loop loop;
  loop.close();
  Cycle stopped = good();
  stopped.plant_trip = true;
  EXPECT_EQ(loop.cycle(stopped).achieved, ControlMode::tripped);
  Controller again = Controller::restored(loop.controller.state_text(), plan(), few());
  EXPECT_EQ(again.state().achieved, ControlMode::tripped);
  const ResetRequest reset{.person = "eve", .role = PersonRole::engineer};
  EXPECT_FALSE(again.step(reset, 0s).decision.accepted) << "no cycle has shown yet that the cause is gone";
  again.step(stopped, 1s);
  EXPECT_FALSE(again.step(reset, 1s).decision.accepted);
  again.step(good(), 2s);
  EXPECT_FALSE(again.step(ResetRequest{.person = "ann", .role = PersonRole::operator_}, 2s).decision.accepted);
  EXPECT_EQ(again.state().achieved, ControlMode::tripped);
  EXPECT_TRUE(again.step(reset, 2s).decision.accepted);
  EXPECT_EQ(again.state().achieved, ControlMode::shadow);
}

TEST(Rules, anybody_lowers_and_stops) {
  for (const ControlMode to : {ControlMode::off, ControlMode::shadow, ControlMode::advisory, ControlMode::hold}) {
    Loop loop;
    loop.close();
    EXPECT_TRUE(loop.ask(LowerRequest{.mode = to, .person = ""}).accepted);
    EXPECT_EQ(loop.mode(), to);
    loop.cycles(20);
    EXPECT_EQ(loop.mode(), to) << "what a person lowered stays";
    EXPECT_TRUE(loop.ask(TripRequest{}).accepted);
    EXPECT_EQ(loop.mode(), ControlMode::tripped);
  }
}

TEST(Rules, a_person_asks_for_the_golden_set) {
  Loop loop;
  loop.close();
  EXPECT_EQ(loop.ask(LowerRequest{.mode = ControlMode::fallback, .person = "ann"}).achieved, ControlMode::hold);
  EXPECT_EQ(loop.cycle().achieved, ControlMode::fallback);
  EXPECT_EQ(loop.cycle().write, WriteKind::golden);
  const Cycle reached = with([](Cycle& c) { c.golden = GoldenState::reached; });
  EXPECT_EQ(loop.cycle(reached).no_write_reasons, Reasons{ControlReason::golden_reached});
  loop.cycles(5, reached);
  EXPECT_EQ(loop.mode(), ControlMode::fallback);
}

TEST(Rules, a_file_only_wishes) {
  Loop real;
  real.ask(FileRequest{.mode = ControlMode::closed});
  real.cycles(50);
  EXPECT_EQ(real.mode(), ControlMode::shadow);
  EXPECT_EQ(real.controller.state().requested, ControlMode::closed);
  EXPECT_TRUE(contains(real.controller.state().achieved_reasons, ControlReason::needs_person));

  Loop simulated(PlantKind::simulated);
  simulated.ask(FileRequest{.mode = ControlMode::closed});
  simulated.cycles(6);
  EXPECT_EQ(simulated.mode(), ControlMode::closed);
  simulated.cycle(dead);
  EXPECT_EQ(simulated.mode(), ControlMode::hold);
  simulated.cycles(6);
  EXPECT_EQ(simulated.mode(), ControlMode::closed) << "a plant that is not real may arm itself again";
  simulated.ask(LowerRequest{.mode = ControlMode::off, .person = "ann"});
  EXPECT_FALSE(simulated.ask(FileRequest{.mode = ControlMode::closed}).accepted) << "people have spoken";
}

TEST(Rules, another_model_needs_a_shadow_record_of_its_own) {
  Loop loop;
  loop.close();
  ControlPlan other = plan();
  other.model = "second";
  const Controller again = Controller::restored(loop.controller.state_text(), other, few());
  EXPECT_EQ(again.state().shadow_cycles, 0);
  EXPECT_EQ(again.state().achieved, ControlMode::advisory);
  EXPECT_TRUE(contains(again.latest().achieved_reasons, ControlReason::model_changed));
}

}  // namespace
}  // namespace luban::control
