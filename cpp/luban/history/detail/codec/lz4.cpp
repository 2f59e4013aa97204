#include <lz4.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <luban/history/detail/codec/lz4.hpp>

namespace luban::history::detail {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t length_size = 4;
/// Our chunks are one block; larger inputs are cut.
constexpr std::size_t block_size = std::size_t{1} << 20;

void put(std::uint64_t value, std::size_t bytes, std::byte* out) {
  for (std::size_t k = 0; k < bytes; ++k) out[k] = static_cast<std::byte>(value >> (8 * (bytes - 1 - k)));
}

std::uint64_t get(const std::byte* in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < bytes; ++k) value = (value << 8) | std::to_integer<std::uint64_t>(in[k]);
  return value;
}

}  // namespace

std::size_t lz4_bound(std::size_t size) {
  const std::size_t blocks = size / block_size + 1;
  return header_size + blocks * (length_size + static_cast<std::size_t>(LZ4_compressBound(block_size)));
}

std::size_t lz4_compress(std::span<const std::byte> in, std::span<std::byte> out) {
  const std::size_t block = std::max<std::size_t>(1, std::min(block_size, in.size()));
  put(in.size(), 8, out.data());
  put(block, 4, out.data() + 8);
  std::size_t at = header_size;
  for (std::size_t begin = 0; begin < in.size(); begin += block) {
    const std::size_t length = std::min(block, in.size() - begin);
    const char* from = reinterpret_cast<const char*>(in.data()) + begin;
    char* to = reinterpret_cast<char*>(out.data()) + at + length_size;
    const int bound = LZ4_compressBound(static_cast<int>(length));
    auto stored = static_cast<std::size_t>(LZ4_compress_default(from, to, static_cast<int>(length), bound));
    if (stored == 0 || stored >= length) {
      std::memcpy(to, from, length);
      stored = length;
    }
    put(stored, length_size, out.data() + at);
    at += length_size + stored;
  }
  return at;
}

bool lz4_decompress(std::span<const std::byte> in, std::span<std::byte> out) {
  if (in.size() < header_size || get(in.data(), 8) != out.size()) return false;
  if (out.empty()) return true;
  const std::size_t block = std::min<std::size_t>(get(in.data() + 8, 4), out.size());
  if (block == 0 || block > static_cast<std::size_t>(LZ4_MAX_INPUT_SIZE)) return false;
  std::size_t at = header_size;
  for (std::size_t begin = 0; begin < out.size(); begin += block) {
    const std::size_t length = std::min(block, out.size() - begin);
    if (in.size() - at < length_size) return false;
    const std::size_t stored = get(in.data() + at, length_size);
    at += length_size;
    if (stored > in.size() - at) return false;
    if (stored == length) {
      std::memcpy(out.data() + begin, in.data() + at, length);
    } else {
      if (stored > static_cast<std::size_t>(LZ4_MAX_INPUT_SIZE)) return false;
      const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()) + at,
                                           reinterpret_cast<char*>(out.data()) + begin, static_cast<int>(stored),
                                           static_cast<int>(length));
      if (made < 0 || static_cast<std::size_t>(made) != length) return false;
    }
    at += stored;
  }
  return true;
}

}  // namespace luban::history::detail
