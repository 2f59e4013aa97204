#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <luban/history/detail/codec/deflate_blocks.hpp>
#include <luban/history/detail/codec/planes.hpp>

namespace luban::history::detail {
namespace {

static_assert(std::endian::native == std::endian::little);

/// Higher levels look hard for repeats, and find some where the first look found none.
constexpr int quick_level = 6;
constexpr std::size_t stored_size = 65535;
constexpr std::size_t literals = 257;  // and the end of the block
constexpr std::size_t end_of_block = 256;
/// Four codes and what was left over are held at once.
constexpr int code_limit = 12;
/// The length that stands for a byte without a code.
constexpr std::uint64_t no_code = 60;

/// Bits, first ones lowest.
struct Bits {
  std::byte* at;
  std::uint64_t held = 0;
  std::uint64_t count = 0;

  void add(std::uint64_t value, std::uint64_t bits) {
    held |= value << count;
    count += bits;
    store();
  }
  /// Stores whole bytes; returns how many bits there were.
  std::uint64_t store() {
    const std::uint64_t were = count;
    std::memcpy(at, &held, sizeof held);
    at += were % 64 / 8;
    held >>= were & 56U;
    count = were % 8;
    return were;
  }
  /// Whole bytes as a block that is not the last: what fills up the byte before, and the bytes themselves.
  void add_stored(std::span<const std::byte> bytes) {
    add(0, 3);
    if (count > 0) add(0, 8 - count);
    add(bytes.size() | (~bytes.size() & 0xffffU) << 16U, 32);
    // In pieces: for more than 2 KiB at once the C library takes an instruction that some processors (AMD Zen 3 and 4)
    // run at a fifth of the speed where the place is not aligned.
    constexpr std::size_t piece = 1024;
    for (std::size_t done = 0; done < bytes.size(); done += piece) {
      std::memcpy(at + done, bytes.data() + done, std::min(piece, bytes.size() - done));
    }
    at += bytes.size();
  }
};

/// Codes as they are stored, first bit lowest, and their lengths from bit 16 on.
std::vector<std::uint32_t> code_table(const CodeLengths& lengths) {
  std::vector<std::uint32_t> table(lengths.size(), static_cast<std::uint32_t>(no_code << 16U));
  std::uint32_t code = 0;
  for (int length = 1; length <= 15; ++length, code *= 2) {
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != length) continue;
      std::uint32_t turned = 0;
      for (int bit = 0; bit < length; ++bit) turned |= ((code >> bit) & 1U) << (length - 1 - bit);
      table[symbol] = turned | static_cast<std::uint32_t>(length) << 16U;
      ++code;
    }
  }
  return table;
}

void add_code(Bits& bits, std::uint32_t entry) {
  bits.add(entry & 0xffffU, entry >> 16U);
}

/// The head of a block with a code of its own, no last one: lengths of 257 literals and of no distance.
void add_head(Bits& bits, const CodeLengths& lengths) {
  constexpr std::size_t kinds = 19;
  constexpr std::size_t order[kinds] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  constexpr int limit = 7;
  std::array<std::uint32_t, kinds> counts{};
  for (const std::uint8_t length : lengths) ++counts[length];
  ++counts[0];
  const CodeLengths length_codes = code_lengths(counts, limit);
  const std::vector<std::uint32_t> table = code_table(length_codes);
  bits.add(2U << 1U, 3);
  bits.add(0, 5);          // 257 literals
  bits.add(0, 5);          // one distance
  bits.add(kinds - 4, 4);  // all of the lengths' codes
  for (const std::size_t kind : order) bits.add(length_codes[kind], 3);
  for (const std::uint8_t length : lengths) add_code(bits, table[length]);
  add_code(bits, table[0]);
}

CodeLengths literal_lengths(const ByteCounts& bytes) {
  std::vector<std::uint32_t> counts(bytes.begin(), bytes.end());
  counts.push_back(1);
  return code_lengths(counts, code_limit);
}

/// Whether the code is worth its while.
bool shortens(const ByteCounts& counts, const CodeLengths& lengths) {
  std::uint64_t bytes = 0;
  std::uint64_t bits = 0;
  for (std::size_t byte = 0; byte < counts.size(); ++byte) {
    bytes += counts[byte];
    bits += std::uint64_t{counts[byte]} * lengths[byte];
  }
  return bits < bytes * 8 * 98 / 100;
}

/// One block of literals. False when a byte has no code; `bits` is then as it was.
bool add_literals(Bits& bits, std::span<const std::byte> in, const CodeLengths& lengths) {
  const std::vector<std::uint32_t> table = code_table(lengths);
  Bits now = bits;
  const std::byte kept = *bits.at;
  add_head(now, lengths);
  std::uint64_t most = 0;
  std::size_t i = 0;
  const auto add = [&](std::byte byte) {
    const std::uint64_t entry = table[std::to_integer<std::size_t>(byte)];
    now.held |= (entry & 0xffffU) << (now.count & 63U);
    now.count += entry >> 16U;
  };
  for (; i + 4 <= in.size() && most < no_code; i += 4) {
    add(in[i]);
    add(in[i + 1]);
    add(in[i + 2]);
    add(in[i + 3]);
    most = std::max(most, now.store());
  }
  for (; i < in.size() && most < no_code; ++i) {
    add(in[i]);
    most = std::max(most, now.store());
  }
  if (most >= no_code) {
    *bits.at = kept;
    return false;
  }
  add_code(now, table[end_of_block]);
  bits = now;
  return true;
}

void add_plane(Bits& bits, const Plane& plane) {
  const CodeLengths lengths = literal_lengths(plane.counts);
  if (!plane.noise && shortens(plane.counts, lengths)) {
    if (add_literals(bits, plane.bytes, lengths)) return;
    // The sample missed a byte.
    if (add_literals(bits, plane.bytes, literal_lengths(count_bytes(plane.bytes)))) return;
  }
  for (std::size_t begin = 0; begin < plane.bytes.size(); begin += stored_size) {
    bits.add_stored(plane.bytes.subspan(begin, std::min(stored_size, plane.bytes.size() - begin)));
  }
}

}  // namespace

std::size_t deflate_beginning_bound(std::size_t size) {
  // A head is of less than 300 bytes for at least 16 KiB; codes that the sample misjudged are of 12 bits at most.
  return size / 2 + size / 32 + 64;
}

DeflateBeginning begin_deflate(std::span<const std::byte> in, int level, std::size_t element_size,
                               std::span<std::byte> out) {
  if (level < 1 || level > quick_level || element_size == 0) return {};
  const std::vector<Plane> planes = planes_without_repeats(in, element_size);
  if (planes.empty()) return {};
  constexpr std::uint64_t window_of_32k_fast = 0x5e78;
  Bits bits{out.data()};
  bits.add(window_of_32k_fast, 16);
  std::size_t taken = 0;
  for (const Plane& plane : planes) {
    add_plane(bits, plane);
    taken += plane.bytes.size();
  }
  bits.add_stored({});  // up to a whole byte
  return {taken, static_cast<std::size_t>(bits.at - out.data())};
}

void store_adler32(std::uint32_t sum, std::span<std::byte> out) {
  for (std::size_t k = 0; k < adler32_size; ++k) out[k] = static_cast<std::byte>((sum >> (24 - 8 * k)) & 0xffU);
}

}  // namespace luban::history::detail
