#include <algorithm>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/history/detail/codec/deflate.hpp>
#include <luban/history/detail/codec/fletcher32.hpp>
#include <luban/history/detail/codec/lz4.hpp>
#include <luban/history/detail/codec/pipeline.hpp>
#include <luban/history/detail/codec/zstd.hpp>

namespace luban::history::detail {
namespace {

[[noreturn]] void damaged(const std::string& object, const char* received) {
  throw core::IntegrityError({.where = "history.decode",
                              .expected = "an intact chunk",
                              .received = received,
                              .place = object,
                              .hint = "the file is damaged; restore it from a copy or import again"});
}

bool compresses(FilterId id) noexcept {
  return id == FilterId::deflate || id == FilterId::lz4 || id == FilterId::zstd;
}

std::size_t bound_of(FilterId id, std::size_t size, int level) {
  switch (id) {
    case FilterId::deflate:
      return deflate_library::deflate_bound(size, level);
    case FilterId::lz4:
      return lz4_bound(size);
    case FilterId::zstd:
      return zstd_bound(size);
    default:
      return size;
  }
}

/// `element_size`: of the shuffle before it, 0 = none.
std::size_t compress(FilterId id, std::span<const std::byte> in, int level, std::span<std::byte> out,
                     std::size_t element_size) {
  if (id == FilterId::deflate) return deflate_library::deflate(in, level, out, element_size);
  return id == FilterId::zstd ? zstd_compress(in, level, out) : lz4_compress(in, out);
}

bool decompress(FilterId id, std::span<const std::byte> in, std::span<std::byte> out) {
  if (id == FilterId::deflate) return deflate_library::inflate(in, out);
  return id == FilterId::zstd ? zstd_decompress(in, out) : lz4_decompress(in, out);
}

std::span<const std::byte> without_checksum(std::span<const std::byte> stored, const std::string& object) {
  if (stored.size() < checksum_size) damaged(object, "a chunk without its checksum");
  const auto body = stored.first(stored.size() - checksum_size);
  if (fletcher32(body) != stored_checksum(stored.last(checksum_size))) damaged(object, "a wrong chunk checksum");
  return body;
}

}  // namespace

bool decodable(const Pipeline& pipeline) noexcept {
  return std::count_if(pipeline.begin(), pipeline.end(), [](const Filter& f) { return compresses(f.id); }) <= 1;
}

Pipeline pipeline_of(const Compression& compression, std::size_t element_size) {
  if (compression.codec == Codec::none) return {{FilterId::fletcher32}};
  Pipeline pipeline;
  if (element_size > 1) pipeline.push_back({FilterId::shuffle, element_size});
  pipeline.push_back({compression.codec == Codec::deflate ? FilterId::deflate
                      : compression.codec == Codec::zstd  ? FilterId::zstd
                                                          : FilterId::lz4});
  pipeline.push_back({FilterId::fletcher32});
  return pipeline;
}

std::size_t stored_bound(std::size_t raw_size) noexcept {
  constexpr std::size_t headers = std::size_t{1} << 16;
  return raw_size + raw_size / 2 + headers;
}

std::span<const std::byte> encode_chunk(std::span<const std::byte> raw, const Pipeline& pipeline, int level,
                                        Scratch& out) {
  thread_local Scratch planes;
  std::span<const std::byte> now = raw;
  std::size_t element_size = 0;
  for (const Filter& filter : pipeline) {
    if (filter.id == FilterId::shuffle) {
      const auto to = planes.get(now.size());
      shuffle(now, filter.value, to);
      now = to;
      element_size = filter.value;
    } else if (compresses(filter.id)) {
      const auto to = out.get(bound_of(filter.id, now.size(), level) + checksum_size);
      now = to.first(compress(filter.id, now, level, to.first(to.size() - checksum_size), element_size));
    } else {
      const std::uint32_t sum = fletcher32(now);
      const std::size_t length = now.size();
      const auto to = out.get(length + checksum_size);  // where a compressor's output stands already
      if (now.data() != to.data()) std::memcpy(to.data(), now.data(), length);
      store_checksum(sum, to.subspan(length));
      now = to;
    }
  }
  return now;
}

void decode_chunk(std::span<const std::byte> stored, std::uint32_t skipped, const Pipeline& pipeline,
                  std::span<std::byte> raw, const std::string& object, Store store) {
  thread_local Scratch first;
  thread_local Scratch second;
  const auto applied = [&](std::size_t i) { return i >= 32 || ((skipped >> i) & 1U) == 0; };
  // The last stage that moves bytes is the one that writes into place.
  std::size_t last = pipeline.size();
  std::size_t inner_sums = 0;  // bytes of checksums that were added before the stage that is being undone
  for (std::size_t i = pipeline.size(); i-- > 0;) {
    if (applied(i) && pipeline[i].id != FilterId::fletcher32) last = i;
    if (applied(i) && pipeline[i].id == FilterId::fletcher32) inner_sums += checksum_size;
  }
  bool in_second = false;
  std::span<const std::byte> now = stored;
  for (std::size_t i = pipeline.size(); i-- > 0;) {
    if (!applied(i)) continue;
    const Filter& filter = pipeline[i];
    if (filter.id == FilterId::fletcher32) {
      now = without_checksum(now, object);
      inner_sums -= checksum_size;
      continue;
    }
    if (filter.id == FilterId::shuffle && now.size() != raw.size() + inner_sums) {
      // A shuffle that was applied to compressed bytes keeps their length; anything else is damage seen below.
      if (now.size() > stored_bound(raw.size())) damaged(object, "a chunk of the wrong size");
    }
    const std::size_t size = filter.id == FilterId::shuffle ? now.size() : raw.size() + inner_sums;
    const bool in_place = i == last && size == raw.size();
    const std::span<std::byte> to = in_place ? raw : (in_second ? second : first).get(size);
    if (!in_place) in_second = !in_second;
    if (filter.id == FilterId::shuffle) {
      unshuffle(now, filter.value, to, simd_here(), in_place ? store : Store::cached);
    } else if (!decompress(filter.id, now, to)) {
      damaged(object, "a broken compressed stream");
    }
    now = to;
  }
  if (now.size() != raw.size()) damaged(object, "a chunk of the wrong size");
  if (now.data() != raw.data()) std::memcpy(raw.data(), now.data(), raw.size());
}

}  // namespace luban::history::detail
