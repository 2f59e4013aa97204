#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include <luban/control/export.hpp>

namespace luban::control {

/// Why a mode is what it is, why nothing is written, why a request is refused. Their words live in Python.
enum class ControlReason {
  // Where a request or a mode comes from.
  first_start,
  as_requested,
  requested_by_file,
  requested_by_person,
  lowered_by_person,
  tripped_by_person,
  reset_by_person,
  restarted,
  armed_itself,
  needs_person,
  // Facts of a cycle.
  no_cycle_yet,
  inputs_bad,
  recommendation_late,
  recommendation_none,
  optimizer_late,
  optimizer_dead,
  guard_silent,
  nothing_to_move,
  guard_hold,
  guard_reject,
  journal_not_writable,
  plant_disconnected,
  plant_trip,
  cycle_gap,
  drift,
  write_unconfirmed,
  write_partial,
  write_rejected,
  no_golden_set,
  golden_reached,
  // What follows from several cycles.
  troubled_cycles,
  write_failures,
  variable_released,
  critical_variable_released,
  all_variables_released,
  state_damaged,
  model_changed,
  // Why nothing is written though nothing is wrong.
  not_a_cycle,
  mode_changed,
  mode_off,
  mode_shadow,
  mode_hold,
  mode_tripped,
  not_approved,
  approval_needs_accept,
  // Why a request is refused.
  not_a_step_up,
  not_a_step_down,
  not_tripped,
  cause_present,
  person_missing,
  role_missing,
  second_person_missing,
  second_person_same,
  second_role_missing,
  dwell_not_over,
  shadow_record_short,
  variable_not_released,
  recommendation_not_offered
};

inline constexpr std::size_t reason_count = static_cast<std::size_t>(ControlReason::recommendation_not_offered) + 1;

using Reasons = std::vector<ControlReason>;  ///< in the order in which they were found, each once

[[nodiscard]] LUBAN_CONTROL_EXPORT std::array<ControlReason, reason_count> reason_codes() noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(ControlReason code) noexcept;
/// @throws DataError for a name that is no reason.
[[nodiscard]] LUBAN_CONTROL_EXPORT ControlReason reason_of(std::string_view name);

/// Appends what is not there yet.
LUBAN_CONTROL_EXPORT void add(Reasons& reasons, ControlReason code);
LUBAN_CONTROL_EXPORT void add(Reasons& reasons, const Reasons& more);
[[nodiscard]] LUBAN_CONTROL_EXPORT bool contains(const Reasons& reasons, ControlReason code) noexcept;

}  // namespace luban::control
