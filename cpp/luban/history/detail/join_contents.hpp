#pragma once

#include <cstdint>
#include <luban/history/content.hpp>
#include <vector>

namespace luban::history::detail {

/// The contents of consecutive segments, oldest first, as one: rows one after the other, runs that continue made one
/// with the run they continue, late events given the row of their reading. What refers to segments before the first
/// stays late or continued. No event is dropped: what was known when is as it was.
/// @throws DataError when columns of the same name cannot be put together.
[[nodiscard]] Content join_contents(std::vector<Content> segments);

/// Appends refused rows, whose sources are counted on.
void append_quarantine(Quarantine& to, const Quarantine& more, std::int32_t sources);

/// Appends definitions that differ from the one before.
void append_versions(std::vector<ProcessVersion>& to, const std::vector<ProcessVersion>& more);

}  // namespace luban::history::detail
