#include <luban/parallel/arena.hpp>

#include <algorithm>

#include <tbb/blocked_range.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace luban::parallel {

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
    return;
  }
  // An arena of its own keeps the caller's budget; inside another arena's task TBB shares the same workers. More
  // threads than the machine has would be no faster, and TBB warns of them on the console.
  const auto items = static_cast<int>(std::min<std::size_t>(count, 1024));
  tbb::task_arena arena(std::min({threads, items, tbb::info::default_concurrency()}));
  arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, count, 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t i = range.begin(); i != range.end(); ++i) {
            control.check(where);
            body(i);
          }
        },
        tbb::simple_partitioner());
  });
}

}  // namespace luban::parallel
