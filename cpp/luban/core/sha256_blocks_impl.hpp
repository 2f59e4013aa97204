#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace luban::core {

/// The eight words of a hash in progress.
using Sha256State = std::array<std::uint32_t, 8>;

/// Takes up `count` blocks of 64 bytes, by the text of FIPS 180-4.
void sha256_blocks_plain(Sha256State& state, const std::uint8_t* bytes, std::size_t count);

/// Whether this machine has the SHA instructions of x86-64.
[[nodiscard]] bool sha256_instructions() noexcept;
/// The same by those instructions; only where they are.
void sha256_blocks_native(Sha256State& state, const std::uint8_t* bytes, std::size_t count);

}  // namespace luban::core
