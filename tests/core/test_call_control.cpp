#include <stop_token>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/call_control.hpp>
#include <luban/core/log.hpp>

namespace luban::core {
namespace {

TEST(call_control, without_anything_set_neither_stops_nor_reports) {
  const CallControl control;
  EXPECT_NO_THROW(control.check("core.test"));
  EXPECT_NO_THROW(control.report({.phase = "fit", .done = 1, .total = 2}));
}

TEST(call_control, hands_progress_on) {
  Progress seen;
  CallControl control;
  control.progress = [&seen](const Progress& now) { seen = now; };
  control.report({.phase = "fit fold 3 of 5", .done = 3, .total = 5});
  EXPECT_EQ(seen.phase, "fit fold 3 of 5");
  EXPECT_EQ(seen.done, 3);
  EXPECT_EQ(seen.total, 5);
}

TEST(call_control, throws_at_the_next_check_after_a_request_to_stop) {
  std::stop_source source;
  CallControl control;
  control.stop = source.get_token();
  EXPECT_NO_THROW(control.check("core.test"));
  source.request_stop();
  try {
    control.check("core.test");
    FAIL() << "the request to stop was not seen";
  } catch (const StoppedError& error) {
    EXPECT_EQ(error.detail().where, "core.test");
  }
}

TEST(log_level, has_a_name_for_each_level) {
  EXPECT_EQ(name(LogLevel::debug), "debug");
  EXPECT_EQ(name(LogLevel::info), "info");
  EXPECT_EQ(name(LogLevel::warning), "warning");
  EXPECT_EQ(name(LogLevel::error), "error");
}

}  // namespace
}  // namespace luban::core
