// A kept state that is not what we wrote wakes up tripped.
#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/core/random.hpp>
#include <luban/core/sha256.hpp>

#include "support.hpp"

namespace luban::control {
namespace {

using namespace test;

std::string closed_text() {
  ControllerState state = fresh(plan());
  state.requested = state.achieved = ControlMode::closed;
  state.released = {"feed"};
  state.shadow_cycles = 2;
  return state.to_text();
}

/// The text of a state with one key set to something else, digest included: what a careful forger would write.
std::string forged(const char* key, core::Json value) {
  core::Json state = core::Json::parse(closed_text()).at("state");
  state.set(key, std::move(value));
  core::Json out = core::Json::object();
  const std::string digest = core::Sha256().update("luban controller state\n").update(state.dump()).hex();
  out.set("luban_controller_state", 1).set("state", state).set("sha256", digest);
  return out.dump();
}

void expect_tripped(const std::string& text) {
  Controller woken = Controller::restored(text, plan(), few());
  EXPECT_EQ(woken.state().achieved, ControlMode::tripped) << text;
  EXPECT_FALSE(woken.damage().empty());
  EXPECT_EQ(woken.latest().achieved_reasons, Reasons{ControlReason::state_damaged});
  ASSERT_EQ(woken.latest().alarms.size(), 1U);
  EXPECT_EQ(woken.latest().alarms.front().priority, AlarmPriority::high);
  woken.step(good(), 1s);
  EXPECT_FALSE(woken.step(ResetRequest{.person = "eve", .role = PersonRole::engineer}, 1s).decision.accepted);
  EXPECT_TRUE(woken.step(ResetRequest{.person = "sue", .role = PersonRole::supervisor}, 1s).decision.accepted);
  EXPECT_EQ(woken.state().achieved, ControlMode::off);
}

TEST(State, unreadable_text_wakes_up_tripped) {
  for (const char* text : {"", "off", "{}", "null", "[]", "{\"luban_controller_state\":1}",
                           "{\"luban_controller_state\":2,\"state\":{},\"sha256\":\"\"}"}) {
    expect_tripped(text);
  }
}

TEST(State, every_flipped_bit_and_every_cut_is_found) {
  const std::string text = closed_text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const int bit : {0, 2, 5}) {
      std::string altered = text;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      const Controller woken = Controller::restored(altered, plan(), few());
      ASSERT_EQ(woken.state().achieved, ControlMode::tripped) << altered;
    }
    const Controller cut = Controller::restored(text.substr(0, i), plan(), few());
    ASSERT_EQ(cut.state().achieved, ControlMode::tripped) << i;
  }
}

TEST(State, a_forged_state_that_no_step_leads_to_is_refused) {
  ASSERT_NO_THROW((void)ControllerState::from_text(forged("achieved", "closed")));
  for (const auto& [key, value] : std::vector<std::pair<const char*, core::Json>>{
           {"achieved", "tripped"},
           {"achieved", "open"},
           {"requested", "off"},
           {"requested", "tripped"},
           {"offered", "r1"},
           {"approved", "r1"},
           {"released", core::Json::parse("[\"b\",\"a\"]")},
           {"released", 3},
           {"ready_for", -2},
           {"ready_for", 5},
           {"failed_writes", -1},
           {"troubled_cycles", 99999999999},
           {"shadow_cycles", -1},
           {"achieved_reasons", core::Json::array()},
           {"trip_causes", core::Json::parse("[{\"reason\":\"plant_trip\",\"present\":true}]")},
           {"unmet", core::Json::parse("[\"nothing\"]")},
           {"another", 1}}) {
    EXPECT_THROW((void)ControllerState::from_text(forged(key, value)), core::IntegrityError) << key;
  }
}

TEST(State, random_text_never_gives_authority) {
  core::Generator random = core::RandomKey(4).generator();
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(60); n > 0; --n) text += static_cast<char>(random.below(256));
    ASSERT_EQ(Controller::restored(text, plan(), few()).state().achieved, ControlMode::tripped);
  }
}

}  // namespace
}  // namespace luban::control
