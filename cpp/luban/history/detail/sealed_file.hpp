#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace luban::history::detail {

/// A history ends in lines of 128 bytes of text, which HDF5 ignores because they follow its own end:
/// `luban-heap OFFSET LENGTH SHA256` for each stretch of HDF5's global heap (texts of variable length, the one kind of
/// metadata that HDF5 stores without a checksum and reads without checking), then the seal,
/// `luban-seal 1 sha256 SHA256 bytes N`, over all N bytes before it. A program that writes into the file removes or
/// breaks the seal.
inline constexpr std::size_t seal_size = 128;

enum class SealState { intact, missing, broken };

/// What names the bytes of a file.
struct FileBytes {
  std::string sha256;
  std::int64_t count = 0;
};
struct Seal {
  std::string text;  ///< the heap lines and the seal that a finished file is to end in
  FileBytes file;    ///< of the file that ends in them
};
/// Reads the whole file. @throws IoError.
[[nodiscard]] Seal make_seal(const std::filesystem::path& path);
/// Reads the whole file. @throws IoError.
[[nodiscard]] SealState check_seal(const std::filesystem::path& path);
/// SHA-256 and length of a whole file, seal included. @throws IoError.
[[nodiscard]] FileBytes hash_file(const std::filesystem::path& path);
/// Checks the stretches that the heap lines name, before HDF5 reads them: damage there makes the library write beyond
/// its memory. A file without lines passes. @throws IntegrityError, IoError.
void require_intact_heaps(const std::filesystem::path& path);

}  // namespace luban::history::detail
