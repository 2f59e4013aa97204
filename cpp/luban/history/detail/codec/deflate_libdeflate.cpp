#include <libdeflate.h>

#include <luban/core/error.hpp>
#include <luban/history/detail/codec/deflate.hpp>
#include <luban/history/detail/codec/deflate_blocks.hpp>
#include <memory>
#include <new>
#include <string>

namespace luban::history::detail::with_libdeflate {
namespace {

struct Free {
  void operator()(libdeflate_compressor* made) const noexcept { libdeflate_free_compressor(made); }
  void operator()(libdeflate_decompressor* made) const noexcept { libdeflate_free_decompressor(made); }
};

/// The compressor of this thread; made anew when another level is asked for.
libdeflate_compressor* compressor(int level) {
  thread_local std::unique_ptr<libdeflate_compressor, Free> made;
  thread_local int made_level = -1;
  if (made != nullptr && made_level == level) return made.get();
  if (level < 0 || level > 9) {
    throw core::ConfigurationError({.where = "history.write",
                                    .expected = "a compression level of deflate (0 to 9)",
                                    .received = std::to_string(level),
                                    .place = {},
                                    .hint = {}});
  }
  made.reset(libdeflate_alloc_compressor(level));
  made_level = level;
  if (made == nullptr) throw std::bad_alloc();
  return made.get();
}

libdeflate_decompressor* decompressor() {
  thread_local std::unique_ptr<libdeflate_decompressor, Free> made(libdeflate_alloc_decompressor());
  if (made == nullptr) throw std::bad_alloc();
  return made.get();
}

}  // namespace

std::size_t deflate_bound(std::size_t size, int level) {
  return libdeflate_zlib_compress_bound(compressor(level), size) + deflate_beginning_bound(size);
}

std::size_t deflate(std::span<const std::byte> in, int level, std::span<std::byte> out, std::size_t element_size) {
  libdeflate_compressor* const library = compressor(level);
  const auto [taken, length] = begin_deflate(in, level, element_size, out);
  if (taken == 0) return libdeflate_zlib_compress(library, in.data(), in.size(), out.data(), out.size());
  const auto rest = in.subspan(taken);
  const auto place = out.subspan(length);
  const std::size_t end =
      length + libdeflate_deflate_compress(library, rest.data(), rest.size(), place.data(), place.size());
  store_adler32(libdeflate_adler32(1, in.data(), in.size()), out.subspan(end));
  return end + adler32_size;
}

bool inflate(std::span<const std::byte> in, std::span<std::byte> out) {
  // Without a place for the length the library insists on exactly out.size() bytes.
  return libdeflate_zlib_decompress(decompressor(), in.data(), in.size(), out.data(), out.size(), nullptr) ==
         LIBDEFLATE_SUCCESS;
}

}  // namespace luban::history::detail::with_libdeflate
