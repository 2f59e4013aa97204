#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace luban::history::detail {

/// How often each byte occurs.
using ByteCounts = std::array<std::uint32_t, 256>;
/// Bits of each symbol's code; 0 = it has none.
using CodeLengths = std::vector<std::uint8_t>;

/// Counts the bytes, or of every `step` the first 2 KiB.
[[nodiscard]] ByteCounts count_bytes(std::span<const std::byte> bytes, std::size_t step = 0);

/// Bits per byte that no code of single bytes can go below.
[[nodiscard]] double entropy(const ByteCounts& counts);

/// A complete prefix code (Huffman 1952) of at most `limit` bits, which are enough for all symbols that occur; all
/// lengths are 0 where fewer than two do.
[[nodiscard]] CodeLengths code_lengths(std::span<const std::uint32_t> counts, int limit);

}  // namespace luban::history::detail
