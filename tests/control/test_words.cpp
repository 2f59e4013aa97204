// Names are read back as what they name, and the table of permissions is what it is.
#include <set>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "support.hpp"

namespace luban::control {
namespace {

TEST(Names, are_read_back) {
  for (const ControlMode mode : control_modes) EXPECT_EQ(control_mode_of(name(mode)), mode);
  for (const PersonRole role : roles) EXPECT_EQ(role_of(name(role)), role);
  std::set<std::string_view> seen;
  for (const ControlReason code : reason_codes()) {
    EXPECT_EQ(reason_of(name(code)), code);
    EXPECT_TRUE(seen.insert(name(code)).second);
  }
  EXPECT_EQ(seen.size(), reason_count);
  // The two ends and the middle of the list, against a shift of all names.
  EXPECT_EQ(name(ControlReason::first_start), "first_start");
  EXPECT_EQ(name(ControlReason::drift), "drift");
  EXPECT_EQ(name(ControlReason::variable_released), "variable_released");
  EXPECT_EQ(name(ControlReason::recommendation_not_offered), "recommendation_not_offered");
  EXPECT_THROW((void)control_mode_of("open"), core::DataError);
  EXPECT_THROW((void)role_of("Operator"), core::DataError);
}

TEST(Permissions, grow_with_the_role) {
  for (const Privilege privilege : privileges) {
    bool before = false;
    for (const PersonRole role : roles) {
      const bool now = permitted(role, privilege);
      EXPECT_TRUE(now || !before) << name(privilege) << " is lost at " << name(role);
      before = now;
    }
    EXPECT_TRUE(before) << name(privilege) << " is nobody's";
  }
}

TEST(Permissions, are_these) {
  const auto holders = [](PersonRole role) {
    std::set<std::string_view> out;
    for (const Privilege privilege : privileges) {
      if (permitted(role, privilege)) out.insert(name(privilege));
    }
    return out;
  };
  std::set<std::string_view> expected{"lower", "trip"};
  EXPECT_EQ(holders(PersonRole::none), expected);
  expected.insert(
      {"raise_to_shadow", "raise_to_advisory", "approve_recommendation", "engage_variable", "second_raise_to_closed"});
  EXPECT_EQ(holders(PersonRole::operator_), expected);
  expected.insert({"raise_to_closed", "reset"});
  EXPECT_EQ(holders(PersonRole::engineer), expected);
  expected.insert("reset_damaged_state");
  EXPECT_EQ(holders(PersonRole::supervisor), expected);
}

TEST(Modes, that_lower_end_at_rest) {
  for (const ControlMode from : control_modes) {
    EXPECT_FALSE(may_lower(from, ControlMode::closed));
    EXPECT_FALSE(may_lower(from, ControlMode::tripped));
    EXPECT_FALSE(may_lower(from, from));
    EXPECT_EQ(may_lower(from, ControlMode::off), from != ControlMode::off && from != ControlMode::tripped);
  }
}

}  // namespace
}  // namespace luban::control
