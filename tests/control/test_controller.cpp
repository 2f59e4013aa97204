// Leave to write: who has it, for how long, and after what.
#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "support.hpp"

namespace luban::control {
namespace {

using namespace test;

Controller closed() {
  Controller out(plan(PlantKind::simulated), few());
  out.step(FileRequest{.mode = ControlMode::closed}, 0s);
  for (int i = 1; i <= 6; ++i) out.step(good(), std::chrono::seconds(i));
  return out;
}

TEST(Permission, is_good_once_and_after_its_journal_entry) {
  Controller controller = closed();
  const ControlActions actions = controller.step(good("r7"), 7s);
  ASSERT_NE(actions.permission, nullptr);
  EXPECT_EQ(actions.permission->kind(), WriteKind::recommendation);
  EXPECT_EQ(actions.permission->recommendation_id(), "r7");
  EXPECT_EQ(actions.permission->entry(), actions.decision.entries.back().number);
  EXPECT_FALSE(controller.redeem(*actions.permission, actions.permission->entry() - 1)) << "not in the journal yet";
  EXPECT_TRUE(controller.redeem(*actions.permission, actions.permission->entry()));
  EXPECT_FALSE(controller.redeem(*actions.permission, actions.permission->entry())) << "used";
}

TEST(Permission, ends_with_the_next_event) {
  Controller controller = closed();
  for (const Event& event : {Event(good()), Event(LowerRequest{}), Event(ApproveRequest{}), Event(Cycle{})}) {
    const ControlActions before = controller.step(good(), 7s);
    if (before.permission == nullptr) continue;
    controller.step(event, 7s);
    EXPECT_FALSE(controller.redeem(*before.permission, 1'000'000));
  }
}

TEST(Permission, is_only_good_where_it_comes_from) {
  Controller one = closed();
  Controller two = closed();
  const ControlActions actions = one.step(good(), 7s);
  two.step(good(), 7s);
  ASSERT_NE(actions.permission, nullptr);
  EXPECT_FALSE(two.redeem(*actions.permission, 1'000'000));
  EXPECT_TRUE(one.redeem(*actions.permission, 1'000'000));
}

TEST(Permission, names_what_must_not_be_written) {
  Controller controller = closed();
  Cycle moved = good();
  moved.moved = {"feed"};
  const ControlActions actions = controller.step(moved, 7s);
  ASSERT_NE(actions.permission, nullptr);
  EXPECT_EQ(actions.permission->released(), std::vector<std::string>{"feed"});
}

TEST(Entries, are_numbered_without_a_gap) {
  Controller controller = closed();
  std::int64_t last = controller.step(good(), 7s).decision.entries.back().number;
  for (int i = 8; i < 40; ++i) {
    const Cycle cycle = i % 5 == 0 ? Cycle{} : good();
    for (const ControlEntry& entry : controller.step(cycle, std::chrono::seconds(i)).decision.entries) {
      EXPECT_EQ(entry.number, ++last);
    }
  }
}

TEST(Plan, is_checked) {
  const auto refuse = [](auto change) {
    ControlPlan line = plan();
    ControlOptions options;
    change(line, options);
    EXPECT_THROW(Controller(line, options), core::ConfigurationError);
    EXPECT_THROW((void)Controller::restored("", line, options), core::ConfigurationError);
  };
  refuse([](ControlPlan& line, ControlOptions&) { line.variables.clear(); });
  refuse([](ControlPlan& line, ControlOptions&) { line.variables[0].name = "speed"; });
  refuse([](ControlPlan& line, ControlOptions&) { line.variables[0].name = ""; });
  refuse([](ControlPlan& line, ControlOptions&) { line.cycle = 0s; });
  refuse([](ControlPlan&, ControlOptions& options) { options.dwell = -1s; });
  refuse([](ControlPlan&, ControlOptions& options) { options.missed_cycles = 0; });
  refuse([](ControlPlan&, ControlOptions& options) { options.troubled_cycles = 0; });
  refuse([](ControlPlan&, ControlOptions& options) { options.hold_cycles = 0; });
  refuse([](ControlPlan&, ControlOptions& options) { options.failed_writes_to_trip = 1; });
  refuse([](ControlPlan&, ControlOptions& options) { options.shadow_cycles = -1; });
}

}  // namespace
}  // namespace luban::control
