#include <algorithm>
#include <luban/history/detail/codec/fletcher32.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace luban::history::detail {
namespace {

/// Two sums modulo 65535 in HDF5's form: a sum that is a multiple of 65535 but not zero is written 65535.
struct Sums {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

std::uint64_t fold(std::uint64_t sum) {
  return sum == 0 ? 0 : (sum - 1) % 65535 + 1;
}

void add_words(std::span<const std::byte> bytes, Sums& sums) {
  // 360 words are the most that 32-bit sums take before they must be folded.
  constexpr std::size_t words_per_fold = 360;
  auto low = static_cast<std::uint32_t>(fold(sums.low));
  auto high = static_cast<std::uint32_t>(fold(sums.high));
  const auto fold32 = [](std::uint32_t sum) { return (sum & 0xffffU) + (sum >> 16); };
  std::size_t i = 0;
  for (std::size_t words = bytes.size() / 2; words > 0;) {
    const std::size_t now = std::min(words, words_per_fold);
    words -= now;
    for (std::size_t w = 0; w < now; ++w, i += 2) {
      low += (std::to_integer<std::uint32_t>(bytes[i]) << 8) | std::to_integer<std::uint32_t>(bytes[i + 1]);
      high += low;
    }
    low = fold32(low);
    high = fold32(high);
  }
  if (bytes.size() % 2 != 0) {
    low += std::to_integer<std::uint32_t>(bytes[i]) << 8;
    high += low;
  }
  sums = {low, high};
}

#if defined(__x86_64__)
/// Takes 32 bytes at a time and returns how many it took. Lane l holds the sum A of its words and the sum B of all
/// values that A had; word i of n counts n − i times, so that of m steps of 16 lanes the weighted sum is
/// Σ 16·B − l·A.
__attribute__((target("avx2"))) std::size_t add_words_avx2(std::span<const std::byte> bytes, Sums& sums) {
  constexpr std::size_t step = 32;
  constexpr std::size_t lanes = 16;
  constexpr std::size_t steps_per_fold = 360;
  // The bytes of each 16-bit word change places.
  const __m256i swap = _mm256_set_epi8(14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1,  //
                                       14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1);
  const __m256i even_mask = _mm256_set1_epi32(0xffff);
  std::size_t done = 0;
  for (std::size_t left = bytes.size() / step; left > 0;) {
    const std::size_t now = std::min(left, steps_per_fold);
    left -= now;
    __m256i sum_even = _mm256_setzero_si256();
    __m256i sum_odd = _mm256_setzero_si256();
    __m256i sums_even = _mm256_setzero_si256();
    __m256i sums_odd = _mm256_setzero_si256();
    for (std::size_t k = 0; k < now; ++k, done += step) {
      const __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes.data() + done));
      const __m256i words = _mm256_shuffle_epi8(raw, swap);
      sum_even = _mm256_add_epi32(sum_even, _mm256_and_si256(words, even_mask));
      sum_odd = _mm256_add_epi32(sum_odd, _mm256_srli_epi32(words, 16));
      sums_even = _mm256_add_epi32(sums_even, sum_even);
      sums_odd = _mm256_add_epi32(sums_odd, sum_odd);
    }
    alignas(32) std::uint32_t a[2][8];
    alignas(32) std::uint32_t b[2][8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(a[0]), sum_even);
    _mm256_store_si256(reinterpret_cast<__m256i*>(a[1]), sum_odd);
    _mm256_store_si256(reinterpret_cast<__m256i*>(b[0]), sums_even);
    _mm256_store_si256(reinterpret_cast<__m256i*>(b[1]), sums_odd);
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::uint64_t sum = a[lane % 2][lane / 2];
      low += sum;
      high += lanes * std::uint64_t{b[lane % 2][lane / 2]} - lane * sum;  // never negative: B ≥ A and 16 > lane
    }
    sums.high = fold(sums.high + fold(sums.low) * (now * lanes) + high);
    sums.low = fold(sums.low + low);
  }
  return done;
}
#endif

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> bytes, Simd simd) {
  Sums sums;
  std::size_t done = 0;
#if defined(__x86_64__)
  if (simd == Simd::avx2) done = add_words_avx2(bytes, sums);
#else
  (void)simd;
#endif
  add_words(bytes.subspan(done), sums);
  return static_cast<std::uint32_t>((fold(sums.high) << 16) | fold(sums.low));
}

std::uint32_t stored_checksum(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = checksum_size; i-- > 0;) value = (value << 8) | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

void store_checksum(std::uint32_t sum, std::span<std::byte> out) {
  for (std::size_t k = 0; k < checksum_size; ++k) out[k] = static_cast<std::byte>((sum >> (8 * k)) & 0xffU);
}

}  // namespace luban::history::detail
