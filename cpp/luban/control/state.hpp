#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <luban/control/export.hpp>
#include <luban/control/mode.hpp>
#include <luban/control/reason.hpp>
#include <luban/core/json.hpp>
#include <luban/core/time.hpp>

namespace luban::control {

/// What tripped the loop, and whether it is still there.
struct LUBAN_CONTROL_EXPORT TripCause {
  ControlReason reason = ControlReason::state_damaged;
  bool present = false;

  friend bool operator==(const TripCause&, const TripCause&) = default;
};

/// How long something has held without a break; below zero = it does not hold.
inline constexpr core::Nanoseconds does_not_hold{-1};

/// All that a controller remembers. Everything that it decides follows from this, one event, the plan and the options.
/// Counters and durations stop at what the options ask for.
struct LUBAN_CONTROL_EXPORT ControllerState {
  ControlMode requested = ControlMode::off;
  ControlMode achieved = ControlMode::off;
  Reasons requested_reasons{ControlReason::first_start};
  Reasons achieved_reasons{ControlReason::first_start};
  std::vector<TripCause> trip_causes;              ///< empty unless tripped
  std::vector<std::string> released;               ///< variables that the operator has taken, ascending
  std::string offered;                             ///< recommendation that may be approved now
  std::string approved;                            ///< the same once a person approved it
  std::string model;                               ///< that the shadow record is about
  core::Nanoseconds readable_for = does_not_hold;  ///< plant and journal within reach
  core::Nanoseconds ready_for = does_not_hold;     ///< every permissive of closed
  int troubled_cycles = 0;
  int hold_cycles = 0;
  int failed_writes = 0;
  std::int64_t shadow_cycles = 0;
  Reasons unmet{ControlReason::no_cycle_yet};  ///< permissives that the last cycle did not meet

  [[nodiscard]] core::Json to_json() const;
  /// @throws IntegrityError when something is missing, of another type or contradicts the rest.
  [[nodiscard]] static ControllerState from_json(const core::Json& json);

  /// The state with its format version and digest, as one line of JSON. The digest finds damage and careless edits; it
  /// is no signature.
  [[nodiscard]] std::string to_text() const;
  /// @throws IntegrityError when the text is not one that to_text() wrote.
  [[nodiscard]] static ControllerState from_text(std::string_view text);

  friend bool operator==(const ControllerState&, const ControllerState&) = default;
};

}  // namespace luban::control
