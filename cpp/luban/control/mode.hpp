#pragma once

#include <array>
#include <string_view>

#include <luban/control/export.hpp>

namespace luban::control {

/// How far the loop is closed.
enum class ControlMode {
  off,       ///< nothing is offered, nothing is written
  shadow,    ///< recommendations are made and recorded, nobody is asked to follow them
  advisory,  ///< recommendations are offered; one is written only after a person approved that one
  closed,    ///< what passes the guard is written in every cycle
  hold,      ///< outputs stay as they are
  fallback,  ///< outputs ramp to the golden set
  tripped    ///< latched: nothing is written until a person resets it
};

inline constexpr std::array control_modes{ControlMode::off,    ControlMode::shadow, ControlMode::advisory,
                                          ControlMode::closed, ControlMode::hold,   ControlMode::fallback,
                                          ControlMode::tripped};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(ControlMode mode) noexcept;
/// @throws DataError for a name that is no mode.
[[nodiscard]] LUBAN_CONTROL_EXPORT ControlMode control_mode_of(std::string_view name);

/// Whether the loop, not the operator, answers for the outputs: closed, hold and fallback.
[[nodiscard]] LUBAN_CONTROL_EXPORT bool owns_outputs(ControlMode mode) noexcept;

/// Whether anybody may take the loop from one mode to the other, at once and without conditions.
[[nodiscard]] LUBAN_CONTROL_EXPORT bool may_lower(ControlMode from, ControlMode to) noexcept;

/// Whether a request for `requested` may stand while `achieved` is what the facts allow.
[[nodiscard]] LUBAN_CONTROL_EXPORT bool may_stand(ControlMode requested, ControlMode achieved) noexcept;

}  // namespace luban::control
