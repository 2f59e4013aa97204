#include <luban/parallel/arena.hpp>

#include <algorithm>
#include <utility>

#include <tbb/blocked_range.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace luban::parallel {

namespace {

/// How many threads the loops inside share where this thread runs a body of ours; 0 = it runs none. Loops inside use
/// the arena around them, or the budget would be squared.
thread_local int shared = 0;

class Inside {
 public:
  explicit Inside(int threads) : before_(std::exchange(shared, threads)) {}
  ~Inside() { shared = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  int before_;
};

/// More threads than the machine has would be no faster, and TBB warns of them.
int usable(int threads) {
  return std::min(threads > 0 ? threads : cpu_budget().threads, tbb::info::default_concurrency());
}

void spread(std::size_t count, const std::function<void(std::size_t)>& body, const core::CallControl& control,
            const char* where, int threads) {
  // Of its own: an error in the loop outside must not end this one half done and in silence.
  tbb::task_group_context context(tbb::task_group_context::isolated);
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, count, 1),
      [&](const tbb::blocked_range<std::size_t>& range) {
        const Inside marker(threads);
        for (std::size_t i = range.begin(); i != range.end(); ++i) {
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
  if (threads == 1 || count <= 1 || shared == 1) {
    for (std::size_t i = 0; i < count; ++i) {
      control.check(where);
      body(i);
    }
  } else if (shared > 1) {
    // Isolated: a thread that waits here must not take up another body of the loop outside.
    tbb::this_task_arena::isolate([&] { spread(count, body, control, where, shared); });
  } else if (const int own = usable(threads); own == 1) {
    for_each_index(count, body, 1, control);
  } else {
    tbb::task_arena arena(own);  // of its own: that keeps the budget
    arena.execute([&] { spread(count, body, control, where, own); });
  }
}

void with_threads(int threads, const std::function<void()>& body) {
  const int own = threads == 1 ? 1 : usable(threads);
  if (shared > 0 || own == 1) {
    const Inside marker(shared > 0 ? shared : 1);
    body();
    return;
  }
  tbb::task_arena arena(own);
  arena.execute([&] {
    const Inside marker(own);
    body();
  });
}

int concurrency() noexcept {
  return std::max(shared, 1);
}

}  // namespace luban::parallel
