#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/time.hpp>
#include <luban/history/content.hpp>
#include <luban/history/export.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/writer.hpp>

namespace luban::history {

/// How one addition goes into a folder.
struct AppendOptions {
  /// When the first piece of the import was recorded that the addition goes on with: what came since cannot be
  /// corrected by it, the same (run, repeat) again is a duplicate. Missing = the addition begins an import.
  core::UtcTime began = {};
  /// Nothing is written when anything of the addition is refused; the report says what.
  bool whole = false;
};

/// The one writer of a folder of segments. Each addition becomes a segment of its own: written under a temporary name,
/// closed, reopened, verified, synced, renamed; then the list of segments is replaced in the same way, and the head of
/// the chain noted beside the folder. A crash anywhere leaves the folder as it was, or with the segment in it. Only
/// runs that the addition names are read of what is there: memory does not grow with the history. For one thread at a
/// time.
class LUBAN_HISTORY_EXPORT Appender {
 public:
  /// Takes the lock; makes the folder when there is none. `head`: the file of heads, empty = NAME.head beside the
  /// folder. @throws LifecycleError when another writer is at work, IoError when the disk refuses, IntegrityError,
  /// VersionError as HistoryFolder::open.
  explicit Appender(const std::filesystem::path& folder, WriteOptions options = {},
                    const std::filesystem::path& head = {});
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  /// Takes a whole history with all its imports as the first segment. @throws IoError when the folder holds one, as
  /// write() otherwise.
  void begin(Content whole, const core::CallControl& control = {});
  /// Adds one import, or a piece of one, as merge() does. Nothing is written when nothing is new. When it returns the
  /// addition is on the disk. @throws as merge() and write().
  MergeReport append(Content addition, const std::vector<std::int64_t>& source_rows = {},
                     const AppendOptions& options = {}, const core::CallControl& control = {});
  /// Lets go of the lock; who appends afterwards gets a LifecycleError.
  void close() noexcept;
  /// What is there now; nullptr before the first segment.
  [[nodiscard]] std::shared_ptr<const HistoryFolder> history();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace luban::history
