#pragma once

#include <cstddef>
#include <functional>

#include <luban/core/call_control.hpp>
#include <luban/parallel/cpu_budget.hpp>
#include <luban/parallel/export.hpp>

namespace luban::parallel {

/// Runs `body(i)` for i in [0, count) on at most `threads` threads (0 = the CPU budget), in any order. With one
/// thread it is a plain loop in order: the reference that the threaded path must equal. Stops between items when
/// `control` asks. A loop inside a body shares the threads of the loop around it. An exception of a body arrives whole
/// at the caller, after all running bodies ended.
/// @throws StoppedError when asked to stop; whatever a body throws.
LUBAN_PARALLEL_EXPORT void for_each_index(std::size_t count, const std::function<void(std::size_t)>& body,
                                          int threads = 0, const core::CallControl& control = {});

}  // namespace luban::parallel
