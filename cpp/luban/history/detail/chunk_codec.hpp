#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace luban::history::detail {

/// The filters of a stored chunk, in the order in which they are applied when writing.
struct Pipeline {
  bool shuffle = true;     ///< bytes of equal significance together (HDF5 filter 2)
  bool deflate = true;     ///< zlib stream (HDF5 filter 1)
  bool fletcher32 = true;  ///< checksum of the stored bytes (HDF5 filter 3)
};

/// HDF5's Fletcher checksum over 16-bit big-endian words.
[[nodiscard]] std::uint32_t fletcher32(std::span<const std::byte> bytes);

/// Whole chunk → what HDF5 stores for it. Needs no lock: run it in parallel.
[[nodiscard]] std::vector<std::byte> encode_chunk(std::span<const std::byte> raw, std::size_t element_size, int level);

/// What HDF5 stored → whole chunk of `raw.size()` bytes. `skipped` is the filter mask of the chunk (bit i = filter i of
/// the pipeline was not applied). Needs no lock. @throws IntegrityError when checksum or stream are wrong; `object`
/// names the dataset.
void decode_chunk(std::span<const std::byte> stored, std::uint32_t skipped, const Pipeline& pipeline,
                  std::size_t element_size, std::span<std::byte> raw, const std::string& object);

}  // namespace luban::history::detail
