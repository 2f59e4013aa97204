#pragma once

#include <filesystem>
#include <string>

#include <luban/core/call_control.hpp>
#include <luban/history/content.hpp>
#include <luban/history/export.hpp>

namespace luban::history {

/// How a history is written.
struct WriteOptions {
  /// zlib level, 0 (none) to 9. 4: half the size of level 1's loss at a third of level 9's time on sensor data.
  int compression = 4;
  /// Whether a file of that name may be replaced (by renaming, at the end, when the new one has been verified).
  bool replace = false;
};

/// Writes a history: into a temporary file beside `path`, closed, sealed, reopened, verified against what is in
/// memory, synced, then renamed. At no moment is there a half-written file under `path`. Fills `content.uuid` and
/// `content.created_time` when they are missing.
/// @returns the content digest (SHA-256 over everything but how it is stored).
/// @throws DataError when `content` contradicts itself, IoError when the disk refuses or the file exists and may not be
/// replaced, IntegrityError when what was read back differs, StoppedError when asked to stop.
LUBAN_HISTORY_EXPORT std::string write(Content& content, const std::filesystem::path& path,
                                       const WriteOptions& options = {}, const core::CallControl& control = {});

}  // namespace luban::history
