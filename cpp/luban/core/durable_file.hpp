#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <luban/core/export.hpp>

namespace luban::core {

/// A file that appears under its name whole and on the disk, or not at all: written under a temporary name beside the
/// target, synced, renamed, the folder synced. A target that is a link is followed to the real file; a file that is
/// replaced hands on its permissions. Removed unless it is committed. `where` is the caller's name in errors.
class LUBAN_CORE_EXPORT DurableFile {
 public:
  /// Makes the temporary file; its name is nobody else's, in no process and no thread.
  /// @throws IoError when the folder does not exist or refuses.
  DurableFile(const std::filesystem::path& target, std::string where);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  /// Where to write until the commit.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Appends bytes. @throws IoError.
  void write(std::string_view bytes);
  /// Gives the file its name; when `replace` is false an existing target is never touched.
  /// @throws IoError when the disk refuses, or the target exists and may not be replaced.
  void commit(bool replace);

 private:
  std::string where_;
  std::filesystem::path target_;
  std::filesystem::path path_;
  bool committed_ = false;
};

/// Puts the names in a folder on the disk; passes over folders that cannot be synced, as some network and overlay
/// folders: renames there are as durable as they make them. @throws IoError.
LUBAN_CORE_EXPORT void sync_folder(const std::filesystem::path& folder, const std::string& where);

/// The absolute path that a path stands for when every link is followed, also a last one that points to nothing yet.
/// @throws IoError when links go round in a circle.
[[nodiscard]] LUBAN_CORE_EXPORT std::filesystem::path real_path(const std::filesystem::path& path,
                                                                const std::string& where);

/// Removes the temporary files of writers of `target` that died before they were done. For who holds its FileLock, in
/// a folder that no other machine writes; what cannot be removed stays.
LUBAN_CORE_EXPORT void remove_abandoned(const std::filesystem::path& target, const std::string& where);

}  // namespace luban::core
