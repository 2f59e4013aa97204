#include <luban/parallel/arena.hpp>

#include <algorithm>
#include <utility>

#include <tbb/blocked_range.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace luban::parallel {

namespace {

/// Whether this thread runs a body of for_each_index: loops inside share its arena, or the budget would be squared.
thread_local bool inside = false;

class Inside {
 public:
  Inside() : before_(std::exchange(inside, true)) {}
  ~Inside() { inside = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

void spread(std::size_t count, const std::function<void(std::size_t)>& body, const core::CallControl& control,
            const char* where) {
  // Of its own: an error in the loop outside must not end this one half done and in silence.
  tbb::task_group_context context(tbb::task_group_context::isolated);
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, count, 1),
      [&](const tbb::blocked_range<std::size_t>& range) {
        const Inside marker;
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
  if (threads <= 0) {
    threads = cpu_budget().threads;
  }
  constexpr const char* where = "parallel.for_each_index";
  if (threads == 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) {
      control.check(where);
      body(i);
    }
  } else if (inside) {
    // Isolated: a thread that waits here must not take up another body of the loop outside.
    tbb::this_task_arena::isolate([&] { spread(count, body, control, where); });
  } else {
    // An arena of its own keeps the budget. More threads than the machine has would be no faster, and TBB warns of
    // them.
    tbb::task_arena arena(std::min(threads, tbb::info::default_concurrency()));
    arena.execute([&] { spread(count, body, control, where); });
  }
}

}  // namespace luban::parallel
