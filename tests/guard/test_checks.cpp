// One request that is in order, and what becomes of it when one thing after another is wrong: each case would pass
// if its check were dropped.
#include <functional>

#include "support.hpp"

namespace luban::guard {
namespace {

using namespace testing_support;

struct Case {
  const char* what;
  Decision decision;
  Reason reason;
  Subject subject;
  const char* name;
  std::function<void(GuardRequest&)> spoil;
};

void propose(GuardRequest& request, const std::string& name, Value value, const std::string& unit) {
  std::vector<NamedValue> values = request.proposal.values();
  for (NamedValue& item : values) {
    if (item.name == name) item = {.name = name, .value = value, .unit = unit};
  }
  request.proposal = process::Recipe(values);
}

const std::vector<Case>& input_cases() {
  constexpr Decision no = Decision::reject;
  constexpr Subject input = Subject::input;
  static const std::vector<Case> cases = {
      {"old input", no, Reason::stale, input, "spindle_load",
       [](auto& r) {
         r.inputs[0].age = r.inputs[1].age = 5s + 1ns;
         r.inputs.pop_back();
       }},
      {"input from the future", no, Reason::stale, input, "spindle_load", [](auto& r) { r.inputs[0].age = -1ns; }},
      {"bad input", no, Reason::bad_quality, input, "roughness",
       [](auto& r) { r.inputs[1].value.status = 0x80000000U; }},
      {"worst status", no, Reason::bad_quality, input, "roughness",
       [](auto& r) { r.inputs[1].value.status = 0xFFFFFFFFU; }},
      {"uncertain input", no, Reason::uncertain_quality, input, "roughness",
       [](auto& r) { r.inputs[1].value.status = 0x40000000U; }},
      {"stuck input", no, Reason::stuck, input, "spindle_load", [](auto& r) { r.inputs[0].unchanged = 60s; }},
      {"inputs apart", no, Reason::skewed, input, "roughness",
       [](auto& r) { r.inputs[1].age = r.inputs[0].age + 2s + 1ns; }},
      {"unknown input", no, Reason::unknown_name, input, "humidity",
       [](auto& r) { r.inputs.push_back(testing_support::input("humidity", 1.0, "%")); }},
      {"absent input", no, Reason::missing, input, "spindle_load", [](auto& r) { r.inputs.erase(r.inputs.begin()); }},
      {"input twice", no, Reason::given_twice, input, "roughness", [](auto& r) { r.inputs.push_back(r.inputs[1]); }},
      {"input without a value", no, Reason::not_finite, input, "roughness",
       [](auto& r) { r.inputs[1].value.value = nan; }},
      {"infinite input", no, Reason::not_finite, input, "roughness",
       [](auto& r) { r.inputs[1].value.value = -infinity; }},
      {"input in another unit", no, Reason::wrong_unit, input, "roughness",
       [](auto& r) { r.inputs[1].value.unit = "mm"; }},
      {"below the instrument", no, Reason::outside_instrument_range, input, "spindle_load",
       [](auto& r) { r.inputs[0].value.value = -0.1; }},
      {"above the instrument", no, Reason::outside_instrument_range, input, "spindle_load",
       [](auto& r) { r.inputs[0].value.value = 150.1; }},
  };
  return cases;
}

const std::vector<Case>& output_cases() {
  constexpr Decision no = Decision::reject;
  constexpr Subject output = Subject::output;
  static const std::vector<Case> cases = {
      {"old output", no, Reason::stale, output, "feed", [](auto& r) { r.outputs[1].age = 2s + 1ns; }},
      {"output from the future", no, Reason::stale, output, "feed", [](auto& r) { r.outputs[1].age = -1ns; }},
      {"bad output", no, Reason::bad_quality, output, "feed", [](auto& r) { r.outputs[1].status = 0x80340000U; }},
      {"uncertain output", no, Reason::uncertain_quality, output, "coolant",
       [](auto& r) { r.outputs[3].status = 0x40000000U; }},
      {"absent output", no, Reason::missing, output, "coolant", [](auto& r) { r.outputs.pop_back(); }},
      {"unknown output", no, Reason::unknown_name, output, "valve",
       [](auto& r) { r.outputs.push_back(testing_support::output("valve", 1.0, "")); }},
      {"output twice", no, Reason::given_twice, output, "speed", [](auto& r) { r.outputs.push_back(r.outputs[0]); }},
      {"output without a value", no, Reason::not_finite, output, "speed",
       [](auto& r) { r.outputs[0].value.value = nan; }},
      {"output in another unit", no, Reason::wrong_unit, output, "speed",
       [](auto& r) { r.outputs[0].value.unit = "ft/min"; }},
      {"a category for a number", no, Reason::wrong_kind, output, "speed",
       [](auto& r) { r.outputs[0].value.value = std::string("fast"); }},
      {"an unknown category", no, Reason::unknown_category, output, "coolant",
       [](auto& r) { r.outputs[3].value.value = std::string("oil"); }},
      {"an absurd output", no, Reason::far_outside, output, "feed", [](auto& r) { r.outputs[1].value.value = 1e30; }},
      {"moved by others", Decision::hold, Reason::changed_by_others, output, "speed",
       [](auto& r) { r.outputs[0].written = 200.21; }},
      {"switched by others", Decision::hold, Reason::changed_by_others, output, "coolant",
       [](auto& r) { r.outputs[3].written = std::string("dry"); }},
      {"written nonsense", Decision::hold, Reason::changed_by_others, output, "speed",
       [](auto& r) { r.outputs[0].written = nan; }},
      {"written in another kind", Decision::hold, Reason::changed_by_others, output, "speed",
       [](auto& r) { r.outputs[0].written = std::string("200"); }},
  };
  return cases;
}

const std::vector<Case>& proposal_cases() {
  constexpr Decision no = Decision::reject;
  constexpr Subject proposal = Subject::proposal;
  static const std::vector<Case> cases = {
      {"absent", no, Reason::missing, proposal, "coolant",
       [](auto& r) {
         auto v = r.proposal.values();
         v.pop_back();
         r.proposal = process::Recipe(v);
       }},
      {"unknown", no, Reason::unknown_name, proposal, "pressure",
       [](auto& r) {
         auto v = r.proposal.values();
         v.push_back({"pressure", 1.0, "bar"});
         r.proposal = process::Recipe(v);
       }},
      {"NaN", no, Reason::not_finite, proposal, "feed", [](auto& r) { propose(r, "feed", nan, "mm/rev"); }},
      {"infinite", no, Reason::not_finite, proposal, "feed", [](auto& r) { propose(r, "feed", infinity, "mm/rev"); }},
      {"minus infinite", no, Reason::not_finite, proposal, "feed",
       [](auto& r) { propose(r, "feed", -infinity, "mm/rev"); }},
      {"another unit", no, Reason::wrong_unit, proposal, "feed", [](auto& r) { propose(r, "feed", 0.1, "in/rev"); }},
      {"no unit", no, Reason::wrong_unit, proposal, "feed", [](auto& r) { propose(r, "feed", 0.1, ""); }},
      {"a number as text", no, Reason::wrong_kind, proposal, "feed",
       [](auto& r) { propose(r, "feed", std::string("0.1"), "mm/rev"); }},
      {"a code as category", no, Reason::wrong_kind, proposal, "coolant",
       [](auto& r) { propose(r, "coolant", 1.0, ""); }},
      {"an unknown category", no, Reason::unknown_category, proposal, "coolant",
       [](auto& r) { propose(r, "coolant", std::string("oil"), ""); }},
      {"absurd", no, Reason::far_outside, proposal, "feed", [](auto& r) { propose(r, "feed", 1e300, "mm/rev"); }},
      {"absurdly low", no, Reason::far_outside, proposal, "speed", [](auto& r) { propose(r, "speed", -1e9, "m/min"); }},
      {"far from training", Decision::hold, Reason::far_from_training, proposal, "",
       [](auto& r) { propose(r, "feed", 0.1 + 0.025 * 3.001, "mm/rev"); }},
      {"a new combination", Decision::hold, Reason::combination_unseen, proposal, "",
       [](auto& r) {
         propose(r, "coolant", std::string("dry"), "");
         r.context[1].value = std::string("Worn");
       }},
  };
  return cases;
}

const std::vector<Case>& request_cases() {
  constexpr Decision no = Decision::reject;
  constexpr Subject whole = Subject::request;
  constexpr Subject context = Subject::context;
  static const std::vector<Case> cases = {
      {"no time", no, Reason::time_reversed, whole, "", [](auto& r) { r.now = {}; }},
      {"no time of the last move", no, Reason::time_reversed, whole, "", [](auto& r) { r.last_move = {}; }},
      {"a move in the future", no, Reason::time_reversed, whole, "", [](auto& r) { r.last_move = r.now + 1ns; }},
      {"at the deadline", no, Reason::deadline_passed, whole, "", [](auto& r) { r.deadline = r.now; }},
      {"long after the deadline", no, Reason::deadline_passed, whole, "", [](auto& r) { r.deadline = r.now + -600s; }},
      {"no deadline", no, Reason::deadline_passed, whole, "", [](auto& r) { r.deadline = {}; }},
      {"the same sequence number", no, Reason::sequence_not_increasing, whole, "", [](auto& r) { r.sequence = 40; }},
      {"an older sequence number", no, Reason::sequence_not_increasing, whole, "", [](auto& r) { r.sequence = -1; }},
      {"in the dwell", Decision::hold, Reason::within_dwell, whole, "",
       [](auto& r) { r.last_move = r.now + -(30s - 1ns); }},
      {"no context", no, Reason::missing, context, "wear", [](auto& r) { r.context.pop_back(); }},
      {"unknown context", no, Reason::unknown_name, context, "shift",
       [](auto& r) {
         r.context.push_back({"shift", 1.0, ""});
       }},
      {"context twice", no, Reason::given_twice, context, "wear", [](auto& r) { r.context.push_back(r.context[1]); }},
      {"context without a value", no, Reason::not_finite, context, "hardness",
       [](auto& r) { r.context[0].value = nan; }},
      {"context in another unit", no, Reason::wrong_unit, context, "hardness",
       [](auto& r) { r.context[0].unit = "HRC"; }},
      {"a number for a category", no, Reason::wrong_kind, context, "wear", [](auto& r) { r.context[1].value = 0.0; }},
      {"an unknown category", no, Reason::unknown_category, context, "wear",
       [](auto& r) { r.context[1].value = std::string("Broken"); }},
      {"a new context", Decision::hold, Reason::far_from_training, Subject::proposal, "",
       [](auto& r) { r.context[0].value = 181.0; }},
  };
  return cases;
}

TEST(checks, accept_a_request_that_is_in_order) {
  const Judgement judgement = turning_guard().judge(request());
  EXPECT_EQ(judgement.verdict.decision, Decision::accept);
  EXPECT_TRUE(judgement.verdict.findings.empty());
  ASSERT_TRUE(judgement.setpoint.has_value());
  EXPECT_EQ(judgement.setpoint->values(), request().proposal.values());
  EXPECT_EQ(judgement.setpoint->expected()[0], (NamedValue{"speed", 200.0, "m/min"}));
  EXPECT_EQ(judgement.setpoint->expected().size(), 4U);
  EXPECT_EQ(judgement.setpoint->cycle(), 7);
  EXPECT_EQ(judgement.setpoint->sequence(), 41);
  EXPECT_EQ(judgement.setpoint->deadline(), at(1002s));
  EXPECT_EQ(judgement.setpoint->command_id(), "7-41");
}

TEST(checks, one_thing_wrong_is_one_finding) {
  const Guard guard = turning_guard();
  for (const auto* cases : {&input_cases(), &output_cases(), &proposal_cases(), &request_cases()}) {
    for (const Case& one : *cases) {
      SCOPED_TRACE(one.what);
      GuardRequest spoilt = request();
      one.spoil(spoilt);
      expect_only(guard.judge(spoilt), one.decision, one.reason, one.subject, one.name);
    }
  }
}

TEST(checks, what_is_just_allowed_passes) {
  const Guard guard = turning_guard();
  GuardRequest edge = request();
  edge.inputs[0].age = 5s;
  edge.inputs[1].age = 3s;
  edge.inputs[0].unchanged = 60s - 1ns;
  edge.inputs[0].value.value = 150.0;
  edge.inputs[1].unchanged = 1000h;  // no rule: a steady value is fine
  edge.outputs[1].age = 2s;
  edge.outputs[0].written = 200.2;
  edge.deadline = edge.now + 1ns;
  edge.sequence = edge.last_sequence + 1;
  EXPECT_EQ(guard.judge(edge).verdict.decision, Decision::accept);
  edge.last_move = edge.now + -30s;
  EXPECT_EQ(guard.judge(edge).verdict.decision, Decision::accept);  // 10 m/min in half a minute at 20 per minute
}

TEST(checks, time_stamps_of_the_server_are_not_used) {
  GuardRequest old = request();
  old.inputs[0].value.source_time = core::UtcTime(0s);
  old.inputs[0].value.server_time = core::UtcTime(0s);
  EXPECT_EQ(turning_guard().judge(old).verdict.decision, Decision::accept);
}

TEST(checks, uncertain_quality_is_a_choice) {
  GuardRequest uncertain = request();
  uncertain.inputs[0].value.status = 0x40000000U;
  GuardOptions of_one = options();
  of_one.inputs[0].accept_uncertain = true;
  EXPECT_EQ(turning_guard(of_one).judge(uncertain).verdict.decision, Decision::accept);
  uncertain.outputs[0].status = 0x40000000U;
  expect_only(turning_guard(of_one).judge(uncertain), Decision::reject, Reason::uncertain_quality, Subject::output,
              "speed");
  GuardOptions of_all = options();
  of_all.accept_uncertain = true;
  EXPECT_EQ(turning_guard(of_all).judge(uncertain).verdict.decision, Decision::accept);
  uncertain.outputs[0].status = 0x80000000U;
  expect_only(turning_guard(of_all).judge(uncertain), Decision::reject, Reason::bad_quality, Subject::output, "speed");
}

TEST(checks, the_first_check_that_finds_something_decides) {
  const Guard guard = turning_guard();
  GuardRequest wrong = request();
  wrong.outputs[0].written = 250.0;  // changed by others
  wrong.last_move = wrong.now;       // within the dwell
  expect_only(guard.judge(wrong), Decision::hold, Reason::changed_by_others, Subject::output, "speed");
  propose(wrong, "feed", 0.3, "mm/rev");  // far from training
  expect_only(guard.judge(wrong), Decision::hold, Reason::far_from_training, Subject::proposal);
  wrong.deadline = wrong.now;
  expect_only(guard.judge(wrong), Decision::reject, Reason::deadline_passed, Subject::request);
  wrong.context[0].unit = "HRC";
  expect_only(guard.judge(wrong), Decision::reject, Reason::wrong_unit, Subject::context, "hardness");
  wrong.outputs[2].age = 1h;
  expect_only(guard.judge(wrong), Decision::reject, Reason::stale, Subject::output, "passes");
}

TEST(checks, everything_that_one_check_finds_is_reported) {
  GuardRequest wrong = request();
  wrong.inputs[0].value.status = 0x80000000U;
  wrong.inputs[1].value.value = nan;
  wrong.outputs[3].age = 1h;
  EXPECT_EQ(turning_guard().judge(wrong).verdict.findings.size(), 3U);
}

TEST(checks, clocks_at_the_ends_of_their_range_wrap_nowhere) {
  const Guard guard = turning_guard();
  GuardRequest wild = request();
  wild.last_move = at(core::Nanoseconds::min() + 1ns);
  wild.now = at(core::Nanoseconds::max() - 1ns);
  wild.deadline = at(core::Nanoseconds::max());
  EXPECT_EQ(guard.judge(wild).verdict.decision, Decision::accept);
  wild.inputs[0].age = core::Nanoseconds::min();
  wild.inputs[1].age = core::Nanoseconds::max();
  EXPECT_EQ(guard.judge(wild).verdict.decision, Decision::reject);
}

}  // namespace
}  // namespace luban::guard
