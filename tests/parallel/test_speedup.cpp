#include <limits>
#include <stop_token>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/parallel/cpu_budget.hpp>
#include <luban/parallel/speedup.hpp>

namespace luban::parallel {
namespace {

TEST(measure_speedup, counts_work_on_one_thread_and_on_all) {
  const Speedup speedup = measure_speedup({.threads = 2, .seconds = 0.01});
  EXPECT_EQ(speedup.threads, cpu_budget(2).threads);
  EXPECT_GT(speedup.serial_per_s, 0.0);
  EXPECT_GT(speedup.parallel_per_s, 0.0);
  EXPECT_DOUBLE_EQ(speedup.ratio(), speedup.parallel_per_s / speedup.serial_per_s);
}

TEST(measure_speedup, takes_the_budget_when_no_number_is_given) {
  EXPECT_EQ(measure_speedup({.seconds = 0.005}).threads, cpu_budget().threads);
}

TEST(measure_speedup, refuses_options_out_of_range) {
  for (const double seconds : {0.0, -1.0, 3601.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(static_cast<void>(measure_speedup({.seconds = seconds})), core::ConfigurationError) << seconds;
  }
  EXPECT_THROW(static_cast<void>(measure_speedup({.threads = -1})), core::ConfigurationError);
}

TEST(measure_speedup, stops_when_asked) {
  std::stop_source source;
  core::CallControl control;
  control.stop = source.get_token();
  control.progress = [&source](const core::Progress&) { source.request_stop(); };
  EXPECT_THROW(static_cast<void>(measure_speedup({.seconds = 3600.0}, control)), core::StoppedError);
}

}  // namespace
}  // namespace luban::parallel
