#pragma once

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "support.hpp"

namespace luban::control::test {

inline std::vector<Step> alphabet(bool pairs) {
  std::vector<Step> out = cycles(pairs);
  for (const Step& request : requests()) out.push_back(request);
  return out;
}

/// Authority over the plant; what rises without a person must not rise in this.
inline int authority(ControlMode mode) {
  switch (mode) {
    case ControlMode::closed:
      return 3;
    case ControlMode::fallback:
    case ControlMode::hold:
      return 2;
    case ControlMode::advisory:
      return 1;
    case ControlMode::shadow:
    case ControlMode::off:
    case ControlMode::tripped:
      return 0;
  }
  return 0;
}

class Judge {
 public:
  Judge(ControlPlan line, ControlOptions options) : line_(std::move(line)), options_(options) {}

  void operator()(const ControllerState& before, const Step& step, const Transition& next) {
    before_ = &before;
    step_ = &step;
    next_ = &next;
    ++steps;
    writes();
    reasons();
    trips();
    falls();
    rises();
    requests_are_answered();
  }

  std::size_t steps = 0;
  std::set<std::string> faults;

 private:
  void demand(bool right, const char* what) {
    if (right) return;
    std::ostringstream out;
    out << what << ": " << step_->label << " at " << before_->to_json().dump() << " to "
        << next_->state.to_json().dump();
    if (faults.size() < 20) faults.insert(out.str());
  }

  void writes() {
    const ControlDecision& decision = next_->decision;
    const auto* cycle = std::get_if<Cycle>(&step_->event);
    if (decision.write == WriteKind::none) {
      demand(!decision.no_write_reasons.empty(), "nothing written without a reason");
      return;
    }
    const ControlMode mode = decision.achieved;
    demand(cycle != nullptr, "leave to write outside of a cycle");
    demand(mode == before_->achieved, "a write in the cycle that changes the mode");
    demand(decision.no_write_reasons.empty(), "reasons against a write that is allowed");
    demand(mode == ControlMode::closed || mode == ControlMode::advisory || mode == ControlMode::fallback,
           "a write in a mode without writes");
    demand((mode == ControlMode::advisory) == (decision.write == WriteKind::approved), "approved in advisory only");
    demand((mode == ControlMode::fallback) == (decision.write == WriteKind::golden), "golden in fallback only");
    demand(!decision.entries.empty() && decision.entries.back().kind == EntryKind::write, "a write not in the journal");
    if (cycle == nullptr) return;
    demand(cycle->journal_writable && cycle->plant_connected && !cycle->plant_trip, "a write into the dark");
    demand(cycle->guard == GuardDecision::accept || cycle->guard == GuardDecision::clamp, "a write past the guard");
    demand(cycle->write == WriteOutcome::none || cycle->write == WriteOutcome::confirmed, "a write after a lost one");
    demand(step_->elapsed >= core::Nanoseconds{0} && step_->elapsed <= 3s, "a write after a gap");
    if (mode == ControlMode::advisory) {
      demand(before_->approved == cycle->recommendation_id && !before_->approved.empty(), "written but not approved");
      demand(cycle->guard == GuardDecision::accept, "approved as it is, written otherwise");
      demand(next_->state.approved.empty(), "an approval used twice");
    }
    if (mode == ControlMode::closed) {
      demand(!cycle->drift, "a write under drift");
      demand(cycle->optimizer == OptimizerState::alive, "a write without an optimizer");
    }
    if (mode != ControlMode::fallback) {
      demand(cycle->inputs == InputQuality::good && cycle->recommendation == RecommendationState::fresh,
             "a write from bad or old inputs");
    }
  }

  void reasons() {
    const ControlDecision& decision = next_->decision;
    demand(!decision.requested_reasons.empty() && !decision.achieved_reasons.empty(), "a mode without a reason");
    demand(decision.accepted == decision.refusal_reasons.empty(), "refused without a reason");
    demand(may_stand(decision.requested, decision.achieved), "modes that do not go together");
    const bool changed = decision.before != decision.achieved;
    bool told = false;
    for (const ControlEntry& entry : decision.entries) told = told || entry.kind == EntryKind::mode_change;
    demand(told == changed, "a change of mode that the journal does not know");
  }

  void trips() {
    if (before_->achieved != ControlMode::tripped || next_->state.achieved == ControlMode::tripped) return;
    demand(std::holds_alternative<ResetRequest>(step_->event), "out of a trip without a reset");
    for (const TripCause& cause : before_->trip_causes) demand(!cause.present, "reset while a cause is there");
    demand(authority(next_->state.achieved) == 0, "a reset that gives authority");
  }

  void falls() {
    if (std::holds_alternative<Restarted>(step_->event)) {
      demand(authority(next_->state.achieved) <= 1, "a restart that leaves more than advisory");
      demand((before_->achieved == ControlMode::tripped) == (next_->state.achieved == ControlMode::tripped),
             "a restart that clears or makes a trip");
    }
    if (const auto* lower = std::get_if<LowerRequest>(&step_->event)) {
      if (may_lower(before_->achieved, lower->mode)) {
        const bool first_hold = lower->mode == ControlMode::fallback;
        demand(next_->state.achieved == (first_hold ? ControlMode::hold : lower->mode), "lowering that did not lower");
        demand(next_->state.requested == lower->mode && next_->decision.accepted, "lowering that was not taken");
      } else {
        demand(next_->state.achieved == before_->achieved, "lowering that raised");
      }
    }
    const auto* cycle = std::get_if<Cycle>(&step_->event);
    if (cycle == nullptr) return;
    const ControlMode after = next_->state.achieved;
    if (cycle->drift) demand(authority(after) <= authority(before_->achieved), "drift that raised");
    if (cycle->drift) demand(after != ControlMode::closed, "closed under drift");
    if (!cycle->journal_writable || !cycle->plant_connected || cycle->optimizer == OptimizerState::dead) {
      demand(after != ControlMode::closed, "closed without journal, plant or optimizer");
    }
    if (cycle->plant_trip) {
      demand(after == ControlMode::tripped || before_->achieved == ControlMode::off, "a plant's trip not followed");
    }
    if (owns_outputs(before_->achieved)) {
      for (const std::string& name : cycle->moved) {
        const bool known =
            std::find(next_->state.released.begin(), next_->state.released.end(), name) != next_->state.released.end();
        demand(known || after == ControlMode::tripped, "a moved variable that was not released");
        demand(!line_.critical(name) || !owns_outputs(after), "a critical variable moved and the loop stayed");
      }
    }
  }

  void rises() {
    const ControlMode from = before_->achieved;
    const ControlMode to = next_->state.achieved;
    if (authority(to) <= authority(from)) return;
    if (const auto* raise = std::get_if<RaiseRequest>(&step_->event)) {
      demand(next_->decision.accepted && raise->mode == to, "raised to another mode than asked");
      if (to != ControlMode::closed) return;
      demand(permitted(raise->role, Privilege::raise_to_closed), "closed without the role");
      demand(before_->ready_for >= options_.dwell, "closed before the dwell time");
      if (line_.plant == PlantKind::real) {
        demand(from == ControlMode::advisory, "closed from elsewhere than advisory");
        demand(!raise->second_person.empty() && raise->second_person != raise->person, "closed by one person");
        demand(before_->shadow_cycles >= options_.shadow_cycles, "closed without a shadow record");
      }
      return;
    }
    demand(std::holds_alternative<Cycle>(step_->event), "raised by an event that is no raise");
    demand(line_.plant != PlantKind::real, "a real plant that raised itself");
    demand(next_->state.requested == to || to == ControlMode::advisory, "raised beyond the request");
  }

  void requests_are_answered() {
    if (std::holds_alternative<Cycle>(step_->event) || std::holds_alternative<Restarted>(step_->event)) return;
    demand(!next_->decision.entries.empty(), "a request that the journal does not know");
    if (next_->decision.accepted) return;
    demand(key(next_->state) == key(*before_), "a refused request that changed something");
  }

  ControlPlan line_;
  ControlOptions options_;
  const ControllerState* before_ = nullptr;
  const Step* step_ = nullptr;
  const Transition* next_ = nullptr;
};

}  // namespace luban::control::test
