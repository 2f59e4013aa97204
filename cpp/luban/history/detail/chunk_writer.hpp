#pragma once

#include <luban/history/compression.hpp>
#include <luban/history/detail/codec/pipeline.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <string>
#include <vector>

namespace luban::history::detail {

/// How one dataset is stored.
struct Target {
  const DatasetNode* node = nullptr;
  std::size_t text_size = 0;     ///< bytes of a fixed text; 0 = variable, or not a text
  std::size_t element_size = 0;  ///< bytes of an element as stored
  std::size_t chunk = 0;         ///< elements of a chunk
  Pipeline pipeline;
  int level = 0;  ///< of the compressor
};

/// Creates the dataset of a target, attributes included, without data.
[[nodiscard]] Handle create_dataset(const Hdf5Lock& lock, hid_t file, const Target& target, const Hdf5Place& place);

/// Writes the data of a file. Chunks of all datasets are one stream: a window of them is encoded in parallel and
/// without the lock while the window before is handed to the library in order, so that the same content gives the same
/// file whatever the number of threads. Two windows of encoded chunks are all that is held.
class ChunkWriter {
 public:
  ChunkWriter(hid_t file, const std::string& path, const Compression& compression)
      : file_(file), path_(path), compression_(compression) {}
  /// @throws IoError when the disk refuses, ConfigurationError for an unknown level, StoppedError when asked to stop.
  void write(const std::vector<DatasetNode>& datasets, const core::CallControl& control);

 private:
  /// One chunk, or a whole dataset that is not written chunk by chunk (empty, or of variable-length texts).
  struct Item {
    const Target* target;
    std::size_t begin;  // row
    std::size_t end;
    bool first;
    bool last;
  };
  struct Window {
    std::vector<Item> items;
    std::vector<Scratch> memory;
    std::vector<std::span<const std::byte>> stored;
    std::size_t raw_bytes = 0;
  };
  void plan(const std::vector<DatasetNode>& datasets);
  void fill(Window& window);
  void encode(Window& window, std::size_t i) const;
  void flush(Window& window);

  hid_t file_;
  const std::string& path_;
  Compression compression_;
  std::vector<Target> targets_;
  std::size_t next_target_ = 0;
  std::size_t next_row_ = 0;
  LockedHandle open_;  // the dataset whose chunks are being written
  std::int64_t done_ = 0;
};

}  // namespace luban::history::detail
