#pragma once

#include <cstddef>
#include <span>

namespace luban::history::detail {

// A zlib stream, as HDF5's filter 1 stores. Two libraries make and read the same streams; the build chooses one
// (LUBAN_WITH_LIBDEFLATE), and tests compare them.

namespace with_zlib {
/// The most bytes that a stream of `size` bytes takes.
[[nodiscard]] std::size_t deflate_bound(std::size_t size, int level);
/// Compresses into `out` (at least deflate_bound) and returns the length. @throws ConfigurationError for a level that
/// the library does not have. `element_size`: of the shuffle that the bytes went through, 0 = none; see begin_deflate.
std::size_t deflate(std::span<const std::byte> in, int level, std::span<std::byte> out, std::size_t element_size = 0);
/// Fills `out`; false when the stream is broken or gives less or more than that.
[[nodiscard]] bool inflate(std::span<const std::byte> in, std::span<std::byte> out);
}  // namespace with_zlib

namespace with_libdeflate {
[[nodiscard]] std::size_t deflate_bound(std::size_t size, int level);
std::size_t deflate(std::span<const std::byte> in, int level, std::span<std::byte> out, std::size_t element_size = 0);
[[nodiscard]] bool inflate(std::span<const std::byte> in, std::span<std::byte> out);
}  // namespace with_libdeflate

#if defined(LUBAN_WITH_LIBDEFLATE)
namespace deflate_library = with_libdeflate;
#else
namespace deflate_library = with_zlib;
#endif

}  // namespace luban::history::detail
