// What people, files and a restart do to the mode.
#include <algorithm>

#include <luban/control/detail/step.hpp>

namespace luban::control::detail {

Reasons identity_obstacles(const std::string& person, PersonRole role, Privilege privilege) {
  Reasons out;
  if (person.empty()) add(out, ControlReason::person_missing);
  if (!permitted(role, privilege)) add(out, ControlReason::role_missing);
  return out;
}

namespace {

Privilege privilege_to_raise(ControlMode mode) {
  if (mode == ControlMode::shadow) return Privilege::raise_to_shadow;
  return mode == ControlMode::advisory ? Privilege::raise_to_advisory : Privilege::raise_to_closed;
}

bool is_step_up(ControlMode from, ControlMode to) {
  return (from == ControlMode::off && to == ControlMode::shadow) ||
         (from == ControlMode::shadow && to == ControlMode::advisory) ||
         (from == ControlMode::advisory && to == ControlMode::closed);
}

}  // namespace

Reasons Step::obstacles_to_shadow_or_advisory() const {
  if (state_.readable_for >= options_.dwell) return {};
  Reasons out{ControlReason::dwell_not_over};
  for (const ControlReason code : state_.unmet) {
    const bool matters = code == ControlReason::no_cycle_yet || code == ControlReason::journal_not_writable ||
                         code == ControlReason::plant_disconnected || code == ControlReason::plant_trip ||
                         code == ControlReason::cycle_gap;
    if (matters) add(out, code);
  }
  return out;
}

Reasons Step::obstacles_to_closed() const {
  Reasons out = variables_missing();
  if (state_.ready_for < options_.dwell) {
    add(out, ControlReason::dwell_not_over);
    add(out, state_.unmet);
  }
  return out;
}

Reasons Step::second_person_obstacles(const RaiseRequest& request) const {
  Reasons out;
  if (request.second_person.empty()) return {ControlReason::second_person_missing};
  if (request.second_person == request.person) add(out, ControlReason::second_person_same);
  if (!permitted(request.second_role, Privilege::second_raise_to_closed)) add(out, ControlReason::second_role_missing);
  return out;
}

void Step::on(const RaiseRequest& wish) {
  Reasons& refused = decision_.refusal_reasons;
  if (state_.achieved == ControlMode::tripped) {
    refused = {ControlReason::mode_tripped};
  } else if (!is_step_up(state_.achieved, wish.mode)) {
    refused = {ControlReason::not_a_step_up};
  } else {
    refused = identity_obstacles(wish.person, wish.role, privilege_to_raise(wish.mode));
    if (wish.mode == ControlMode::closed) {
      add(refused, obstacles_to_closed());
      if (real()) add(refused, second_person_obstacles(wish));
      if (real() && state_.shadow_cycles < options_.shadow_cycles) add(refused, ControlReason::shadow_record_short);
    } else {
      add(refused, obstacles_to_shadow_or_advisory());
    }
  }
  record({.kind = EntryKind::request,
          .from = state_.achieved,
          .to = wish.mode,
          .reasons = refused,
          .accepted = refused.empty(),
          .person = wish.person,
          .second_person = wish.second_person});
  if (!refused.empty()) return;
  request(wish.mode, {ControlReason::requested_by_person});
  go(wish.mode, {ControlReason::as_requested});
}

void Step::on(const LowerRequest& wish) {
  const ControlMode mode = wish.mode;
  const bool tripped = state_.achieved == ControlMode::tripped;
  const bool stays = mode == state_.achieved && !tripped && mode != ControlMode::closed;
  const bool only_wish = tripped && (mode == ControlMode::off || may_lower(state_.requested, mode));
  if (!stays && !only_wish && !may_lower(state_.achieved, mode)) {
    decision_.refusal_reasons = {ControlReason::not_a_step_down};
  }
  record({.kind = EntryKind::request,
          .from = state_.achieved,
          .to = mode,
          .reasons = decision_.refusal_reasons,
          .accepted = decision_.refusal_reasons.empty(),
          .person = wish.person});
  if (!decision_.refusal_reasons.empty()) return;
  request(mode, {ControlReason::lowered_by_person});
  if (tripped || stays) return;
  // The ramp begins in the next cycle, when it is known whether there is a golden set; the outputs hold at once.
  const bool holds_first = mode == ControlMode::fallback;
  go(holds_first ? ControlMode::hold : mode, {ControlReason::lowered_by_person});
}

void Step::on(const TripRequest& wish) {
  record({.kind = EntryKind::request, .from = state_.achieved, .to = ControlMode::tripped, .person = wish.person});
  trip({ControlReason::tripped_by_person});
}

void Step::on(const ResetRequest& wish) {
  Reasons& refused = decision_.refusal_reasons;
  const auto& causes = state_.trip_causes;
  if (state_.achieved != ControlMode::tripped) {
    refused = {ControlReason::not_tripped};
  } else {
    const bool damaged = std::any_of(causes.begin(), causes.end(), [](const TripCause& cause) {
      return cause.reason == ControlReason::state_damaged;
    });
    refused = identity_obstacles(wish.person, wish.role, damaged ? Privilege::reset_damaged_state : Privilege::reset);
    if (std::any_of(causes.begin(), causes.end(), [](const TripCause& cause) { return cause.present; })) {
      add(refused, ControlReason::cause_present);
    }
  }
  const ControlMode to = state_.requested == ControlMode::off ? ControlMode::off : ControlMode::shadow;
  record({.kind = EntryKind::request,
          .from = state_.achieved,
          .to = to,
          .reasons = refused,
          .accepted = refused.empty(),
          .person = wish.person});
  if (!refused.empty()) return;
  state_.trip_causes.clear();
  state_.failed_writes = 0;
  request(to, {ControlReason::reset_by_person});
  go(to, {ControlReason::reset_by_person});
}

void Step::on(const ApproveRequest& wish) {
  Reasons& refused = decision_.refusal_reasons;
  refused = identity_obstacles(wish.person, wish.role, Privilege::approve_recommendation);
  if (wish.recommendation_id.empty() || wish.recommendation_id != state_.offered) {
    add(refused, ControlReason::recommendation_not_offered);
  }
  record({.kind = EntryKind::approval,
          .from = state_.achieved,
          .to = state_.achieved,
          .reasons = refused,
          .accepted = refused.empty(),
          .person = wish.person,
          .subject = wish.recommendation_id});
  if (refused.empty()) state_.approved = wish.recommendation_id;
}

void Step::on(const EngageRequest& wish) {
  Reasons& refused = decision_.refusal_reasons;
  refused = identity_obstacles(wish.person, wish.role, Privilege::engage_variable);
  const auto at = std::find(state_.released.begin(), state_.released.end(), wish.variable);
  if (at == state_.released.end()) add(refused, ControlReason::variable_not_released);
  record({.kind = EntryKind::engage,
          .from = state_.achieved,
          .to = state_.achieved,
          .reasons = refused,
          .accepted = refused.empty(),
          .person = wish.person,
          .subject = wish.variable});
  if (refused.empty()) state_.released.erase(at);
}

void Step::on(const FileRequest& wish) {
  Reasons& refused = decision_.refusal_reasons;
  const bool is_wish = wish.mode == ControlMode::off || wish.mode == ControlMode::shadow ||
                       wish.mode == ControlMode::advisory || wish.mode == ControlMode::closed;
  // A file speaks at the start: it neither lowers nor lifts what people have set since.
  const bool people_spoke = contains(state_.requested_reasons, ControlReason::lowered_by_person) ||
                            contains(state_.requested_reasons, ControlReason::reset_by_person);
  if (state_.achieved != ControlMode::off || people_spoke) refused = {ControlReason::needs_person};
  if (!is_wish) refused = {ControlReason::not_a_step_up};
  record({.kind = EntryKind::request,
          .from = state_.achieved,
          .to = wish.mode,
          .reasons = refused,
          .accepted = refused.empty()});
  if (!refused.empty()) return;
  request(wish.mode, {ControlReason::requested_by_file});
  if (wish.mode != ControlMode::off) state_.achieved_reasons = {ControlReason::requested_by_file};
}

void Step::on(const Restarted&) {
  Reasons why{ControlReason::restarted};
  if (state_.model != plan_.model) {
    state_.model = plan_.model;
    state_.shadow_cycles = 0;
    add(why, ControlReason::model_changed);
  }
  record({.kind = EntryKind::restart, .from = state_.achieved, .to = state_.achieved, .reasons = why});
  if (owns_outputs(state_.achieved)) fall(ControlMode::advisory, why);
  for (TripCause& cause : state_.trip_causes) {  // until a cycle says otherwise
    cause.present = cause.reason == ControlReason::plant_trip || cause.reason == ControlReason::write_failures;
  }
  state_.readable_for = does_not_hold;
  state_.ready_for = does_not_hold;
  state_.troubled_cycles = 0;
  state_.hold_cycles = 0;
  state_.offered.clear();
  state_.approved.clear();
  state_.unmet = {ControlReason::no_cycle_yet};
}

}  // namespace luban::control::detail
