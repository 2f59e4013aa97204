#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace luban::history::detail {

/// The beginning of a zlib stream (RFC 1950, 1951): its header, and the planes in which nothing repeats as blocks of
/// literals alone. A compressor's own stream can follow: it refers to nothing before its beginning, and begins with a
/// whole byte.
struct DeflateBeginning {
  std::size_t taken = 0;   ///< bytes of the input that are in it; 0 = none, and nothing was written
  std::size_t length = 0;  ///< bytes that were written
};

/// The most bytes that the beginning takes more than what is in it.
[[nodiscard]] std::size_t deflate_beginning_bound(std::size_t size);

/// Writes the beginning, where the level is one that is chosen for speed and `element_size`, of the shuffle that the
/// bytes went through, is not 0. The search for repeats is most of a compressor's time: without it these planes are
/// written ten times as fast and no longer.
[[nodiscard]] DeflateBeginning begin_deflate(std::span<const std::byte> in, int level, std::size_t element_size,
                                             std::span<std::byte> out);

/// The checksum at the end of a zlib stream, highest byte first.
void store_adler32(std::uint32_t sum, std::span<std::byte> out);
inline constexpr std::size_t adler32_size = 4;

}  // namespace luban::history::detail
