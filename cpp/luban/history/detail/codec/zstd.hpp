#pragma once

#include <cstddef>
#include <span>

namespace luban::history::detail {

// Filter 32015: one Zstandard frame that states its length.

[[nodiscard]] std::size_t zstd_bound(std::size_t size);
/// Compresses into `out` (at least zstd_bound) and returns the length.
std::size_t zstd_compress(std::span<const std::byte> in, int level, std::span<std::byte> out);
/// Fills `out`; false when the frame is broken or gives less or more than that.
[[nodiscard]] bool zstd_decompress(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace luban::history::detail
