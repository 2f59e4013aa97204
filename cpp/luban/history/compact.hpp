#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <luban/core/call_control.hpp>
#include <luban/history/export.hpp>
#include <luban/history/writer.hpp>

namespace luban::history {

/// Which neighbouring segments are merged.
struct CompactOptions {
  /// A merged segment has at most so many readings and bytes; larger ones stay as they are. It is made in memory, of
  /// which it takes about 300 bytes for each reading and 20 columns.
  std::int64_t most_readings = 2'000'000;
  /// Of all columns as they are in memory, whatever they take on disk. While segments are merged, about three times as
  /// much is held.
  std::int64_t most_bytes = std::int64_t{512} << 20;
};

struct LUBAN_HISTORY_EXPORT CompactReport {
  std::int64_t segments_before = 0, segments_after = 0;
  std::int64_t bytes_before = 0, bytes_after = 0;
  std::int64_t files_left = 0;  ///< replaced files that a reader still holds; the next writer removes them
  std::string content_digest;   ///< the new end of the chain
};

/// Merges neighbouring segments of a folder, oldest first. Who has the folder open goes on reading the state before;
/// who opens it sees the state before or after a merge, never a mixture. What was known when is as it was: no event is
/// dropped. Stopped in the middle, what was merged stays merged.
/// @throws LifecycleError when a writer is at work, IoError when the disk refuses, IntegrityError when a segment is
/// damaged (nothing is replaced then), StoppedError when asked to stop.
LUBAN_HISTORY_EXPORT CompactReport compact(const std::filesystem::path& folder, const CompactOptions& options = {},
                                           const WriteOptions& write_options = {},
                                           const std::filesystem::path& head = {},
                                           const core::CallControl& control = {});

}  // namespace luban::history
