#include <zlib.h>

#include <luban/core/error.hpp>
#include <luban/history/detail/codec/deflate.hpp>
#include <luban/history/detail/codec/deflate_blocks.hpp>
#include <new>
#include <string>

namespace luban::history::detail::with_zlib {

namespace {

/// A stream without header and checksum.
std::size_t deflate_raw(std::span<const std::byte> in, int level, std::span<std::byte> out) {
  constexpr int raw_window = -15;
  constexpr int usual_memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, raw_window, usual_memory, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);  // there is room for all of it
  const std::size_t length = stream.total_out;
  deflateEnd(&stream);
  return length;
}

}  // namespace

std::size_t deflate_bound(std::size_t size, int) {
  return compressBound(static_cast<uLong>(size)) + deflate_beginning_bound(size);
}

std::size_t deflate(std::span<const std::byte> in, int level, std::span<std::byte> out, std::size_t element_size) {
  const auto [taken, begun] = begin_deflate(in, level, element_size, out);
  if (taken > 0) {
    const std::size_t end = begun + deflate_raw(in.subspan(taken), level, out.subspan(begun));
    const auto sum = adler32_z(1, reinterpret_cast<const Bytef*>(in.data()), in.size());
    store_adler32(static_cast<std::uint32_t>(sum), out.subspan(end));
    return end + adler32_size;
  }
  auto length = static_cast<uLongf>(out.size());
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &length, reinterpret_cast<const Bytef*>(in.data()),
                               static_cast<uLong>(in.size()), level);
  if (status != Z_OK) {
    throw core::ConfigurationError({.where = "history.write",
                                    .expected = "a compression level of deflate (0 to 9)",
                                    .received = std::to_string(level),
                                    .place = {},
                                    .hint = {}});
  }
  return length;
}

bool inflate(std::span<const std::byte> in, std::span<std::byte> out) {
  std::byte one{};  // zlib takes a place of no bytes for a question whether the stream is whole
  auto* const place = reinterpret_cast<Bytef*>(out.empty() ? &one : out.data());
  uLongf length = out.empty() ? 1 : static_cast<uLongf>(out.size());
  const int status =
      uncompress(place, &length, reinterpret_cast<const Bytef*>(in.data()), static_cast<uLong>(in.size()));
  return status == Z_OK && length == out.size();
}

}  // namespace luban::history::detail::with_zlib
