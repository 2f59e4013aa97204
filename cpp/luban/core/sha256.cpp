#include <luban/core/sha256.hpp>

#include <luban/core/sha256_blocks_impl.hpp>

#include <algorithm>
#include <cstring>

namespace luban::core {
namespace {

void take_blocks(Sha256State& state, const std::uint8_t* bytes, std::size_t count) {
  static const bool native = sha256_instructions();
  if (native) {
    sha256_blocks_native(state, bytes, count);
  } else {
    sha256_blocks_plain(state, bytes, count);
  }
}

}  // namespace

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  const auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  const std::size_t used = length_ % 64;
  length_ += left;
  if (left == 0) return *this;
  if (used > 0) {
    const std::size_t take = std::min(left, 64 - used);
    std::memcpy(pending_.data() + used, in, take);
    in += take;
    left -= take;
    if (used + take < 64) return *this;
    take_blocks(state_, pending_.data(), 1);
  }
  take_blocks(state_, in, left / 64);
  if (left % 64 > 0) std::memcpy(pending_.data(), in + left / 64 * 64, left % 64);
  return *this;
}

Sha256& Sha256::update(std::string_view text) {
  return update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::hex() const {
  Sha256 end = *this;
  const std::uint64_t bits = length_ * 8;
  std::array<std::byte, 72> padding{};
  padding[0] = std::byte{0x80};
  const std::size_t used = length_ % 64;
  const std::size_t zeros = (used < 56 ? 56 : 120) - used;
  for (std::size_t i = 0; i < 8; ++i) {
    padding[zeros + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  }
  end.update(std::span(padding.data(), zeros + 8));
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint32_t word : end.state_) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      text += digits[(word >> shift) & 0xF];
    }
  }
  return text;
}

}  // namespace luban::core
