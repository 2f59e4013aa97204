#include <luban/parallel/speedup.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/parallel/cpu_budget.hpp>

namespace luban::parallel {
namespace {

using Clock = std::chrono::steady_clock;

/// About 100 µs of dependent integer arithmetic that no compiler folds; the result is used, so it is computed.
std::uint64_t unit_of_work(std::uint64_t state) noexcept {
  for (int i = 0; i < 100'000; ++i) state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return state;
}

double units_per_second(int threads, double seconds, const char* phase, const core::CallControl& control) {
  std::atomic<std::int64_t> units{0};
  std::atomic<std::uint64_t> sink{0};
  const Clock::time_point begin = Clock::now();
  const auto elapsed = [begin] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const auto milliseconds = static_cast<std::int64_t>(1000.0 * seconds);
  const auto body = [&](std::size_t worker) {
    std::uint64_t state = worker + 1;
    while (elapsed() < seconds) {
      control.check("parallel.measure_speedup");
      state = unit_of_work(state);
      ++units;
      if (worker == 0) {
        control.report({.phase = phase, .done = static_cast<std::int64_t>(1000.0 * elapsed()), .total = milliseconds});
      }
    }
    sink += state;
  };
  for_each_index(static_cast<std::size_t>(threads), body, threads, control);
  return static_cast<double>(units) / elapsed();
}

}  // namespace

Speedup measure_speedup(const SpeedupOptions& options, const core::CallControl& control) {
  if (!(options.seconds > 0.0 && options.seconds <= 3600.0)) {
    throw core::ConfigurationError({.where = "parallel.measure_speedup",
                                    .expected = "seconds above 0 and at most 3600",
                                    .received = core::number_text(options.seconds),
                                    .place = {},
                                    .hint = {}});
  }
  Speedup out;
  out.threads = options.threads == 0 ? cpu_budget().threads : cpu_budget(options.threads).threads;
  out.serial_per_s = units_per_second(1, options.seconds, "one thread", control);
  out.parallel_per_s = units_per_second(out.threads, options.seconds, "all threads", control);
  return out;
}

}  // namespace luban::parallel
