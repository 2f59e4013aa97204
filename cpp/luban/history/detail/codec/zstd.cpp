#include <zstd.h>

#include <luban/core/error.hpp>
#include <luban/history/detail/codec/zstd.hpp>
#include <memory>
#include <new>
#include <string>

namespace luban::history::detail {
namespace {

struct Free {
  void operator()(ZSTD_CCtx* made) const noexcept { ZSTD_freeCCtx(made); }
  void operator()(ZSTD_DCtx* made) const noexcept { ZSTD_freeDCtx(made); }
};

}  // namespace

std::size_t zstd_bound(std::size_t size) {
  return ZSTD_compressBound(size);
}

std::size_t zstd_compress(std::span<const std::byte> in, int level, std::span<std::byte> out) {
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  if (context == nullptr) throw std::bad_alloc();
  const std::size_t length = ZSTD_compressCCtx(context.get(), out.data(), out.size(), in.data(), in.size(), level);
  if (ZSTD_isError(length) != 0) {
    throw core::ConfigurationError({.where = "history.write",
                                    .expected = "a compression level of zstd (1 to 22)",
                                    .received = std::to_string(level) + ": " + ZSTD_getErrorName(length),
                                    .place = {},
                                    .hint = {}});
  }
  return length;
}

bool zstd_decompress(std::span<const std::byte> in, std::span<std::byte> out) {
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  if (context == nullptr) throw std::bad_alloc();
  // What would not fit is an error of the library: nothing is allocated for it.
  return ZSTD_decompressDCtx(context.get(), out.data(), out.size(), in.data(), in.size()) == out.size();
}

}  // namespace luban::history::detail
