#pragma once

#include <cstddef>
#include <cstdint>
#include <luban/core/random.hpp>
#include <string>
#include <vector>

namespace luban::fuzz {

/// A stretch of bytes with a checksum of HDF5's metadata behind it.
struct Checked {
  std::size_t begin = 0;
  std::size_t length = 0;
};

/// A corpus file, and where its metadata lie: there a change must have the checksum made anew, or nobody looks at it.
struct Seed {
  std::string name;
  std::string bytes;
  std::vector<Checked> metadata;
};

/// Finds the metadata of an HDF5 file; in other bytes there are none.
[[nodiscard]] Seed make_seed(std::string name, std::string bytes);

/// Bob Jenkins' lookup3 (public domain), as HDF5 sums its metadata.
[[nodiscard]] std::uint32_t lookup3(const char* bytes, std::size_t length);

/// Bit flips, extreme numbers, swapped, doubled and lost stretches, cuts, pieces of another file; of metadata with or
/// without their checksum.
[[nodiscard]] std::string mutate(const Seed& seed, const Seed& other, core::Generator& random);

/// The same for text: bytes, and numbers and words in it.
[[nodiscard]] std::string mutate_text(const std::string& text, core::Generator& random);

}  // namespace luban::fuzz
