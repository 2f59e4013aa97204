#pragma once

#include <cstddef>
#include <functional>

#include <luban/core/call_control.hpp>
#include <luban/parallel/cpu_budget.hpp>
#include <luban/parallel/export.hpp>

namespace luban::parallel {

/// Runs `body(i)` for i in [0, count) on at most `threads` threads (0 = the CPU budget), in any order. With one
/// thread it is a plain loop in order: the reference that the threaded path must equal. Stops between items when
/// `control` asks. A loop inside a body, or inside `with_threads`, shares the threads of what is around it; it is a
/// plain one if, when it begins, each of them has a body of the loop around it to run. An exception of a body arrives
/// whole at the caller, after all running bodies ended.
/// @throws StoppedError when asked to stop; whatever a body throws.
LUBAN_PARALLEL_EXPORT void for_each_index(std::size_t count, const std::function<void(std::size_t)>& body,
                                          int threads = 0, const core::CallControl& control = {});

/// Runs `body` once, with `threads` threads (0 = the CPU budget) for the loops inside it to share.
/// @throws whatever the body throws.
LUBAN_PARALLEL_EXPORT void with_threads(int threads, const std::function<void()>& body);

/// How many threads a loop started here shares; 1 where nothing around it has brought any, or all are busy.
[[nodiscard]] LUBAN_PARALLEL_EXPORT int concurrency() noexcept;

}  // namespace luban::parallel
