#pragma once

#include <filesystem>
#include <luban/core/call_control.hpp>
#include <luban/history/compression.hpp>
#include <luban/history/detail/codec/pipeline.hpp>
#include <luban/history/detail/dataset_handles.hpp>
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
  bool direct = false;           ///< only filters that we undo ourselves
  Pipeline pipeline;
  Attributes attributes;
  std::string fault;  ///< why it will not be read: absurd sizes; "" = none
};

/// Elements [begin, end) of one dataset, and the caller's memory for them: (end − begin) · element_size bytes.
struct ColumnTarget {
  std::string object;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::span<std::byte> out;
};

/// Elements [begin, end) of one dataset.
struct ColumnRequest {
  std::string object;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// An open HDF5 file seen as groups and 1-D datasets. Const calls are thread-safe. Chunks are fetched under the lock by
/// whichever thread has none to decode, and decoded without it: memory stays within about 3 MiB per thread beside what
/// is returned.
class TreeFile {
 public:
  /// Opens read-only and lists what is there; touches no chunk. @throws IoError when the file is missing or unreadable,
  /// IntegrityError when it is not HDF5, truncated, damaged, or points elsewhere (links, external or virtual storage).
  explicit TreeFile(const std::filesystem::path& path);
  /// Writes a tree into memory and opens it there: the same bytes as a file, without a disk.
  TreeFile(const Tree& tree, const Compression& compression, const core::CallControl& control);
  ~TreeFile();
  TreeFile(const TreeFile&) = delete;
  TreeFile& operator=(const TreeFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::map<std::string, Attributes>& groups() const noexcept { return groups_; }
  [[nodiscard]] const std::map<std::string, DatasetInfo>& datasets() const noexcept { return datasets_; }
  [[nodiscard]] bool has(const std::string& object) const { return datasets_.count(object) != 0; }
  /// @throws IntegrityError when the dataset is absent.
  [[nodiscard]] const DatasetInfo& info(const std::string& object) const;

  /// Elements [begin, end) of a dataset, checksums verified; chunks are decoded in parallel.
  /// @throws IntegrityError when it is absent or damaged, or its sizes are absurd; DataError when the range leaves it.
  [[nodiscard]] ColumnData read(const std::string& object, std::size_t begin, std::size_t end) const;
  [[nodiscard]] ColumnData read(const std::string& object) const { return read(object, 0, info(object).count); }

  /// Says no before a column is read piece by piece. @throws as read() of the whole column, but for damaged chunks.
  void require_readable(const std::string& object) const { (void)require_rows(object, 0, info(object).count); }

  /// Several columns in one parallel pass, in the order of the requests. @throws as read().
  [[nodiscard]] std::vector<ColumnData> read_many(std::span<const ColumnRequest> requests) const;

  /// As they are stored (little endian; fixed texts padded with zeros), into the caller's memory, in one parallel pass.
  /// @throws as read(), and DataError for memory of another size or texts of variable length.
  void read_into(std::span<const ColumnTarget> targets) const;
  void read_into(const std::string& object, std::size_t begin, std::size_t end, std::span<std::byte> out) const;

 private:
  friend class ChunkReader;
  void list(const Hdf5Lock& lock);
  [[nodiscard]] std::vector<std::string> list_group(const Hdf5Lock& lock, const std::string& group,
                                                    std::vector<std::string>& visited);
  void list_dataset(const Hdf5Lock& lock, const std::string& object, hid_t dataset);
  /// The dataset, when these rows of it may be read. @throws as read().
  [[nodiscard]] const DatasetInfo& require_rows(const std::string& object, std::size_t begin, std::size_t end) const;
  [[nodiscard]] std::vector<std::string> read_variable_text(const std::string& object, std::size_t begin,
                                                            std::size_t end) const;

  std::string path_;
  std::size_t file_size_ = 0;
  LockedHandle file_;
  std::map<std::string, Attributes> groups_;
  std::map<std::string, DatasetInfo> datasets_;
  mutable DatasetHandles handles_;
};

/// Creates an HDF5 file (it must not be open anywhere) and writes the tree into it; closed when it returns.
/// @throws IoError when the disk refuses, ConfigurationError for a level that the codec does not have, StoppedError
/// when asked to stop.
void write_tree_file(const std::filesystem::path& path, const Tree& tree, const Compression& compression,
                     const core::CallControl& control);

/// Writes a tree into an open, empty file; takes the lock itself, window by window.
void write_tree(hid_t file, const std::string& path, const Tree& tree, const Compression& compression,
                const core::CallControl& control);

/// File access properties of this format: newest stable object format (checksummed metadata), no file locks.
[[nodiscard]] Handle access_properties(const Hdf5Lock& lock, bool in_memory);

/// File creation properties: links and attributes of the root in its header.
[[nodiscard]] Handle creation_properties(const Hdf5Lock& lock);

// Attributes of an open object.
void write_attributes(const Hdf5Lock& lock, hid_t object, const Attributes& attributes, const Hdf5Place& place);
/// @throws IntegrityError when one cannot be read, or is of more than 16 MiB.
[[nodiscard]] Attributes read_attributes(const Hdf5Lock& lock, hid_t object, const Hdf5Place& place);

}  // namespace luban::history::detail
