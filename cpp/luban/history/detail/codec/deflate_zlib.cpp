#include <zlib.h>

#include <luban/core/error.hpp>
#include <luban/history/detail/codec/deflate.hpp>
#include <string>

namespace luban::history::detail::with_zlib {

std::size_t deflate_bound(std::size_t size, int) {
  return compressBound(static_cast<uLong>(size));
}

std::size_t deflate(std::span<const std::byte> in, int level, std::span<std::byte> out) {
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
