#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <luban/core/call_control.hpp>
#include <luban/history/compression.hpp>
#include <luban/history/content.hpp>
#include <luban/history/export.hpp>

namespace luban::history {

/// How a history is written.
struct WriteOptions {
  /// How chunks are compressed.
  Compression compression = {};
  /// Whether a file of that name may be replaced (by renaming, at the end, when the new one has been verified).
  bool replace = false;
  /// Whether the file is read back, compared with what is in memory, sealed and synced. Without: for what can be made
  /// again; verifying it will miss the seal.
  bool proven = true;
  /// Content digest of the one file that may be replaced; without it any may.
  std::optional<std::string> expected_digest = {};
};

/// Writes a history: into a temporary file beside `path`, closed, sealed, reopened, verified against what is in
/// memory, synced, then renamed. At no moment is there a half-written file under `path`. Who replaces a file holds its
/// core::FileLock from the first look at its digest to the renaming. Fills `content.uuid` and `content.created_time`
/// when they are missing.
/// @returns the content digest (SHA-256 over everything but how it is stored).
/// @throws DataError when `content` contradicts itself, IoError when the disk refuses or the file exists and may not be
/// replaced, LifecycleError when it is not the expected one or is being written, IntegrityError when what was read back
/// differs, StoppedError when asked to stop.
LUBAN_HISTORY_EXPORT std::string write(Content& content, const std::filesystem::path& path,
                                       const WriteOptions& options = {}, const core::CallControl& control = {});

}  // namespace luban::history
