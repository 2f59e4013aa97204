#pragma once

#include <cstddef>
#include <luban/history/detail/codec/huffman.hpp>
#include <span>
#include <vector>

namespace luban::history::detail {

/// After the shuffle, one byte of each element.
struct Plane {
  std::span<const std::byte> bytes;
  bool noise = false;  ///< every byte about as often as any other, so that no code makes it shorter
  ByteCounts counts;   ///< of a quarter of it
};

/// The planes at the beginning of a shuffled chunk in which nothing repeats or changes: the low bytes of measured
/// numbers. A search for repeated strings, most of a compressor's time, finds nothing there. Planes of less than 16 KiB
/// are not looked at, and none longer than 128 KiB.
[[nodiscard]] std::vector<Plane> planes_without_repeats(std::span<const std::byte> shuffled, std::size_t element_size);

}  // namespace luban::history::detail
