#pragma once

#include <luban/history/detail/tree_file.hpp>
#include <vector>

namespace luban::history::detail {

/// Rows of one dataset, and where they go: bytes as stored into `out`, or texts into `texts` (one per row).
struct Fetch {
  const std::string* object;
  const DatasetInfo* info;
  std::size_t begin;
  std::size_t end;
  std::byte* out = nullptr;
  std::string* texts = nullptr;
};

/// Fetches and decodes the chunks of several columns in one parallel loop.
class ChunkReader {
 public:
  explicit ChunkReader(const TreeFile& file) : file_(file) {}
  /// @throws IntegrityError when something is damaged.
  void read(std::span<const Fetch> fetches) const;

 private:
  struct Item {
    const Fetch* fetch;
    std::size_t chunk;  // number of the chunk
  };
  struct Stored {
    std::size_t offset = 0;  // in the buffer
    std::size_t size = 0;
    std::uint32_t skipped = 0;
  };
  void read_group(std::span<const Item> items, Store store) const;
  /// The stored bytes of all items, one after the other, in one pass under the lock.
  [[nodiscard]] std::span<const std::byte> fetch_group(std::span<const Item> items, std::vector<Stored>& stored,
                                                       Scratch& buffer) const;
  void decode(const Item& item, const Stored& stored, std::span<const std::byte> bytes, Store store) const;
  void read_plain(const Fetch& fetch) const;

  const TreeFile& file_;
};

}  // namespace luban::history::detail
