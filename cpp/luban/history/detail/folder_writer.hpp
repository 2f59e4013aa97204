#pragma once

#include <filesystem>
#include <luban/core/call_control.hpp>
#include <luban/core/file_lock.hpp>
#include <luban/history/content.hpp>
#include <luban/history/detail/folder_manifest.hpp>
#include <luban/history/writer.hpp>
#include <optional>
#include <string>

namespace luban::history::detail {

/// Writes segments and the list of them, alone: holds the folder's lock while it lives.
class FolderWriter {
 public:
  /// Makes the folder when there is none; removes what an earlier crash left half done, and nothing else. Of segments
  /// that the list does not name one that bears the next free name is put aside, others are refused, and
  /// so is it beside a list that the heads say is not the latest. @throws LifecycleError, IoError, IntegrityError,
  /// VersionError.
  FolderWriter(const std::filesystem::path& folder, WriteOptions options, const std::filesystem::path& head,
               const std::string& where);

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] bool empty() const noexcept { return manifest_.segments.empty(); }
  [[nodiscard]] const FolderManifest& manifest() const noexcept { return manifest_; }

  /// Takes what is on the disk, when a write failed and may nevertheless be there. @throws as the constructor.
  void refresh();
  /// Appends a segment. @throws as write().
  void add(Content segment, const core::CallControl& control);
  /// Puts one segment in the place of segments [first, last). The files of those are removed when nobody reads.
  void replace(std::size_t first, std::size_t last, Content joined, const core::CallControl& control);
  /// Removes replaced files, unless somebody reads the folder. @returns how many are left.
  std::size_t remove_replaced();

 private:
  [[nodiscard]] SegmentEntry write_segment(Content& segment, const core::CallControl& control);
  [[nodiscard]] std::string free_name() const;
  void publish(FolderManifest next, const char* reason);
  [[noreturn]] void refuse_list(const std::string& received) const;
  [[nodiscard]] bool is_outdated(std::vector<HeadRecord> heads) const;
  [[nodiscard]] bool tells_of_others() const;
  void set_aside(const std::string& file) const;
  void remove_leftovers(bool listed);
  void note_head(const HeadRecord& record) const;
  void remove_file(const std::filesystem::path& file) const;

  std::filesystem::path folder_;
  WriteOptions options_;
  std::filesystem::path head_;
  std::optional<core::FileLock> lock_;
  FolderManifest manifest_;
  std::string unpublished_;  ///< name of a segment that this writer wrote and has not published
  bool in_doubt_ = true;     ///< whether the disk may hold another state than `manifest_`
};

}  // namespace luban::history::detail
