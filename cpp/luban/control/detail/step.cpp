#include <luban/control/detail/step.hpp>

#include <algorithm>
#include <utility>

namespace luban::control::detail {

Step::Step(const ControlPlan& plan, const ControlOptions& options, const ControllerState& state)
    : plan_(plan), options_(options), state_(state) {
  decision_.before = state.achieved;
}

void Step::record(ControlEntry entry) {
  decision_.entries.push_back(std::move(entry));
}

void Step::request(ControlMode mode, const Reasons& reasons) {
  state_.requested = mode;
  state_.requested_reasons = reasons;
}

void Step::go(ControlMode mode, Reasons reasons) {
  const ControlMode from = std::exchange(state_.achieved, mode);
  state_.achieved_reasons = reasons;
  if (from == mode) return;
  state_.troubled_cycles = 0;
  state_.offered.clear();
  state_.approved.clear();
  if (mode != ControlMode::fallback && !(from == ControlMode::fallback && mode == ControlMode::hold)) {
    state_.hold_cycles = 0;  // kept while a ramp is broken off and taken up again
  }
  if (!may_stand(state_.requested, mode)) {  // a person's hold or fallback that has ended
    request(ControlMode::advisory, reasons);
  }
  record({.kind = EntryKind::mode_change, .from = from, .to = mode, .reasons = std::move(reasons)});
}

void Step::fall(ControlMode mode, Reasons reasons) {
  const ControlMode from = state_.achieved;
  if (mode == ControlMode::advisory && real() && state_.requested == ControlMode::closed) {
    add(reasons, ControlReason::needs_person);
  }
  const bool lost = from == ControlMode::closed || mode != ControlMode::advisory;
  const bool waits = contains(reasons, ControlReason::needs_person);
  decision_.alarms.push_back({.reason = !lost && waits ? ControlReason::needs_person : reasons.front(),
                              .priority = lost ? AlarmPriority::medium : AlarmPriority::low});
  go(mode, std::move(reasons));
}

void Step::trip(const Reasons& causes) {
  for (const ControlReason code : causes) {
    bool known = false;
    for (const TripCause& cause : state_.trip_causes) known = known || cause.reason == code;
    const bool lasting = code == ControlReason::plant_trip || code == ControlReason::write_failures;
    if (!known) state_.trip_causes.push_back({.reason = code, .present = lasting});
  }
  std::sort(state_.trip_causes.begin(), state_.trip_causes.end(),
            [](const TripCause& a, const TripCause& b) { return a.reason < b.reason; });
  Reasons all;
  for (const TripCause& cause : state_.trip_causes) add(all, cause.reason);
  const bool first = state_.achieved != ControlMode::tripped;
  go(ControlMode::tripped, all);
  if (first) decision_.alarms.push_back({.reason = causes.front(), .priority = AlarmPriority::high});
}

Transition Step::finish() {
  if (state_.achieved == state_.requested) state_.achieved_reasons = {ControlReason::as_requested};
  decision_.requested = state_.requested;
  decision_.achieved = state_.achieved;
  decision_.requested_reasons = state_.requested_reasons;
  decision_.achieved_reasons = state_.achieved_reasons;
  decision_.released = state_.released;
  decision_.accepted = decision_.refusal_reasons.empty();
  if (decision_.write == WriteKind::none && decision_.no_write_reasons.empty()) {
    decision_.no_write_reasons = {ControlReason::not_a_cycle};
  }
  return {.state = std::move(state_), .decision = std::move(decision_)};
}

}  // namespace luban::control::detail
