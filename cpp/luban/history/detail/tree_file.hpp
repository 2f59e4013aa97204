#pragma once

#include <filesystem>
#include <luban/core/call_control.hpp>
#include <luban/history/detail/chunk_codec.hpp>
#include <luban/history/detail/hdf5.hpp>
#include <luban/history/detail/tree.hpp>
#include <map>
#include <string>

namespace luban::history::detail {

/// What is known of a dataset without reading it.
struct DatasetInfo {
  StoredKind kind = StoredKind::other;
  std::size_t count = 0;
  std::size_t element_size = 0;  ///< bytes stored per element; 0 = variable-length text
  std::size_t chunk = 0;         ///< elements per chunk; 0 = not chunked
  bool direct = false;           ///< only filters that we decode ourselves
  Pipeline pipeline{false, false, false};
  Attributes attributes;
};

/// An open HDF5 file seen as groups and 1-D datasets. Const calls are thread-safe.
class TreeFile {
 public:
  /// Opens read-only and lists what is there. @throws IoError when the file is missing or unreadable, IntegrityError
  /// when it is not HDF5, truncated or damaged.
  explicit TreeFile(const std::filesystem::path& path);
  /// Writes a tree into memory and opens it there: the same bytes as a file, without a disk.
  TreeFile(const Tree& tree, int compression, const core::CallControl& control);
  ~TreeFile() = default;
  TreeFile(const TreeFile&) = delete;
  TreeFile& operator=(const TreeFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::map<std::string, Attributes>& groups() const noexcept { return groups_; }
  [[nodiscard]] const std::map<std::string, DatasetInfo>& datasets() const noexcept { return datasets_; }
  [[nodiscard]] bool has(const std::string& object) const { return datasets_.count(object) != 0; }
  /// @throws IntegrityError when the dataset is absent.
  [[nodiscard]] const DatasetInfo& info(const std::string& object) const;

  /// Elements [begin, end) of a dataset, checksums verified; chunks are decoded in parallel.
  /// @throws IntegrityError when it is absent or damaged, DataError when the range leaves it.
  [[nodiscard]] ColumnData read(const std::string& object, std::size_t begin, std::size_t end) const;
  [[nodiscard]] ColumnData read(const std::string& object) const { return read(object, 0, info(object).count); }

 private:
  void list(const Hdf5Lock& lock);
  void list_object(const Hdf5Lock& lock, const std::string& object);
  [[nodiscard]] std::vector<std::byte> read_bytes(const std::string& object, const DatasetInfo& info, std::size_t begin,
                                                  std::size_t end) const;
  void read_plain(const std::string& object, const DatasetInfo& info, std::size_t begin,
                  std::span<std::byte> out) const;
  [[nodiscard]] std::vector<std::string> read_variable_text(const std::string& object, std::size_t begin,
                                                            std::size_t end) const;

  std::string path_;
  LockedHandle file_;
  std::map<std::string, Attributes> groups_;
  std::map<std::string, DatasetInfo> datasets_;
};

/// Creates an HDF5 file (it must not be open anywhere) and writes the tree into it; closed when it returns.
/// @throws IoError when the disk refuses, StoppedError when asked to stop.
void write_tree_file(const std::filesystem::path& path, const Tree& tree, int compression,
                     const core::CallControl& control);

/// Writes a tree into an open, empty file; takes the lock itself, chunk by chunk.
void write_tree(hid_t file, const std::string& path, const Tree& tree, int compression,
                const core::CallControl& control);

/// File access properties of this format: newest stable object format (checksummed metadata), no file locks.
[[nodiscard]] Handle access_properties(const Hdf5Lock& lock, bool in_memory);

/// File creation properties: links and attributes of the root in its header.
[[nodiscard]] Handle creation_properties(const Hdf5Lock& lock);

// Attributes of an open object.
void write_attributes(const Hdf5Lock& lock, hid_t object, const Attributes& attributes, const Hdf5Place& place);
[[nodiscard]] Attributes read_attributes(const Hdf5Lock& lock, hid_t object, const Hdf5Place& place);

}  // namespace luban::history::detail
