#include <atomic>
#include <cmath>
#include <cstddef>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tbb/global_control.h>
#include <tbb/info.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::parallel {
namespace {

/// A result per index that depends on nothing but the index.
double work(std::size_t index) {
  core::Generator generator = core::RandomKey(11).child(index).generator();
  double sum = 0.0;
  for (int i = 0; i < 200; ++i) sum += std::sin(generator.normal());
  return sum;
}

std::vector<double> results(std::size_t count, int threads) {
  std::vector<double> out(count);
  for_each_index(
      count, [&out](std::size_t i) { out[i] = work(i); }, threads);
  return out;
}

TEST(for_each_index, gives_the_same_bits_on_any_number_of_threads) {
  const std::vector<double> reference = results(300, 1);
  for (const int threads : {0, 2, 3, 8}) EXPECT_EQ(results(300, threads), reference) << threads << " threads";
}

TEST(for_each_index, runs_every_index_once) {
  for (const int threads : {1, 4}) {
    std::vector<std::atomic<int>> seen(5000);
    for_each_index(
        seen.size(), [&seen](std::size_t i) { ++seen[i]; }, threads);
    for (const auto& times : seen) ASSERT_EQ(times, 1);
  }
}

TEST(for_each_index, with_one_thread_runs_in_order_on_the_callers) {
  std::vector<std::size_t> order;
  for_each_index(
      5,
      [&order, caller = std::this_thread::get_id()](std::size_t i) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        order.push_back(i);
      },
      1);
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(for_each_index, of_nothing_calls_nothing) {
  for_each_index(
      0, [](std::size_t) { FAIL() << "there is no index"; }, 4);
}

TEST(for_each_index, never_uses_more_threads_than_it_was_given) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  for_each_index(
      64,
      [&](std::size_t i) {
        const int now = ++running;
        int before = most.load();
        while (before < now && !most.compare_exchange_weak(before, now)) {
        }
        static_cast<void>(work(i));
        const std::scoped_lock lock(mutex);
        seen.insert(std::this_thread::get_id());
        --running;
      },
      3);
  EXPECT_LE(most, 3);
  EXPECT_GE(seen.size(), 1U);
}

TEST(for_each_index, may_be_nested) {
  std::vector<std::vector<double>> out(6, std::vector<double>(6));
  for_each_index(
      6,
      [&out](std::size_t i) {
        for_each_index(
            6, [&, i](std::size_t j) { out[i][j] = work(6 * i + j); }, 2);
      },
      2);
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) EXPECT_EQ(out[i][j], work(6 * i + j));
  }
}

TEST(for_each_index, brings_an_exception_to_the_caller_whole) {
  for (const int threads : {1, 4}) {
    std::atomic<int> running{0};
    try {
      for_each_index(
          200,
          [&running](std::size_t i) {
            ++running;
            static_cast<void>(work(i));
            --running;
            if (i == 77) {
              throw core::NumericalError({.where = "parallel.test",
                                          .expected = "a number",
                                          .received = "none",
                                          .place = "item 77",
                                          .hint = {}});
            }
          },
          threads);
      FAIL() << "the exception was lost on " << threads << " threads";
    } catch (const core::NumericalError& error) {
      EXPECT_EQ(error.detail().place, "item 77");
      EXPECT_EQ(running, 0) << "a body was still running";
    }
  }
}

/// Waits until the other body of a loop of two, on two threads, has ended.
void wait_for_threads() {
  while (concurrency() == 1) std::this_thread::yield();
}

TEST(for_each_index, loops_inside_loops_share_its_threads) {
  if (tbb::info::default_concurrency() < 2) GTEST_SKIP() << "one processor";
  const tbb::global_control many(tbb::global_control::max_allowed_parallelism, 8);  // as on a larger machine
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  const auto inner = [&](std::size_t i) {
    const int now = ++running;
    int before = most.load();
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    static_cast<void>(work(i));
    --running;
    ++done;
  };
  for_each_index(
      8, [&](std::size_t) { for_each_index(200, inner, 2); }, 2);
  EXPECT_EQ(done, 8 * 200);
  EXPECT_LE(most, 2);
  for_each_index(
      2,
      [&](std::size_t i) {
        if (i == 1) return;
        wait_for_threads();
        for_each_index(200, inner, 2);
      },
      2);
  EXPECT_EQ(done, 9 * 200);
  EXPECT_LE(most, 2);
}

TEST(for_each_index, loops_inside_have_the_threads_that_are_free) {
  EXPECT_EQ(concurrency(), 1);
  for_each_index(
      1, [](std::size_t) { EXPECT_EQ(concurrency(), 1); }, 2);  // a plain loop brings no threads
  if (tbb::info::default_concurrency() < 2) GTEST_SKIP() << "one processor";
  with_threads(2, [] { EXPECT_EQ(concurrency(), 2); });
  constexpr int bodies = 6;
  std::atomic<int> ended{0};
  std::atomic<int> wrong{0};
  for_each_index(
      bodies,
      [&](std::size_t) {
        const int free = concurrency();
        if (bodies - ended >= 2 && free != 1) ++wrong;  // one for each thread at least
        if (bodies - ended == 1) wait_for_threads();    // the other one is on its way out
        ++ended;
      },
      2);
  EXPECT_EQ(wrong, 0);
}

TEST(for_each_index, an_error_outside_does_not_cut_a_loop_inside) {
  if (tbb::info::default_concurrency() < 2) GTEST_SKIP() << "one processor";
  for (int trial = 0; trial < 50; ++trial) {
    std::atomic<int> done{0};
    std::atomic<bool> ran{false};
    const auto body = [&](std::size_t i) {
      if (i == 1) throw std::runtime_error("outside");
      wait_for_threads();  // the loop inside is shared then, and the one outside is being cancelled
      ran = true;
      for_each_index(
          40, [&done](std::size_t k) { static_cast<void>(work(k)), ++done; }, 2);
      EXPECT_EQ(done, 40) << "a loop inside returned before its end";
    };
    EXPECT_THROW(for_each_index(2, body, 2), std::runtime_error);
    EXPECT_EQ(done, ran ? 40 : 0);
  }
}

TEST(for_each_index, stops_between_items_when_asked) {
  for (const int threads : {1, 4}) {
    std::stop_source source;
    core::CallControl control;
    control.stop = source.get_token();
    std::atomic<int> done{0};
    const auto body = [&](std::size_t) {
      ++done;
      source.request_stop();
    };
    EXPECT_THROW(for_each_index(100'000, body, threads, control), core::StoppedError);
    EXPECT_GE(done, 1);
    EXPECT_LE(done, threads);
  }
}

}  // namespace
}  // namespace luban::parallel
