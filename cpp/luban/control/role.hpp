#pragma once

#include <array>
#include <string_view>

#include <luban/control/export.hpp>

namespace luban::control {

/// What a person may do; who has which role is written in a file that the supervisor reads.
enum class PersonRole {
  none,       ///< not known to the loop
  operator_,  ///< runs the line ("operator")
  engineer,   ///< answers for the process
  supervisor  ///< answers for the loop
};

inline constexpr std::array roles{PersonRole::none, PersonRole::operator_, PersonRole::engineer,
                                  PersonRole::supervisor};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(PersonRole role) noexcept;
/// @throws DataError for a name that is no role.
[[nodiscard]] LUBAN_CONTROL_EXPORT PersonRole role_of(std::string_view name);

/// What a person can ask for.
enum class Privilege {
  lower,
  trip,
  raise_to_shadow,
  raise_to_advisory,
  approve_recommendation,
  engage_variable,
  second_raise_to_closed,
  raise_to_closed,
  reset,
  reset_damaged_state
};

inline constexpr std::array privileges{Privilege::lower,
                                       Privilege::trip,
                                       Privilege::raise_to_shadow,
                                       Privilege::raise_to_advisory,
                                       Privilege::approve_recommendation,
                                       Privilege::engage_variable,
                                       Privilege::second_raise_to_closed,
                                       Privilege::raise_to_closed,
                                       Privilege::reset,
                                       Privilege::reset_damaged_state};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(Privilege privilege) noexcept;

/// The whole table of permissions: each privilege has the least role that holds it.
[[nodiscard]] LUBAN_CONTROL_EXPORT PersonRole least_role(Privilege privilege) noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT bool permitted(PersonRole role, Privilege privilege) noexcept;

}  // namespace luban::control
