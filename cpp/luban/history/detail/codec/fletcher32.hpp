#pragma once

#include <cstddef>
#include <cstdint>
#include <luban/history/detail/codec/cpu.hpp>
#include <span>

namespace luban::history::detail {

inline constexpr std::size_t checksum_size = 4;

/// HDF5's Fletcher checksum (filter 3) over 16-bit big-endian words; an odd last byte counts as the high byte of a
/// word.
[[nodiscard]] std::uint32_t fletcher32(std::span<const std::byte> bytes, Simd simd = simd_here());

/// The checksum as the four bytes that HDF5 puts behind what it sums.
[[nodiscard]] std::uint32_t stored_checksum(std::span<const std::byte> bytes);
void store_checksum(std::uint32_t sum, std::span<std::byte> out);

}  // namespace luban::history::detail
