#include <luban/control/mode.hpp>

#include <luban/control/detail/names.hpp>

namespace luban::control {

std::string_view name(ControlMode mode) noexcept {
  switch (mode) {
    case ControlMode::off:
      return "off";
    case ControlMode::shadow:
      return "shadow";
    case ControlMode::advisory:
      return "advisory";
    case ControlMode::closed:
      return "closed";
    case ControlMode::hold:
      return "hold";
    case ControlMode::fallback:
      return "fallback";
    case ControlMode::tripped:
      return "tripped";
  }
  return "tripped";
}

ControlMode control_mode_of(std::string_view text) {
  return detail::value_named(control_modes, text, "a control mode");
}

bool owns_outputs(ControlMode mode) noexcept {
  return mode == ControlMode::closed || mode == ControlMode::hold || mode == ControlMode::fallback;
}

bool may_lower(ControlMode from, ControlMode to) noexcept {
  switch (from) {
    case ControlMode::closed:
      return to != ControlMode::closed && to != ControlMode::tripped;
    case ControlMode::hold:
      return to != ControlMode::closed && to != ControlMode::hold && to != ControlMode::tripped;
    case ControlMode::fallback:
      return to != ControlMode::closed && to != ControlMode::fallback && to != ControlMode::tripped;
    case ControlMode::advisory:
      return to == ControlMode::shadow || to == ControlMode::off;
    case ControlMode::shadow:
      return to == ControlMode::off;
    case ControlMode::off:
    case ControlMode::tripped:
      return false;
  }
  return false;
}

bool may_stand(ControlMode requested, ControlMode achieved) noexcept {
  if (requested == ControlMode::tripped) return false;  // people trip a loop, nobody wishes it tripped
  switch (achieved) {
    case ControlMode::closed:
      return requested == ControlMode::closed;
    case ControlMode::hold:
      return owns_outputs(requested);
    case ControlMode::fallback:
      return requested == ControlMode::closed || requested == ControlMode::fallback;
    case ControlMode::advisory:
      return requested == ControlMode::advisory || requested == ControlMode::closed;
    case ControlMode::shadow:
      return requested != ControlMode::off && requested != ControlMode::hold && requested != ControlMode::fallback;
    case ControlMode::off:
      return requested != ControlMode::hold && requested != ControlMode::fallback;
    case ControlMode::tripped:
      return true;
  }
  return false;
}

}  // namespace luban::control
