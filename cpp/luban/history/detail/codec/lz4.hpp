#pragma once

#include <cstddef>
#include <span>

namespace luban::history::detail {

// Filter 32004: the whole length (8 bytes, big endian), the length of a block (4 bytes), then each block with its
// stored length (4 bytes); a block that is stored as long as it is, is stored raw.

[[nodiscard]] std::size_t lz4_bound(std::size_t size);
/// Compresses into `out` (at least lz4_bound) and returns the length.
std::size_t lz4_compress(std::span<const std::byte> in, std::span<std::byte> out);
/// Fills `out`; false when the stream is broken or gives less or more than that.
[[nodiscard]] bool lz4_decompress(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace luban::history::detail
