// What a cycle does to the mode, and what it may write.
#include <algorithm>

#include <luban/control/detail/step.hpp>

namespace luban::control::detail {

namespace {

/// Goes on counting up to what the options ask for, so that states stay few and comparable.
int count_up(int value, int most) {
  return std::min(value + 1, most);
}

core::Nanoseconds hold_on(core::Nanoseconds held, core::Nanoseconds elapsed, core::Nanoseconds most, bool holds) {
  if (!holds) return does_not_hold;
  return held == does_not_hold ? core::Nanoseconds{0} : std::min(most, held + elapsed);
}

Reasons failure_of(WriteOutcome outcome) {
  switch (outcome) {
    case WriteOutcome::unconfirmed:
      return {ControlReason::write_unconfirmed};
    case WriteOutcome::partial:
      return {ControlReason::write_partial};
    case WriteOutcome::rejected:
      return {ControlReason::write_rejected};
    case WriteOutcome::none:
    case WriteOutcome::confirmed:
      return {};
  }
  return {ControlReason::write_unconfirmed};
}

Reasons input_trouble(const Cycle& facts) {
  Reasons out;
  if (facts.inputs == InputQuality::bad) add(out, ControlReason::inputs_bad);
  if (facts.recommendation == RecommendationState::late) add(out, ControlReason::recommendation_late);
  if (facts.recommendation == RecommendationState::none) add(out, ControlReason::recommendation_none);
  return out;
}

Reasons guard_trouble(GuardDecision decision) {
  switch (decision) {
    case GuardDecision::none:
      return {ControlReason::guard_silent};
    case GuardDecision::hold:
      return {ControlReason::guard_hold};
    case GuardDecision::reject:
      return {ControlReason::guard_reject};
    case GuardDecision::accept:
    case GuardDecision::clamp:
    case GuardDecision::stay:
      return {};
  }
  return {ControlReason::guard_silent};
}

}  // namespace

Reasons Step::trouble(const Cycle& facts) const {
  Reasons out = input_trouble(facts);
  if (facts.optimizer == OptimizerState::late) add(out, ControlReason::optimizer_late);
  if (facts.optimizer == OptimizerState::dead) add(out, ControlReason::optimizer_dead);
  return out;
}

Reasons Step::cannot_reach(const Cycle& facts) const {
  Reasons out;
  if (!facts.journal_writable) add(out, ControlReason::journal_not_writable);
  if (!facts.plant_connected) add(out, ControlReason::plant_disconnected);
  if (gap_) add(out, ControlReason::cycle_gap);
  return out;
}

void Step::judge_facts(const Cycle& facts, core::Nanoseconds elapsed) {
  gap_ = elapsed.count() < 0 || elapsed > plan_.cycle * options_.missed_cycles;
  Reasons unmet = cannot_reach(facts);
  if (facts.plant_trip) add(unmet, ControlReason::plant_trip);
  state_.readable_for = hold_on(state_.readable_for, elapsed, options_.dwell, unmet.empty());
  add(unmet, trouble(facts));
  add(unmet, guard_trouble(facts.guard));
  if (facts.drift) add(unmet, ControlReason::drift);
  state_.ready_for = hold_on(state_.ready_for, elapsed, options_.dwell, unmet.empty());
  state_.unmet = unmet;
}

void Step::count_writes(const Cycle& facts) {
  if (facts.write == WriteOutcome::confirmed) state_.failed_writes = 0;
  if (failure_of(facts.write).empty()) return;
  state_.failed_writes = count_up(state_.failed_writes, options_.failed_writes_to_trip);
}

void Step::follow_trip(const Cycle& facts) {
  for (TripCause& cause : state_.trip_causes) {
    if (cause.reason == ControlReason::plant_trip) cause.present = facts.plant_trip;
    if (cause.reason == ControlReason::write_failures) {
      cause.present = !facts.plant_connected || !failure_of(facts.write).empty();
    }
  }
  if (facts.plant_trip) trip({ControlReason::plant_trip});
}

bool Step::trips(const Cycle& facts) {
  Reasons causes;
  if (facts.plant_trip) add(causes, ControlReason::plant_trip);
  if (!failure_of(facts.write).empty() && state_.failed_writes >= options_.failed_writes_to_trip) {
    add(causes, ControlReason::write_failures);
  }
  if (causes.empty() || state_.achieved == ControlMode::off) return false;
  trip(causes);
  return true;
}

Reasons Step::variables_missing() const {
  Reasons out;
  const auto& released = state_.released;
  if (std::any_of(released.begin(), released.end(), [this](const std::string& name) { return plan_.critical(name); })) {
    add(out, ControlReason::critical_variable_released);
  }
  const auto taken = [&released](const ControlledVariable& own) {
    return std::binary_search(released.begin(), released.end(), own.name);
  };
  if (std::all_of(plan_.variables.begin(), plan_.variables.end(), taken)) {
    add(out, ControlReason::all_variables_released);
  }
  return out;
}

/// The operator wins: what somebody else moved is released, and a critical variable takes the loop with it.
bool Step::gives_way(const Cycle& facts) {
  for (const std::string& variable : facts.moved) {
    const auto at = std::lower_bound(state_.released.begin(), state_.released.end(), variable);
    if (at != state_.released.end() && *at == variable) continue;
    state_.released.insert(at, variable);
    decision_.alarms.push_back({.reason = ControlReason::variable_released, .priority = AlarmPriority::low});
    record({.kind = EntryKind::release,
            .from = state_.achieved,
            .to = state_.achieved,
            .reasons = {ControlReason::variable_released},
            .subject = variable});
  }
  const Reasons missing = variables_missing();
  if (missing.empty()) return false;
  fall(ControlMode::advisory, missing);
  return true;
}

void Step::from_closed(const Cycle& facts) {
  Reasons troubles = trouble(facts);
  add(troubles, guard_trouble(facts.guard));
  state_.troubled_cycles = troubles.empty() ? 0 : count_up(state_.troubled_cycles, options_.troubled_cycles);

  Reasons causes = cannot_reach(facts);
  if (facts.optimizer == OptimizerState::dead) add(causes, ControlReason::optimizer_dead);
  if (facts.write == WriteOutcome::partial) add(causes, ControlReason::write_partial);
  if (!failure_of(facts.write).empty() && state_.failed_writes >= options_.failed_writes_to_hold) {
    add(causes, ControlReason::write_failures);
  }
  if (state_.troubled_cycles >= options_.troubled_cycles) {
    add(causes, ControlReason::troubled_cycles);
    add(causes, troubles);
  }
  if (facts.drift) {
    Reasons first{ControlReason::drift};
    add(first, causes);
    fall(ControlMode::advisory, first);
  } else if (!causes.empty()) {
    fall(ControlMode::hold, causes);
  }
}

void Step::from_hold(const Cycle& facts) {
  const Reasons troubles = trouble(facts);
  const Reasons unreachable = cannot_reach(facts);
  state_.hold_cycles = troubles.empty() ? 0 : count_up(state_.hold_cycles, options_.hold_cycles);
  const bool waited = state_.requested == ControlMode::closed && state_.hold_cycles >= options_.hold_cycles;
  const bool asked = state_.requested == ControlMode::fallback;
  if (waited || asked) {
    Reasons obstacles = unreachable;
    if (facts.golden == GoldenState::none) add(obstacles, ControlReason::no_golden_set);
    if (obstacles.empty()) {
      fall(ControlMode::fallback, asked ? Reasons{ControlReason::as_requested} : troubles);
    } else {
      add(state_.achieved_reasons, obstacles);
    }
  } else if (state_.requested == ControlMode::closed && troubles.empty() && unreachable.empty()) {
    fall(ControlMode::advisory, state_.achieved_reasons);
  }
}

void Step::from_fallback(const Cycle& facts) {
  Reasons obstacles = cannot_reach(facts);
  if (facts.golden == GoldenState::none) add(obstacles, ControlReason::no_golden_set);
  if (!obstacles.empty()) {
    fall(ControlMode::hold, obstacles);
  } else if (state_.requested == ControlMode::closed && facts.golden == GoldenState::reached &&
             trouble(facts).empty()) {
    Reasons why{ControlReason::golden_reached};
    add(why, state_.achieved_reasons);
    fall(ControlMode::advisory, why);
  }
}

/// What happens without a person: the first step to shadow that a file asked for, and a plant that is not real.
void Step::rise_alone(const Cycle& facts) {
  if (facts.drift) return;  // a cycle with drift never ends higher than it began
  if (state_.requested == state_.achieved || state_.requested == ControlMode::off) return;
  const Reasons alone{ControlReason::armed_itself};
  if (state_.achieved == ControlMode::off && obstacles_to_shadow_or_advisory().empty()) {
    go(ControlMode::shadow, alone);
  } else if (real()) {
    if (state_.achieved != ControlMode::off) add(state_.achieved_reasons, ControlReason::needs_person);
  } else if (state_.achieved == ControlMode::shadow && obstacles_to_shadow_or_advisory().empty()) {
    go(ControlMode::advisory, alone);
  } else if (state_.achieved == ControlMode::advisory && obstacles_to_closed().empty()) {
    go(ControlMode::closed, alone);
  }
}

void Step::count_shadow(const Cycle& facts) {
  const bool watching = state_.achieved == ControlMode::shadow || state_.achieved == ControlMode::advisory;
  if (!watching || !input_trouble(facts).empty() || facts.guard == GuardDecision::none) return;
  state_.shadow_cycles = std::min(state_.shadow_cycles + 1, options_.shadow_cycles);
}

void Step::offer(const Cycle& facts) {
  const bool offers = state_.achieved == ControlMode::advisory && input_trouble(facts).empty();
  state_.offered = offers ? facts.recommendation_id : std::string{};
  if (state_.approved != state_.offered) state_.approved.clear();
}

Reasons Step::write_obstacles(const Cycle& facts) const {
  Reasons out = cannot_reach(facts);
  add(out, failure_of(facts.write));  // first see what became of it, then write again
  switch (state_.achieved) {
    case ControlMode::off:
      return {ControlReason::mode_off};
    case ControlMode::shadow:
      return {ControlReason::mode_shadow};
    case ControlMode::hold:
      return {ControlReason::mode_hold};
    case ControlMode::tripped:
      return {ControlReason::mode_tripped};
    case ControlMode::closed:
      add(out, trouble(facts));
      break;
    case ControlMode::advisory:
      add(out, input_trouble(facts));
      if (state_.approved.empty()) add(out, ControlReason::not_approved);
      if (facts.guard == GuardDecision::clamp) add(out, ControlReason::approval_needs_accept);
      break;
    case ControlMode::fallback:
      if (facts.golden == GoldenState::none) add(out, ControlReason::no_golden_set);
      if (facts.golden == GoldenState::reached) add(out, ControlReason::golden_reached);
      break;
  }
  add(out, guard_trouble(facts.guard));
  if (facts.guard == GuardDecision::stay) add(out, ControlReason::nothing_to_move);
  if (facts.plant_trip) add(out, ControlReason::plant_trip);
  if (state_.achieved != decision_.before) add(out, ControlReason::mode_changed);
  return out;
}

void Step::permit_write(const Cycle& facts) {
  decision_.no_write_reasons = write_obstacles(facts);
  if (!decision_.no_write_reasons.empty()) return;
  ControlEntry entry{
      .kind = EntryKind::write, .from = state_.achieved, .to = state_.achieved, .subject = facts.recommendation_id};
  if (state_.achieved == ControlMode::advisory) {
    decision_.write = WriteKind::approved;
    entry.subject = state_.approved;
    state_.approved.clear();  // for one cycle
  } else if (state_.achieved == ControlMode::fallback) {
    decision_.write = WriteKind::golden;
    entry.subject.clear();
  } else {
    decision_.write = WriteKind::recommendation;
  }
  record(std::move(entry));
}

void Step::cycle(const Cycle& facts, core::Nanoseconds elapsed) {
  judge_facts(facts, elapsed);
  count_writes(facts);
  if (state_.achieved == ControlMode::tripped) {
    follow_trip(facts);
  } else if (!trips(facts)) {
    if (!owns_outputs(state_.achieved)) {
      rise_alone(facts);
    } else if (!gives_way(facts)) {
      if (state_.achieved == ControlMode::closed) {
        from_closed(facts);
      } else if (state_.achieved == ControlMode::hold) {
        from_hold(facts);
      } else {
        from_fallback(facts);
      }
    }
  }
  count_shadow(facts);
  offer(facts);
  permit_write(facts);
}

}  // namespace luban::control::detail
