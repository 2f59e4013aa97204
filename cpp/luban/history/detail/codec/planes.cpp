#include <lz4.h>

#include <luban/history/detail/codec/planes.hpp>
#include <luban/history/detail/codec/scratch.hpp>

namespace luban::history::detail {
namespace {

constexpr std::size_t least_plane = std::size_t{1} << 14;
constexpr std::size_t most_plane = std::size_t{1} << 17;
constexpr std::size_t sample_step = std::size_t{1} << 13;
/// A code of single bytes saves less than 2 % of such a plane.
constexpr double noise_bits = 7.85;

/// LZ4 in a hurry goes over noise at several GB/s, and makes it 0.4 % longer: anything shorter holds repeats, of which
/// other compressors find more.
bool repeats(std::span<const std::byte> plane) {
  constexpr int hurry = 8;
  thread_local Scratch memory;
  const auto out = memory.get(plane.size());
  const auto size = static_cast<int>(plane.size());
  return LZ4_compress_fast(reinterpret_cast<const char*>(plane.data()), reinterpret_cast<char*>(out.data()), size, size,
                           hurry) > 0;
}

/// Whether the bytes are others in one place than in another, which a compressor uses: it begins a new code there.
bool changes(std::span<const std::byte> plane, double bits) {
  constexpr std::size_t places = 4;
  constexpr std::size_t length = least_plane / 4;
  constexpr double by_chance = 0.15;  // a few bytes look less even than many: 0.05
  double here = 0;
  for (std::size_t place = 0; place < places; ++place) {
    const std::size_t begin = place * (plane.size() - length) / (places - 1);
    here += entropy(count_bytes(plane.subspan(begin, length))) / places;
  }
  return here < bits - by_chance;
}

}  // namespace

std::vector<Plane> planes_without_repeats(std::span<const std::byte> shuffled, std::size_t element_size) {
  std::vector<Plane> planes;
  const std::size_t size = element_size == 0 ? 0 : shuffled.size() / element_size;
  if (size < least_plane || size > most_plane || shuffled.size() % element_size != 0) return planes;
  for (std::size_t begin = 0; begin < shuffled.size(); begin += size) {
    const auto bytes = shuffled.subspan(begin, size);
    if (repeats(bytes)) break;
    const ByteCounts counts = count_bytes(bytes, sample_step);
    const double bits = entropy(counts);
    if (changes(bytes, bits)) break;
    planes.push_back({bytes, bits > noise_bits, counts});
  }
  return planes;
}

}  // namespace luban::history::detail
