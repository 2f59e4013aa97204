// What a valid proposal may do to the line: limits, rates, constraints, the way back, dwell, deadband, fallback.
#include <cmath>

#include "support.hpp"

namespace luban::guard {
namespace {

using namespace testing_support;

GuardRequest proposing(double speed, double feed, double passes = 3.0, const std::string& coolant = "wet") {
  GuardRequest out = request();
  out.proposal = recipe(speed, feed, passes, coolant);
  return out;
}

void confirm(GuardRequest& request, double speed, double feed) {
  request.outputs[0].value.value = speed;
  request.outputs[1].value.value = feed;
}

TEST(move, a_change_is_limited_by_the_time_since_the_last_one) {
  const Guard guard = turning_guard();
  GuardRequest fast = proposing(240.0, 0.1);
  const Judgement full = guard.judge(fast);
  EXPECT_EQ(full.verdict.decision, Decision::clamp);
  ASSERT_TRUE(full.setpoint.has_value());
  EXPECT_EQ(numbers_of(*full.setpoint), (std::vector<double>{220.0, 0.1, 3.0}));
  ASSERT_TRUE(reports(full.verdict, Reason::too_fast, Subject::proposal, "speed"));
  EXPECT_EQ(full.verdict.findings[0].observed, 40.0);
  EXPECT_EQ(full.verdict.findings[0].limit, 20.0);
  EXPECT_EQ(full.verdict.findings[0].unit, "m/min");
  fast.last_move = fast.now + -30s;
  EXPECT_EQ(numbers_of(*guard.judge(fast).setpoint)[0], 210.0);
  fast.last_move = fast.now + -10h;  // a long rest earns no more than one period's change
  EXPECT_EQ(numbers_of(*guard.judge(fast).setpoint)[0], 220.0);
  fast.last_move = fast.now + -30s;
  fast.proposal = recipe(160.0, 0.1, 3.0, "wet");
  EXPECT_EQ(numbers_of(*guard.judge(fast).setpoint)[0], 190.0);
}

TEST(move, the_reference_is_the_confirmed_value_not_the_written_one) {
  GuardRequest lost = proposing(240.0, 0.1);
  lost.outputs[0].value.value = 190.0;
  EXPECT_EQ(numbers_of(*turning_guard().judge(lost).setpoint)[0], 210.0);
  EXPECT_EQ(turning_guard().judge(lost).setpoint->expected()[0].value, Value(190.0));
}

TEST(move, limits_bound_what_is_set) {
  GuardOptions open = options();
  open.novelty = 0.999;
  const Guard guard = turning_guard(open);
  GuardRequest high = proposing(200.0, 0.16);
  const Judgement judgement = guard.judge(high);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  EXPECT_EQ(numbers_of(*judgement.setpoint)[1], 0.15);  // no limits stated: the search range stands in
  ASSERT_TRUE(reports(judgement.verdict, Reason::above_high, Subject::proposal, "feed"));
  EXPECT_EQ(judgement.verdict.findings[0].limit, 0.15);
  high.proposal = recipe(200.0, 0.04, 3.0, "wet");
  EXPECT_EQ(numbers_of(*guard.judge(high).setpoint)[1], 0.05);
  EXPECT_TRUE(reports(guard.judge(high).verdict, Reason::below_low, Subject::proposal, "feed"));
  GuardRequest wide = proposing(310.0, 0.06);  // beyond the search range, inside the limits
  confirm(wide, 300.0, 0.06);
  EXPECT_EQ(guard.judge(wide).verdict.decision, Decision::accept);
}

TEST(move, one_unit_in_the_last_place_outside_is_outside) {
  const double above = std::nextafter(0.15, 1.0);
  const Judgement judgement = turning_guard().judge(proposing(200.0, above));
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  EXPECT_EQ(numbers_of(*judgement.setpoint)[1], 0.15);
  EXPECT_EQ(turning_guard().judge(proposing(200.0, 0.15)).verdict.decision, Decision::accept);
}

TEST(move, constraints_between_parameters_are_kept) {
  GuardRequest both = proposing(275.0, 0.14);
  confirm(both, 270.0, 0.12);
  const Judgement judgement = turning_guard().judge(both);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  const std::vector<double> x = numbers_of(*judgement.setpoint);
  EXPECT_LE(x[0] + 1000.0 * x[1], 400.0);
  // The nearest in ranges (200 and 0.1): a + b falls by 0.075 of the sum's 300, shared as 200 : 100.
  EXPECT_NEAR(x[0], 275.0 - 15.0 * 40000.0 / 50000.0, 1e-6);
  EXPECT_NEAR(x[1], 0.14 - 15.0 * 10.0 / 50000.0, 1e-9);
  ASSERT_EQ(judgement.verdict.findings.size(), 1U);
  EXPECT_EQ(judgement.verdict.findings[0].reason, Reason::constraint_broken);
  EXPECT_EQ(judgement.verdict.findings[0].name, "speed + 1000 feed <= 400");
  EXPECT_EQ(judgement.verdict.findings[0].limit, 400.0);
  EXPECT_NEAR(judgement.verdict.findings[0].observed, 415.0, 1e-9);
}

TEST(move, whole_numbers_are_rounded_inside) {
  const Judgement judgement = turning_guard().judge(proposing(200.0, 0.1, 3.7));
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  EXPECT_EQ(numbers_of(*judgement.setpoint)[2], 4.0);
  EXPECT_TRUE(reports(judgement.verdict, Reason::not_whole, Subject::proposal, "passes"));
  EXPECT_EQ(numbers_of(*turning_guard().judge(proposing(200.0, 0.1, 5.4)).setpoint)[2], 5.0);
}

TEST(move, a_category_changes_only_with_exact_numbers) {
  const Guard guard = turning_guard();
  const Judgement exact = guard.judge(proposing(210.0, 0.1, 3.0, "dry"));
  EXPECT_EQ(exact.verdict.decision, Decision::accept);
  EXPECT_EQ(exact.setpoint->values()[3].value, Value(std::string("dry")));
  const Judgement clamped = guard.judge(proposing(240.0, 0.1, 3.0, "dry"));
  EXPECT_EQ(clamped.verdict.decision, Decision::hold);
  EXPECT_FALSE(clamped.setpoint.has_value());
  EXPECT_TRUE(reports(clamped.verdict, Reason::category_with_clamp, Subject::proposal));
  EXPECT_TRUE(reports(clamped.verdict, Reason::too_fast, Subject::proposal, "speed"));
  GuardRequest only = proposing(200.0, 0.1, 3.0, "dry");  // no number changes: the category alone is a move
  EXPECT_EQ(guard.judge(only).verdict.decision, Decision::accept);
  only.last_move = only.now + -29s;
  expect_only(guard.judge(only), Decision::hold, Reason::within_dwell, Subject::request);
}

TEST(move, held_parameters_stay) {
  const Guard guard = turning_guard();
  GuardRequest held = proposing(210.0, 0.11, 3.0, "wet");
  held.outputs[0].held = true;
  const Judgement judgement = guard.judge(held);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  EXPECT_EQ(numbers_of(*judgement.setpoint), (std::vector<double>{200.0, 0.11, 3.0}));
  ASSERT_TRUE(reports(judgement.verdict, Reason::held, Subject::proposal, "speed"));
  held.proposal = recipe(200.0, 0.11, 3.0, "wet");
  EXPECT_EQ(guard.judge(held).verdict.decision, Decision::accept);
  // The constraint is met by what may move alone.
  GuardRequest partner = proposing(275.0, 0.14);
  confirm(partner, 275.0, 0.12);
  partner.outputs[0].held = true;
  EXPECT_NEAR(numbers_of(*guard.judge(partner).setpoint)[1], 0.125, 1e-9);
  EXPECT_EQ(numbers_of(*guard.judge(partner).setpoint)[0], 275.0);
  GuardRequest coolant = proposing(210.0, 0.11, 3.0, "dry");
  coolant.outputs[3].held = true;
  expect_only(guard.judge(coolant), Decision::hold, Reason::held, Subject::proposal, "coolant");
}

TEST(move, small_changes_are_suppressed) {
  const Guard guard = turning_guard();
  const Judgement same = guard.judge(proposing(200.0, 0.1));
  expect_only(same, Decision::hold, Reason::within_deadband, Subject::setpoint, "speed");
  const Judgement small = guard.judge(proposing(200.19, 0.10009));
  expect_only(small, Decision::hold, Reason::within_deadband, Subject::setpoint, "speed");
  EXPECT_NEAR(small.verdict.findings[0].observed, 0.00095, 1e-12);
  EXPECT_EQ(small.verdict.findings[0].limit, 0.001);
  const Judgement one = guard.judge(proposing(200.21, 0.10009));  // one that counts takes the others along
  EXPECT_EQ(one.verdict.decision, Decision::accept);
  GuardOptions own = options();
  own.parameter_deadband["speed"] = 0.1;
  expect_only(turning_guard(own).judge(proposing(219.0, 0.1)), Decision::hold, Reason::within_deadband,
              Subject::setpoint, "speed");
  own.parameter_deadband["speed"] = 0.0;
  EXPECT_EQ(turning_guard(own).judge(proposing(std::nextafter(200.0, 300.0), 0.1)).verdict.decision, Decision::accept);
  expect_only(turning_guard(own).judge(proposing(200.0, 0.1)), Decision::hold, Reason::within_deadband,
              Subject::setpoint, "speed");
}

TEST(move, clamped_to_where_the_line_stands_is_no_move) {
  GuardRequest at_limit = proposing(200.0, 0.16);
  confirm(at_limit, 200.0, 0.15);
  const Judgement judgement = turning_guard().judge(at_limit);
  EXPECT_EQ(judgement.verdict.decision, Decision::hold);
  EXPECT_TRUE(reports(judgement.verdict, Reason::within_deadband, Subject::setpoint, "speed"));
  EXPECT_TRUE(reports(judgement.verdict, Reason::above_high, Subject::proposal, "feed"));
}

TEST(move, clamping_may_not_lead_into_the_unknown) {
  // Speed and feed are known only together along a line; slowing one of them down leaves it.
  process::TrainingEnvelope narrow = envelope();
  narrow.inverse_covariance = {40, -39.9, 0, 0, -39.9, 40, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const Guard guard(process::Process(turning()), narrow, digest_of(narrow), options());
  GuardRequest along = proposing(250.0, 0.125);
  const Judgement judgement = guard.judge(along);
  EXPECT_EQ(judgement.verdict.decision, Decision::hold);
  EXPECT_FALSE(judgement.setpoint.has_value());
  EXPECT_TRUE(reports(judgement.verdict, Reason::far_from_training, Subject::setpoint));
  EXPECT_TRUE(reports(judgement.verdict, Reason::too_fast, Subject::proposal, "speed"));
  confirm(along, 200.0, 0.14);  // the line stands further out already: coming nearer is right
  EXPECT_EQ(guard.judge(along).verdict.decision, Decision::clamp);
}

TEST(way_back, one_step_when_the_limits_are_out_of_reach) {
  const Guard guard = turning_guard();
  GuardRequest outside = proposing(200.0, 0.05);
  confirm(outside, 350.0, 0.05);  // limit 320, 20 per minute: an operator moved it
  const Judgement judgement = guard.judge(outside);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  EXPECT_EQ(numbers_of(*judgement.setpoint), (std::vector<double>{330.0, 0.05, 3.0}));
  ASSERT_TRUE(reports(judgement.verdict, Reason::returning, Subject::output, "speed"));
  EXPECT_EQ(judgement.verdict.findings.back().limit, 320.0);
  confirm(outside, 330.0, 0.05);  // within reach: an ordinary clamp
  EXPECT_EQ(numbers_of(*guard.judge(outside).setpoint)[0], 310.0);
  EXPECT_FALSE(reports(guard.judge(outside).verdict, Reason::returning, Subject::output, "speed"));
}

TEST(way_back, is_straight_and_breaks_nothing_new) {
  process::ProcessDefinition definition = turning();
  definition.parameters[1].limits = {.low = 0.05, .high = 0.15, .max_rate = 0.001, .max_rate_per = 60s};
  const Guard guard(process::Process(definition), envelope(), digest_of(envelope()), options());
  GuardRequest outside = proposing(250.0, 0.1);
  confirm(outside, 310.0, 0.14);  // sum 450 > 400
  const Judgement judgement = guard.judge(outside);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  ASSERT_TRUE(judgement.setpoint.has_value());
  const std::vector<double> x = numbers_of(*judgement.setpoint);
  EXPECT_LT(x[0] + 1000.0 * x[1], 450.0);
  EXPECT_GE(x[1], 0.139);
  EXPECT_TRUE(reports(judgement.verdict, Reason::returning, Subject::output, "speed + 1000 feed <= 400"));
}

TEST(way_back, can_be_switched_off) {
  GuardOptions with = options();
  with.return_to_limits = false;
  GuardRequest outside = proposing(200.0, 0.06);
  confirm(outside, 350.0, 0.06);
  const Judgement judgement = turning_guard(with).judge(outside);
  EXPECT_EQ(judgement.verdict.decision, Decision::hold);
  EXPECT_FALSE(judgement.setpoint.has_value());
  EXPECT_TRUE(reports(judgement.verdict, Reason::no_admissible_move, Subject::output, "speed"));
}

TEST(way_back, does_not_exist_when_the_culprit_is_held) {
  GuardRequest outside = proposing(200.0, 0.06);
  confirm(outside, 350.0, 0.06);
  outside.outputs[0].held = true;
  const Judgement judgement = turning_guard().judge(outside);
  EXPECT_EQ(judgement.verdict.decision, Decision::hold);
  EXPECT_TRUE(reports(judgement.verdict, Reason::no_admissible_move, Subject::output, "speed"));
}

TEST(way_back, is_walked_by_the_others_when_a_partner_is_held) {
  process::ProcessDefinition definition = turning();
  definition.parameters[1].limits = {.low = 0.05, .high = 0.15, .max_rate = 0.001, .max_rate_per = 60s};
  const Guard guard(process::Process(definition), envelope(), digest_of(envelope()), options());
  GuardRequest outside = proposing(250.0, 0.1);
  confirm(outside, 310.0, 0.14);  // sum 450 > 400, and speed is not ours
  outside.outputs[0].held = true;
  const Judgement judgement = guard.judge(outside);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  ASSERT_TRUE(judgement.setpoint.has_value());
  EXPECT_EQ(numbers_of(*judgement.setpoint)[0], 310.0);
  EXPECT_NEAR(numbers_of(*judgement.setpoint)[1], 0.139, 1e-12);
}

TEST(way_back, contradictory_constraints_hold_for_ever) {
  process::ProcessDefinition definition = turning();
  definition.parameter_constraints.push_back({.sum = {{"speed", 1.0}, {"feed", 1000.0}}, .lower = 500.0});
  const Guard guard(process::Process(definition), envelope(), digest_of(envelope()), options());
  const Judgement judgement = guard.judge(request());
  EXPECT_EQ(judgement.verdict.decision, Decision::hold);
  EXPECT_TRUE(reports(judgement.verdict, Reason::no_admissible_move, Subject::output, "500 <= speed + 1000 feed"));
}

std::vector<process::GoldenSet> golden() {
  return {{.context = {}, .recipe = recipe(150.0, 0.08, 2.0, "wet"), .source = "anywhere"},
          {.context = {{"wear", std::string("Worn"), ""}}, .recipe = recipe(190.0, 0.1, 3.0, "wet"), .source = "worn"}};
}

TEST(fallback, moves_towards_the_golden_set_by_the_same_limiter) {
  const Guard guard = turning_guard();
  GuardRequest lost = request();
  lost.inputs.clear();      // blind,
  lost.proposal = {};       // without a proposal,
  lost.context.pop_back();  // and not knowing the context
  const Judgement judgement = guard.fallback(golden(), lost);
  EXPECT_EQ(judgement.verdict.decision, Decision::clamp);
  ASSERT_TRUE(judgement.setpoint.has_value());
  EXPECT_EQ(numbers_of(*judgement.setpoint), (std::vector<double>{180.0, 0.08, 2.0}));
  EXPECT_EQ(judgement.setpoint->command_id(), "7-41");
  EXPECT_TRUE(reports(judgement.verdict, Reason::too_fast, Subject::proposal, "speed"));
}

TEST(fallback, takes_the_most_specific_set_of_the_context) {
  GuardRequest worn = request();
  worn.context[1].value = std::string("Worn");
  const Judgement judgement = turning_guard().fallback(golden(), worn);
  EXPECT_EQ(judgement.verdict.decision, Decision::accept);
  EXPECT_EQ(numbers_of(*judgement.setpoint)[0], 190.0);
}

TEST(fallback, arrives_and_stays) {
  const Guard guard = turning_guard();
  GuardRequest ramp = request();
  double speed = 200.0;
  int moves = 0;
  for (int step = 0; step < 10; ++step) {
    const Judgement judgement = guard.fallback(golden(), ramp);
    if (!judgement.setpoint) {
      expect_only(judgement, Decision::hold, Reason::within_deadband, Subject::setpoint, "speed");
      break;
    }
    const std::vector<double> x = numbers_of(*judgement.setpoint);
    EXPECT_EQ(std::abs(x[0] - speed), moves == 0 ? 20.0 : 10.0);
    speed = x[0];
    for (std::size_t i = 0; i < x.size(); ++i) ramp.outputs[i].value.value = x[i];
    ramp.last_move = ramp.now;
    ramp.now = ramp.now + 30s;
    ramp.deadline = ramp.now + 1s;
    ++ramp.sequence;
    ++moves;
  }
  EXPECT_EQ(speed, 150.0);
  EXPECT_EQ(moves, 4);
}

TEST(fallback, knows_no_novelty_and_every_other_check) {
  const Guard guard = turning_guard();
  std::vector<process::GoldenSet> far = golden();
  far[0].recipe = recipe(200.0, 0.05, 1.0, "dry");  // nothing near it was ever run
  GuardRequest lost = request();
  lost.context.clear();
  EXPECT_EQ(guard.fallback(far, lost).verdict.decision, Decision::accept);
  expect_only(guard.fallback({}, lost), Decision::hold, Reason::no_golden_set, Subject::request);
  expect_only(guard.fallback({golden()[1]}, lost), Decision::hold, Reason::no_golden_set, Subject::request);
  far[0].recipe = process::Recipe({{"speed", 200.0, "m/min"}, {"feed", 0.1, "mm/rev"}, {"passes", 3.0, ""}});
  expect_only(guard.fallback(far, lost), Decision::reject, Reason::missing, Subject::proposal, "coolant");
  GuardRequest spoilt = lost;
  spoilt.outputs[0].age = 1h;
  expect_only(guard.fallback(golden(), spoilt), Decision::reject, Reason::stale, Subject::output, "speed");
  spoilt = lost;
  spoilt.deadline = spoilt.now;
  expect_only(guard.fallback(golden(), spoilt), Decision::reject, Reason::deadline_passed, Subject::request);
  spoilt = lost;
  spoilt.last_move = spoilt.now;
  expect_only(guard.fallback(golden(), spoilt), Decision::hold, Reason::within_dwell, Subject::request);
  spoilt = lost;
  spoilt.outputs[0].written = 100.0;
  expect_only(guard.fallback(golden(), spoilt), Decision::hold, Reason::changed_by_others, Subject::output, "speed");
  spoilt = lost;
  spoilt.outputs[1].value.value = 1e9;
  expect_only(guard.fallback(golden(), spoilt), Decision::reject, Reason::far_outside, Subject::output, "feed");
}

TEST(fallback, lost_writes_do_not_add_up) {
  // The plant drops every second write; what it does carry out is never faster than 20 per minute.
  const Guard guard = turning_guard();
  GuardRequest ramp = request();
  ramp.outputs[0].value.value = 300.0;
  ramp.last_move = ramp.now + -60s;
  core::MonotonicTime changed = ramp.last_move;
  double speed = 300.0;
  for (int step = 0; step < 40; ++step) {
    const Judgement judgement = guard.fallback(golden(), ramp);
    if (judgement.setpoint && step % 2 == 0) {
      const double next = numbers_of(*judgement.setpoint)[0];
      const double minutes = std::chrono::duration<double, std::ratio<60>>(ramp.now - changed).count();
      EXPECT_LE(std::abs(next - speed), 20.0 * std::min(1.0, minutes));
      if (next != speed) changed = ramp.now;
      speed = next;
      ramp.outputs[0].value.value = speed;
      ramp.last_move = ramp.now;
    }
    ramp.now = ramp.now + 17s;
    ramp.deadline = ramp.now + 1s;
    ++ramp.sequence;
  }
  EXPECT_EQ(speed, 150.0);
}

}  // namespace
}  // namespace luban::guard
