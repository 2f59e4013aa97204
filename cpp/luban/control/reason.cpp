#include <luban/control/reason.hpp>

#include <algorithm>

#include <luban/control/detail/names.hpp>

namespace luban::control {

namespace {

// In the order of the enumeration; a test reads every name back.
constexpr std::array<std::string_view, reason_count> names{"first_start",
                                                           "as_requested",
                                                           "requested_by_file",
                                                           "requested_by_person",
                                                           "lowered_by_person",
                                                           "tripped_by_person",
                                                           "reset_by_person",
                                                           "restarted",
                                                           "armed_itself",
                                                           "needs_person",
                                                           "no_cycle_yet",
                                                           "inputs_bad",
                                                           "recommendation_late",
                                                           "recommendation_none",
                                                           "optimizer_late",
                                                           "optimizer_dead",
                                                           "guard_silent",
                                                           "nothing_to_move",
                                                           "guard_hold",
                                                           "guard_reject",
                                                           "journal_not_writable",
                                                           "plant_disconnected",
                                                           "plant_trip",
                                                           "cycle_gap",
                                                           "drift",
                                                           "write_unconfirmed",
                                                           "write_partial",
                                                           "write_rejected",
                                                           "no_golden_set",
                                                           "golden_reached",
                                                           "troubled_cycles",
                                                           "write_failures",
                                                           "variable_released",
                                                           "critical_variable_released",
                                                           "all_variables_released",
                                                           "state_damaged",
                                                           "model_changed",
                                                           "not_a_cycle",
                                                           "mode_changed",
                                                           "mode_off",
                                                           "mode_shadow",
                                                           "mode_hold",
                                                           "mode_tripped",
                                                           "not_approved",
                                                           "approval_needs_accept",
                                                           "not_a_step_up",
                                                           "not_a_step_down",
                                                           "not_tripped",
                                                           "cause_present",
                                                           "person_missing",
                                                           "role_missing",
                                                           "second_person_missing",
                                                           "second_person_same",
                                                           "second_role_missing",
                                                           "dwell_not_over",
                                                           "shadow_record_short",
                                                           "variable_not_released",
                                                           "recommendation_not_offered"};

}  // namespace

std::array<ControlReason, reason_count> reason_codes() noexcept {
  std::array<ControlReason, reason_count> out{};
  for (std::size_t i = 0; i < reason_count; ++i) out[i] = static_cast<ControlReason>(i);
  return out;
}

std::string_view name(ControlReason code) noexcept {
  return names[static_cast<std::size_t>(code)];
}

ControlReason reason_of(std::string_view text) {
  return detail::value_named(reason_codes(), text, "a reason code");
}

bool contains(const Reasons& reasons, ControlReason code) noexcept {
  return std::find(reasons.begin(), reasons.end(), code) != reasons.end();
}

void add(Reasons& reasons, ControlReason code) {
  if (!contains(reasons, code)) reasons.push_back(code);
}

void add(Reasons& reasons, const Reasons& more) {
  for (const ControlReason code : more) add(reasons, code);
}

}  // namespace luban::control
