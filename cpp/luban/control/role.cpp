#include <luban/control/role.hpp>

#include <luban/control/detail/names.hpp>

namespace luban::control {

std::string_view name(PersonRole role) noexcept {
  switch (role) {
    case PersonRole::none:
      return "none";
    case PersonRole::operator_:
      return "operator";
    case PersonRole::engineer:
      return "engineer";
    case PersonRole::supervisor:
      return "supervisor";
  }
  return "none";
}

PersonRole role_of(std::string_view text) {
  return detail::value_named(roles, text, "a role");
}

std::string_view name(Privilege privilege) noexcept {
  switch (privilege) {
    case Privilege::lower:
      return "lower";
    case Privilege::trip:
      return "trip";
    case Privilege::raise_to_shadow:
      return "raise_to_shadow";
    case Privilege::raise_to_advisory:
      return "raise_to_advisory";
    case Privilege::approve_recommendation:
      return "approve_recommendation";
    case Privilege::engage_variable:
      return "engage_variable";
    case Privilege::second_raise_to_closed:
      return "second_raise_to_closed";
    case Privilege::raise_to_closed:
      return "raise_to_closed";
    case Privilege::reset:
      return "reset";
    case Privilege::reset_damaged_state:
      return "reset_damaged_state";
  }
  return "reset_damaged_state";
}

PersonRole least_role(Privilege privilege) noexcept {
  switch (privilege) {
    case Privilege::lower:
    case Privilege::trip:
      return PersonRole::none;  // less authority needs nobody's leave
    case Privilege::raise_to_shadow:
    case Privilege::raise_to_advisory:
    case Privilege::approve_recommendation:
    case Privilege::engage_variable:
    case Privilege::second_raise_to_closed:
      return PersonRole::operator_;
    case Privilege::raise_to_closed:
    case Privilege::reset:
      return PersonRole::engineer;
    case Privilege::reset_damaged_state:
      return PersonRole::supervisor;
  }
  return PersonRole::supervisor;
}

bool permitted(PersonRole role, Privilege privilege) noexcept {
  return role >= least_role(privilege);
}

}  // namespace luban::control
