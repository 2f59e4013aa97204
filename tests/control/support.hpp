#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <luban/control/controller.hpp>

namespace luban::control::test {

using namespace std::chrono_literals;

inline ControlPlan plan(PlantKind kind = PlantKind::real) {
  return {.plant = kind,
          .cycle = 1s,
          .variables = {{.name = "feed", .critical = false}, {.name = "speed", .critical = true}},
          .model = "first"};
}

/// Small enough that every state can be visited.
inline ControlOptions few() {
  return {.dwell = 2s,
          .missed_cycles = 3,
          .troubled_cycles = 2,
          .hold_cycles = 2,
          .failed_writes_to_hold = 2,
          .failed_writes_to_trip = 3,
          .shadow_cycles = 2};
}

/// Fewer still.
inline ControlOptions fewest() {
  ControlOptions out = few();
  out.dwell = 1s;
  out.shadow_cycles = 1;
  out.failed_writes_to_hold = 1;
  out.failed_writes_to_trip = 2;
  return out;
}

/// A cycle in which nothing is wrong.
inline Cycle good(const std::string& id = "r1") {
  Cycle out;
  out.inputs = InputQuality::good;
  out.recommendation = RecommendationState::fresh;
  out.recommendation_id = id;
  out.guard = GuardDecision::accept;
  out.write = WriteOutcome::none;
  out.optimizer = OptimizerState::alive;
  out.golden = GoldenState::available;
  out.journal_writable = true;
  out.plant_connected = true;
  return out;
}

struct Step {
  std::string label;
  Event event;
  core::Nanoseconds elapsed = 1s;
};

struct Fault {
  std::string label;
  std::function<void(Cycle&)> apply;
};

inline std::vector<Fault> faults() {
  return {{"inputs bad", [](Cycle& c) { c.inputs = InputQuality::bad; }},
          {"late", [](Cycle& c) { c.recommendation = RecommendationState::late; }},
          {"none", [](Cycle& c) { c.recommendation = RecommendationState::none; }},
          {"another", [](Cycle& c) { c.recommendation_id = "r2"; }},
          {"guard silent", [](Cycle& c) { c.guard = GuardDecision::none; }},
          {"clamp", [](Cycle& c) { c.guard = GuardDecision::clamp; }},
          {"stay", [](Cycle& c) { c.guard = GuardDecision::stay; }},
          {"guard hold", [](Cycle& c) { c.guard = GuardDecision::hold; }},
          {"reject", [](Cycle& c) { c.guard = GuardDecision::reject; }},
          {"confirmed", [](Cycle& c) { c.write = WriteOutcome::confirmed; }},
          {"unconfirmed", [](Cycle& c) { c.write = WriteOutcome::unconfirmed; }},
          {"partial", [](Cycle& c) { c.write = WriteOutcome::partial; }},
          {"rejected", [](Cycle& c) { c.write = WriteOutcome::rejected; }},
          {"optimizer late", [](Cycle& c) { c.optimizer = OptimizerState::late; }},
          {"optimizer dead", [](Cycle& c) { c.optimizer = OptimizerState::dead; }},
          {"no golden", [](Cycle& c) { c.golden = GoldenState::none; }},
          {"golden reached", [](Cycle& c) { c.golden = GoldenState::reached; }},
          {"journal", [](Cycle& c) { c.journal_writable = false; }},
          {"plant", [](Cycle& c) { c.plant_connected = false; }},
          {"plant trip", [](Cycle& c) { c.plant_trip = true; }},
          {"drift", [](Cycle& c) { c.drift = true; }},
          {"feed moved", [](Cycle& c) { c.moved = {"feed"}; }},
          {"speed moved", [](Cycle& c) { c.moved = {"speed"}; }},
          {"both moved", [](Cycle& c) {
             c.moved = {"speed", "feed"};
           }}};
}

/// A good cycle, every single fault, every pair of faults, a gap, time that runs backwards, and nothing known at all.
inline std::vector<Step> cycles(bool pairs) {
  std::vector<Step> out{{"good", good()}, {"gap", good(), 10s}, {"back", good(), -1s}, {"nothing", Cycle{}}};
  const std::vector<Fault> all = faults();
  for (std::size_t i = 0; i < all.size(); ++i) {
    Cycle one = good();
    all[i].apply(one);
    out.push_back({all[i].label, one});
    for (std::size_t j = i + 1; pairs && j < all.size(); ++j) {
      Cycle two = one;
      all[j].apply(two);
      out.push_back({all[i].label + ", " + all[j].label, two});
    }
  }
  return out;
}

inline std::vector<Step> requests() {
  std::vector<Step> out{{"trip", TripRequest{.person = "ann"}}, {"restart", Restarted{}}};
  for (const ControlMode mode : control_modes) {
    const std::string to = " to " + std::string(name(mode));
    out.push_back({"lower" + to, LowerRequest{.mode = mode, .person = ""}});
    out.push_back({"file" + to, FileRequest{.mode = mode}});
    out.push_back({"operator raises" + to, RaiseRequest{.mode = mode, .person = "ann", .role = PersonRole::operator_}});
    RaiseRequest two{.mode = mode, .person = "eve", .role = PersonRole::engineer};
    out.push_back({"engineer alone raises" + to, two});
    two.second_person = "eve";
    two.second_role = PersonRole::operator_;
    out.push_back({"one person twice raises" + to, two});
    two.second_person = "ann";
    out.push_back({"two raise" + to, two});
  }
  for (const PersonRole role : roles) {
    const std::string by = " by " + std::string(name(role));
    out.push_back({"reset" + by, ResetRequest{.person = "ann", .role = role}});
    out.push_back({"approve r1" + by, ApproveRequest{.recommendation_id = "r1", .person = "ann", .role = role}});
    out.push_back({"engage feed" + by, EngageRequest{.variable = "feed", .person = "ann", .role = role}});
    out.push_back({"engage speed" + by, EngageRequest{.variable = "speed", .person = "ann", .role = role}});
  }
  out.push_back(
      {"approve r2", ApproveRequest{.recommendation_id = "r2", .person = "ann", .role = PersonRole::operator_}});
  out.push_back(
      {"approve nothing", ApproveRequest{.recommendation_id = "", .person = "ann", .role = PersonRole::operator_}});
  out.push_back({"nameless reset", ResetRequest{.person = "", .role = PersonRole::supervisor}});
  return out;
}

/// What makes two states different for the future; reasons and unmet permissives are words about it.
inline std::string key(const ControllerState& s) {
  std::string out;
  const auto put = [&out](std::int64_t value) { (out += std::to_string(value)) += ','; };
  put(static_cast<int>(s.requested));
  put(static_cast<int>(s.achieved));
  put(contains(s.requested_reasons, ControlReason::lowered_by_person) ||
      contains(s.requested_reasons, ControlReason::reset_by_person));
  for (const TripCause& cause : s.trip_causes) put(static_cast<int>(cause.reason) * 2 + (cause.present ? 1 : 0));
  for (const std::string& variable : s.released) out += variable;
  out += "|" + s.offered + "|" + s.approved + "|" + s.model + "|";
  put(s.readable_for.count());
  put(s.ready_for.count());
  put(s.troubled_cycles);
  put(s.hold_cycles);
  put(s.failed_writes);
  put(s.shadow_cycles);
  return out;
}

/// Visits every state that can be reached from `start`, and calls `look(before, step, transition)` for every event.
template <typename Look>
std::vector<ControllerState> explore(const ControlPlan& line, const ControlOptions& options,
                                     const std::vector<ControllerState>& start, const std::vector<Step>& alphabet,
                                     const Look& look) {
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<ControllerState> states;
  for (const ControllerState& state : start) {
    if (seen.emplace(key(state), states.size()).second) states.push_back(state);
  }
  for (std::size_t at = 0; at < states.size(); ++at) {
    const ControllerState before = states[at];
    for (const Step& step : alphabet) {
      const Transition next = transition(line, options, before, step.event, step.elapsed);
      look(before, step, next);
      if (seen.emplace(key(next.state), states.size()).second) states.push_back(next.state);
    }
  }
  return states;
}

inline ControllerState fresh(const ControlPlan& line) {
  ControllerState out;
  out.model = line.model;
  return out;
}

}  // namespace luban::control::test
