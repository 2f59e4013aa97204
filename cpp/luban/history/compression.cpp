#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/compression.hpp>
#include <vector>

namespace luban::history {
namespace {

struct Known {
  const char* name;
  Codec codec;
  int lowest;
  int usual;
  int highest;
};
constexpr Known known_codecs[] = {{"deflate", Codec::deflate, 0, 4, 9},
                                  {"zstd", Codec::zstd, 1, 3, 22},
                                  {"lz4", Codec::lz4, 0, 0, 0},
                                  {"none", Codec::none, 0, 0, 0}};

}  // namespace

Compression make_compression(const std::string& codec, int level) {
  std::vector<std::string> names;
  for (const Known& known : known_codecs) {
    names.emplace_back(known.name);
    if (codec != known.name) continue;
    if (level == -1) return {known.codec, known.usual};
    if (level >= known.lowest && level <= known.highest) return {known.codec, level};
    throw core::ConfigurationError(
        {.where = "history.compression",
         .expected = "a level from " + std::to_string(known.lowest) + " to " + std::to_string(known.highest),
         .received = std::to_string(level),
         .place = codec,
         .hint = {}});
  }
  throw core::ConfigurationError({.where = "history.compression",
                                  .expected = "deflate, zstd, lz4 or none",
                                  .received = core::quoted(codec),
                                  .place = {},
                                  .hint = core::nearest_hint(codec, names)});
}

}  // namespace luban::history
