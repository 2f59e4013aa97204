#pragma once

#include <cstddef>
#include <cstdint>
#include <luban/history/compression.hpp>
#include <luban/history/detail/codec/scratch.hpp>
#include <luban/history/detail/codec/shuffle.hpp>
#include <span>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Filters that we apply and undo ourselves, by their numbers in HDF5's registry.
enum class FilterId { deflate = 1, shuffle = 2, fletcher32 = 3, lz4 = 32004, zstd = 32015 };

struct Filter {
  FilterId id;
  std::size_t value = 0;  ///< shuffle: bytes of an element
};

/// The filters of a dataset, in the order in which they are applied when writing.
using Pipeline = std::vector<Filter>;

/// Whether decode_chunk can undo it: a stage's length is known only where at most one compressor stands before it.
[[nodiscard]] bool decodable(const Pipeline& pipeline) noexcept;

/// The filters of a dataset that we write: shuffle (where an element has several bytes and something compresses), the
/// compressor, the checksum.
[[nodiscard]] Pipeline pipeline_of(const Compression& compression, std::size_t element_size);

/// More bytes than an honest writer stores for a chunk of `raw_size`.
[[nodiscard]] std::size_t stored_bound(std::size_t raw_size) noexcept;

/// Whole chunk → what HDF5 stores for it, for pipelines that pipeline_of makes; valid until `out` is used again. Needs
/// no lock: run it in parallel.
/// @throws ConfigurationError for a level that the compressor does not have.
[[nodiscard]] std::span<const std::byte> encode_chunk(std::span<const std::byte> raw, const Pipeline& pipeline,
                                                      int level, Scratch& out);

/// What HDF5 stored → whole chunk of `raw.size()` bytes. `skipped` is the filter mask of the chunk (bit i = filter i of
/// the pipeline was not applied). Needs no lock and allocates nothing after the first chunks of a thread, whatever the
/// stored bytes claim. @throws IntegrityError when checksum, stream or lengths are wrong; `object` names the dataset.
void decode_chunk(std::span<const std::byte> stored, std::uint32_t skipped, const Pipeline& pipeline,
                  std::span<std::byte> raw, const std::string& object, Store store = Store::cached);

}  // namespace luban::history::detail
