#pragma once

#include <functional>
#include <luban/core/call_control.hpp>
#include <luban/history/detail/tree_file.hpp>

namespace luban::history::detail {

/// Whether a file holds what the tree holds, object by object and byte by byte: what verifying digests would say, in a
/// third of the time. `beside` runs meanwhile, on one of the threads.
/// @throws IntegrityError when a chunk is damaged, whatever `beside` throws, StoppedError when asked to stop.
[[nodiscard]] bool holds(const TreeFile& file, const Tree& tree, const std::function<void()>& beside,
                         const core::CallControl& control);

}  // namespace luban::history::detail
