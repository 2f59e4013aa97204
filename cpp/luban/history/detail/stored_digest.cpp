#include <algorithm>
#include <luban/core/sha256.hpp>
#include <luban/history/detail/manifest.hpp>
#include <luban/history/detail/stored_digest.hpp>

namespace luban::history::detail {
namespace {

/// Bytes that are read before they are hashed.
constexpr std::size_t window_bytes = 4 * chunk_bytes;

/// Rows of a window: whole chunks, so that none is decoded twice.
std::size_t window_rows(const DatasetInfo& info) {
  const std::size_t rows = std::max<std::size_t>(1, window_bytes / std::max<std::size_t>(1, info.element_size));
  if (info.chunk == 0) return rows;
  return std::max<std::size_t>(1, rows / info.chunk) * info.chunk;
}

/// Fixed texts in their canonical form.
void add_texts(std::span<const std::byte> bytes, std::size_t length, std::vector<std::byte>& out) {
  out.clear();
  for (std::size_t at = 0; at < bytes.size(); at += length) {
    std::size_t used = length;
    while (used > 0 && bytes[at + used - 1] == std::byte{0}) --used;
    append_text(bytes.subspan(at, used), out);
  }
}

}  // namespace

std::string stored_digest(const TreeFile& file, const std::string& object) {
  file.require_readable(object);
  const DatasetInfo& info = file.info(object);
  core::Sha256 hash;
  Scratch memory;
  std::vector<std::byte> canonical;
  const std::size_t rows = info.element_size == 0 ? block_rows : window_rows(info);
  for (std::size_t begin = 0; begin < info.count; begin += rows) {
    const std::size_t end = std::min(info.count, begin + rows);
    if (info.element_size == 0) {
      const ColumnData data = file.read(object, begin, end);
      canonical.clear();
      for (const std::string& text : std::get<std::vector<std::string>>(data)) {
        append_text(std::as_bytes(std::span(text)), canonical);
      }
      hash.update(canonical);
    } else {
      const std::span<std::byte> bytes = memory.get((end - begin) * info.element_size);
      file.read_into(object, begin, end, bytes);
      if (info.kind == StoredKind::text) {
        add_texts(bytes, info.element_size, canonical);
        hash.update(canonical);
      } else {
        hash.update(bytes);
      }
    }
  }
  return hash.hex();
}

}  // namespace luban::history::detail
