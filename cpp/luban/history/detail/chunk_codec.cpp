#include <zlib.h>

#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/history/detail/chunk_codec.hpp>

namespace luban::history::detail {
namespace {

constexpr std::size_t checksum_size = 4;

[[noreturn]] void damaged(const std::string& object, const std::string& received) {
  throw core::IntegrityError({.where = "history.decode",
                              .expected = "an intact chunk",
                              .received = received,
                              .place = object,
                              .hint = "the file is damaged; restore it from a copy or import again"});
}

// Byte k of every element goes to plane k.
void shuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out) {
  const std::size_t count = in.size() / element_size;
  for (std::size_t k = 0; k < element_size; ++k) {
    for (std::size_t i = 0; i < count; ++i) out[k * count + i] = in[i * element_size + k];
  }
}

void unshuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out) {
  const std::size_t count = in.size() / element_size;
  for (std::size_t k = 0; k < element_size; ++k) {
    for (std::size_t i = 0; i < count; ++i) out[i * element_size + k] = in[k * count + i];
  }
}

std::uint32_t stored_checksum(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = checksum_size; i-- > 0;) value = (value << 8) | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> bytes) {
  // 360 words are the most that 32-bit sums take before they must be folded.
  constexpr std::size_t words_per_fold = 360;
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffffU) + (sum >> 16); };
  std::size_t i = 0;
  std::size_t words = bytes.size() / 2;
  while (words > 0) {
    const std::size_t now = std::min(words, words_per_fold);
    words -= now;
    for (std::size_t w = 0; w < now; ++w, i += 2) {
      low += (std::to_integer<std::uint32_t>(bytes[i]) << 8) | std::to_integer<std::uint32_t>(bytes[i + 1]);
      high += low;
    }
    low = fold(low);
    high = fold(high);
  }
  if (bytes.size() % 2 != 0) {
    low += std::to_integer<std::uint32_t>(bytes[i]) << 8;
    high += low;
    low = fold(low);
    high = fold(high);
  }
  return (fold(high) << 16) | fold(low);
}

std::vector<std::byte> encode_chunk(std::span<const std::byte> raw, std::size_t element_size, int level) {
  std::vector<std::byte> planes;
  std::span<const std::byte> input = raw;
  if (element_size > 1) {
    planes.resize(raw.size());
    shuffle(raw, element_size, planes);
    input = planes;
  }
  uLongf length = compressBound(static_cast<uLong>(input.size()));
  std::vector<std::byte> stored(length + checksum_size);
  const int status = compress2(reinterpret_cast<Bytef*>(stored.data()), &length,
                               reinterpret_cast<const Bytef*>(input.data()), static_cast<uLong>(input.size()), level);
  if (status != Z_OK) {
    throw core::ConfigurationError({.where = "history.write",
                                    .expected = "a compression level of zlib (0 to 9)",
                                    .received = std::to_string(level),
                                    .place = {},
                                    .hint = {}});
  }
  const std::uint32_t sum = fletcher32(std::span(stored).first(length));
  for (std::size_t k = 0; k < checksum_size; ++k) stored[length + k] = static_cast<std::byte>((sum >> (8 * k)) & 0xffU);
  stored.resize(length + checksum_size);
  return stored;
}

void decode_chunk(std::span<const std::byte> stored, std::uint32_t skipped, const Pipeline& pipeline,
                  std::size_t element_size, std::span<std::byte> raw, const std::string& object) {
  // The mask counts the filters that the dataset has, in order.
  unsigned position = 0;
  const auto applies = [&](bool present) { return present && ((skipped >> position++) & 1U) == 0; };
  const bool shuffled = applies(pipeline.shuffle) && element_size > 1;
  const bool deflated = applies(pipeline.deflate);
  const bool summed = applies(pipeline.fletcher32);
  if (summed) {
    if (stored.size() < checksum_size) damaged(object, "a chunk without its checksum");
    const auto body = stored.first(stored.size() - checksum_size);
    if (fletcher32(body) != stored_checksum(stored.last(checksum_size))) damaged(object, "a wrong chunk checksum");
    stored = body;
  }
  std::vector<std::byte> planes(deflated && shuffled ? raw.size() : 0);
  if (deflated) {
    const std::span<std::byte> target = shuffled ? std::span<std::byte>(planes) : raw;
    uLongf length = static_cast<uLongf>(target.size());
    const int status = uncompress(reinterpret_cast<Bytef*>(target.data()), &length,
                                  reinterpret_cast<const Bytef*>(stored.data()), static_cast<uLong>(stored.size()));
    if (status != Z_OK || length != target.size()) damaged(object, "a broken deflate stream");
    stored = target;
  }
  if (stored.size() != raw.size()) damaged(object, "a chunk of the wrong size");
  if (shuffled) {
    unshuffle(stored, element_size, raw);
  } else if (!deflated) {
    std::copy(stored.begin(), stored.end(), raw.begin());
  }
}

}  // namespace luban::history::detail
