#include "mutate.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <string_view>

namespace luban::fuzz {
namespace {

constexpr std::size_t checksum_size = 4;

std::uint32_t rotated(std::uint32_t value, int bits) {
  return (value << bits) | (value >> (32 - bits));
}

std::uint32_t word(const char* bytes, std::size_t length) {
  std::uint32_t value = 0;
  for (std::size_t k = 0; k < std::min<std::size_t>(4, length); ++k) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k])) << (8 * k);
  }
  return value;
}

void store(std::uint32_t value, char* bytes) {
  for (int k = 0; k < 4; ++k) bytes[k] = static_cast<char>(value >> (8 * k));
}

/// Length of the stretch that begins at `begin` and whose checksum stands behind it; 0 = none found.
std::size_t checked_length(std::string_view bytes, std::size_t begin) {
  constexpr std::size_t most = 3000;
  const std::size_t end = std::min(bytes.size(), begin + most);
  for (std::size_t length = 8; begin + length + checksum_size <= end; ++length) {
    if (lookup3(bytes.data() + begin, length) == word(bytes.data() + begin + length, 4)) return length;
  }
  return 0;
}

std::uint64_t extreme(core::Generator& random) {
  constexpr std::array<std::uint64_t, 12> values{
      0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000000, 0x100000000, 0x7FFFFFFFFFFFFFFF, ~0ULL, 0x80000000};
  return values[random.below(values.size())];
}

/// Changes a little within [begin, end).
void change(std::string& bytes, std::size_t begin, std::size_t end, core::Generator& random) {
  if (begin >= end) return;
  const std::size_t at = begin + random.below(end - begin);
  switch (random.below(4)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
      return;
    case 1:
      bytes[at] = static_cast<char>(random.below(256));
      return;
    case 2: {
      const std::uint64_t value = extreme(random);
      const std::size_t width = std::size_t{1} << random.below(4);
      for (std::size_t k = 0; k < width && at + k < end; ++k) bytes[at + k] = static_cast<char>(value >> (8 * k));
      return;
    }
    default: {
      const int step = static_cast<int>(random.below(9)) - 4;
      bytes[at] = static_cast<char>(bytes[at] + step);
    }
  }
}

void change_metadata(std::string& bytes, const std::vector<Checked>& metadata, core::Generator& random) {
  const Checked& block = metadata[random.below(metadata.size())];
  const std::size_t changes = 1 + random.below(3);
  const std::size_t signature = 4;  // without it the block is none
  for (std::size_t k = 0; k < changes; ++k) {
    change(bytes, block.begin + signature, block.begin + block.length, random);
  }
  if (random.below(8) != 0) {
    store(lookup3(bytes.data() + block.begin, block.length), bytes.data() + block.begin + block.length);
  }
}

void move_stretch(std::string& bytes, const std::string& other, core::Generator& random) {
  const std::size_t length = 1 + random.below(std::min<std::size_t>(bytes.size(), 4096));
  const std::size_t from = random.below(bytes.size() - length + 1);
  const std::size_t to = random.below(bytes.size() - length + 1);
  switch (random.below(5)) {
    case 0:
      bytes.erase(from, length);
      return;
    case 1:
      bytes.insert(to, bytes.substr(from, length));
      return;
    case 2:
      std::memmove(bytes.data() + to, bytes.data() + from, length);
      return;
    case 3:
      bytes.resize(from);
      return;
    default:
      if (other.size() > length) bytes.replace(to, length, other, random.below(other.size() - length), length);
  }
}

}  // namespace

std::uint32_t lookup3(const char* bytes, std::size_t length) {
  std::uint32_t a = 0xdeadbeefU + static_cast<std::uint32_t>(length);
  std::uint32_t b = a;
  std::uint32_t c = a;
  for (; length > 12; length -= 12, bytes += 12) {
    a += word(bytes, 4);
    b += word(bytes + 4, 4);
    c += word(bytes + 8, 4);
    a = (a - c) ^ rotated(c, 4), c += b;
    b = (b - a) ^ rotated(a, 6), a += c;
    c = (c - b) ^ rotated(b, 8), b += a;
    a = (a - c) ^ rotated(c, 16), c += b;
    b = (b - a) ^ rotated(a, 19), a += c;
    c = (c - b) ^ rotated(b, 4), b += a;
  }
  if (length == 0) return c;
  a += word(bytes, length);
  if (length > 4) b += word(bytes + 4, length - 4);
  if (length > 8) c += word(bytes + 8, length - 8);
  c = (c ^ b) - rotated(b, 14);
  a = (a ^ c) - rotated(c, 11);
  b = (b ^ a) - rotated(a, 25);
  c = (c ^ b) - rotated(b, 16);
  a = (a ^ c) - rotated(c, 4);
  b = (b ^ a) - rotated(a, 14);
  return (c ^ b) - rotated(b, 24);
}

Seed make_seed(std::string name, std::string bytes) {
  using namespace std::string_view_literals;
  Seed seed{std::move(name), std::move(bytes), {}};
  if (!seed.bytes.starts_with("\x89HDF\r\n\x1a\n"sv)) return seed;
  const auto add = [&seed](std::size_t begin) {
    if (const std::size_t length = checked_length(seed.bytes, begin); length > 0) {
      seed.metadata.push_back({begin, length});
    }
  };
  add(0);  // the superblock
  for (const char* signature : {"OHDR", "OCHK", "FAHD", "FADB", "EAHD", "EAIB", "EADB", "BTHD", "BTLF", "BTIN", "FRHP",
                                "FHDB", "FHIB", "FSHD", "FSSE", "SMTB", "SMLI"}) {
    for (std::size_t at = seed.bytes.find(signature); at != std::string::npos;
         at = seed.bytes.find(signature, at + 4)) {
      add(at);
    }
  }
  return seed;
}

std::string mutate(const Seed& seed, const Seed& other, core::Generator& random) {
  std::string bytes = seed.bytes;
  const std::size_t rounds = 1 + random.below(4);
  bool moved = false;  // stretches of metadata are where they were
  for (std::size_t round = 0; round < rounds && !bytes.empty(); ++round) {
    const std::uint64_t kind = random.below(10);
    if (kind < 3 && !seed.metadata.empty() && !moved) {
      change_metadata(bytes, seed.metadata, random);
    } else if (kind < 8) {
      change(bytes, 0, bytes.size(), random);
    } else {
      move_stretch(bytes, other.bytes, random);
      moved = true;
    }
  }
  return bytes;
}

std::string mutate_text(const std::string& text, core::Generator& random) {
  std::string out = text;
  const std::size_t rounds = 1 + random.below(3);
  for (std::size_t round = 0; round < rounds && !out.empty(); ++round) {
    const std::size_t at = random.below(out.size());
    if (random.below(2) == 0) {
      const std::uint64_t kind = random.below(4);
      if (kind == 0) out.resize(at);
      if (kind == 1) move_stretch(out, text, random);
      if (kind >= 2) change(out, 0, out.size(), random);
      continue;
    }
    // Another number, or another word, in the place of one.
    constexpr std::array<const char*, 14> values{"-1",
                                                 "0",
                                                 "9223372036854775807",
                                                 "-9223372036854775808",
                                                 "99999999999999999999",
                                                 "1e308",
                                                 "-0.5",
                                                 "\"\"",
                                                 "null",
                                                 "[]",
                                                 "{}",
                                                 "\"../x\"",
                                                 "[[[[",
                                                 "\"\\ud800\""};
    const auto found = std::find_if(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), [](char c) {
      return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '"';
    });
    if (found == out.end()) continue;
    const auto begin = static_cast<std::size_t>(found - out.begin());
    std::size_t end = out.find_first_of(out[begin] == '"' ? "\"" : ",]} \n", begin + 1);
    if (end == std::string::npos) end = out.size();
    if (out[begin] == '"' && end < out.size()) ++end;
    out.replace(begin, end - begin, values[random.below(values.size())]);
  }
  return out;
}

}  // namespace luban::fuzz
