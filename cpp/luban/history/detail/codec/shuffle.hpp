#pragma once

#include <cstddef>
#include <luban/history/detail/codec/cpu.hpp>
#include <span>

namespace luban::history::detail {

/// HDF5's shuffle (filter 2): byte k of every element goes to plane k; bytes that make no whole element stay behind.
/// `in` and `out` are of equal size and do not overlap.
void shuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out,
             Simd simd = simd_here());
/// The reverse.
void unshuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out,
               Simd simd = simd_here());

}  // namespace luban::history::detail
