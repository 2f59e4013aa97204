#include <luban/parallel/arena.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

#include <tbb/blocked_range.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace luban::parallel {

namespace {

/// What this thread runs a body of. Loops inside use the arena around them, or the budget would be squared.
struct Around {
  int threads = 0;                                       ///< 0 = nothing of ours
  const std::atomic<std::size_t>* unfinished = nullptr;  ///< bodies of a loop; none = a body that stands alone
};
thread_local Around around;

class Inside {
 public:
  explicit Inside(Around now) : before_(std::exchange(around, now)) {}
  ~Inside() { around = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Around before_;
};

/// Counts a body as ended, however it ends.
class Ending {
 public:
  explicit Ending(std::atomic<std::size_t>& unfinished) : unfinished_(unfinished) {}
  ~Ending() { unfinished_.fetch_sub(1, std::memory_order_relaxed); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  std::atomic<std::size_t>& unfinished_;
};

/// More threads than the machine has would be no faster, and TBB warns of them.
int usable(int threads) {
  return std::min(threads > 0 ? threads : cpu_budget().threads, tbb::info::default_concurrency());
}

void spread(std::size_t count, const std::function<void(std::size_t)>& body, const core::CallControl& control,
            const char* where, int threads) {
  std::atomic<std::size_t> unfinished(count);
  // Of its own: an error in the loop outside must not end this one half done and in silence.
  tbb::task_group_context context(tbb::task_group_context::isolated);
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, count, 1),
      [&](const tbb::blocked_range<std::size_t>& range) {
        const Inside marker({threads, &unfinished});
        for (std::size_t i = range.begin(); i != range.end(); ++i) {
          const Ending ending(unfinished);
          control.check(where);
          body(i);
        }
      },
      tbb::simple_partitioner(), context);
}

}  // namespace

void for_each_index(std::size_t count, const std::function<void(std::size_t)>& body, int threads,
                    const core::CallControl& control) {
  constexpr const char* where = "parallel.for_each_index";
  const bool inside = around.threads > 0;
  if (threads == 1 || count <= 1 || (inside && concurrency() == 1)) {
    for (std::size_t i = 0; i < count; ++i) {
      control.check(where);
      body(i);
    }
  } else if (inside) {
    // Isolated: a thread that waits here must not take up another body of the loop outside.
    tbb::this_task_arena::isolate([&] { spread(count, body, control, where, around.threads); });
  } else if (const int own = usable(threads); own == 1) {
    for_each_index(count, body, 1, control);
  } else {
    tbb::task_arena arena(own);  // of its own: that keeps the budget
    arena.execute([&] { spread(count, body, control, where, own); });
  }
}

void with_threads(int threads, const std::function<void()>& body) {
  const int own = threads == 1 ? 1 : usable(threads);
  if (around.threads > 0) return body();
  if (own == 1) {
    const Inside marker({1, nullptr});
    return body();
  }
  tbb::task_arena arena(own);
  arena.execute([&] {
    const Inside marker({own, nullptr});
    body();
  });
}

int concurrency() noexcept {
  if (around.unfinished == nullptr) return std::max(around.threads, 1);
  // While each thread has a body of the loop around to run, nobody would help with a loop inside.
  const auto threads = static_cast<std::size_t>(around.threads);
  return around.unfinished->load(std::memory_order_relaxed) < threads ? around.threads : 1;
}

}  // namespace luban::parallel
