#pragma once

#include <string>

#include <luban/history/export.hpp>

namespace luban::history {

/// What compresses the chunks of a history.
enum class Codec {
  deflate,  ///< every HDF5 library reads it
  zstd,     ///< several times as fast to read; others need the filter 32015 (Python: `import hdf5plugin`)
  lz4,      ///< faster still and larger; others need the filter 32004
  none,     ///< checksums alone
};

/// How the chunks of a history are compressed.
struct Compression {
  Codec codec = Codec::deflate;
  /// deflate: 0 (none) to 9; zstd: 1 to 22. 4 of deflate: half the size of level 1's loss at a third of level 9's time
  /// on sensor data. Not used by the others.
  int level = 4;
};

/// A compression by name ("deflate", "zstd", "lz4", "none") and level; level −1 = the usual one (deflate 4, zstd 3).
/// @throws ConfigurationError on another name, or a level that the codec does not have.
[[nodiscard]] LUBAN_HISTORY_EXPORT Compression make_compression(const std::string& codec, int level = -1);

}  // namespace luban::history
