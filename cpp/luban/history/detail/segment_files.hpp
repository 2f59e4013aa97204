#pragma once

#include <cstddef>
#include <filesystem>
#include <list>
#include <luban/history/content.hpp>
#include <luban/history/detail/folder_manifest.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace luban::history::detail {

/// An open segment.
struct OpenSegment {
  std::shared_ptr<const TreeFile> file;
  std::vector<Provenance> provenance;
};

/// @throws IoError when the file of a segment is not there.
void require_segment(const std::filesystem::path& folder, const SegmentEntry& entry);

/// Keeps replaced segments of a folder in place while it lives: a shared lock on the folder's file of readers. A folder
/// that is read-only, or on a system without locks, is read without.
class ReaderMark {
 public:
  explicit ReaderMark(const std::filesystem::path& folder);
  ~ReaderMark();
  ReaderMark(const ReaderMark&) = delete;
  ReaderMark& operator=(const ReaderMark&) = delete;

 private:
  int descriptor_ = -1;
};
/// Whether nobody holds such a mark now; true where there are no locks.
[[nodiscard]] bool nobody_reads(const std::filesystem::path& folder);

/// The segments of a folder, opened when first asked for; of many the ones used last stay open. Thread-safe.
class SegmentFiles {
 public:
  /// Reads the manifest; segments that an earlier look has open, and that are the same, stay open: of many, the ones
  /// used last. @throws as FolderManifest::read.
  explicit SegmentFiles(std::filesystem::path folder, const SegmentFiles* earlier = nullptr);
  [[nodiscard]] const FolderManifest& manifest() const noexcept { return manifest_; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] std::size_t size() const noexcept { return manifest_.segments.size(); }
  /// @throws IoError, IntegrityError when the segment is missing or damaged, or is not the one of the manifest.
  [[nodiscard]] std::shared_ptr<const OpenSegment> open(std::size_t segment) const;

 private:
  void keep_open(const SegmentFiles& earlier);

  std::filesystem::path folder_;
  ReaderMark mark_;
  FolderManifest manifest_;
  mutable std::mutex mutex_;
  mutable std::list<std::size_t> recent_;  // the one used last in front
  mutable std::map<std::size_t, std::shared_ptr<const OpenSegment>> open_;
};

}  // namespace luban::history::detail
