#pragma once

#include <cstddef>
#include <luban/history/detail/codec/cpu.hpp>
#include <span>

namespace luban::history::detail {

/// HDF5's shuffle (filter 2): byte k of every element goes to plane k; bytes that make no whole element stay behind.
/// `in` and `out` are of equal size and do not overlap.
void shuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out,
             Simd simd = simd_here());
/// Where written bytes go: into the caches, as what is used next should, or past them, as what is larger than they are
/// should (a fifth less time, for a line need not be read before it is overwritten).
enum class Store { cached, streamed };

/// The reverse.
void unshuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out,
               Simd simd = simd_here(), Store store = Store::cached);

}  // namespace luban::history::detail
