#include <algorithm>
#include <cstdint>
#include <luban/history/detail/codec/shuffle.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace luban::history::detail {
namespace {

/// What both directions need: `count` elements of `size` bytes.
struct Shape {
  std::size_t count;
  std::size_t size;
};

// Elements [begin, count), byte by byte: the meaning, and the rest that the fast paths leave.
void shuffle_plain(const std::byte* in, std::byte* out, Shape shape, std::size_t begin) {
  for (std::size_t k = 0; k < shape.size; ++k) {
    for (std::size_t i = begin; i < shape.count; ++i) out[k * shape.count + i] = in[i * shape.size + k];
  }
}

void unshuffle_plain(const std::byte* in, std::byte* out, Shape shape, std::size_t begin) {
  for (std::size_t i = begin; i < shape.count; ++i) {
    for (std::size_t k = 0; k < shape.size; ++k) out[i * shape.size + k] = in[k * shape.count + i];
  }
}

#if defined(__x86_64__)
template <Store store>
__attribute__((target("avx2"))) inline void put(std::byte* out, __m256i bytes) {
  if constexpr (store == Store::streamed) {
    auto* const halves = reinterpret_cast<__m128i*>(out);
    _mm_stream_si128(halves, _mm256_castsi256_si128(bytes));
    _mm_stream_si128(halves + 1, _mm256_extracti128_si256(bytes, 1));
  } else {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
  }
}

// Elements of 8 bytes, 32 at a time: a transposition of 8 rows of 32 bytes by three rounds of interleaving.
template <Store store>
__attribute__((target("avx2"))) std::size_t unshuffle8_avx2(const std::byte* in, std::byte* out, std::size_t count) {
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a[8];
    for (std::size_t k = 0; k < 8; ++k) a[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k * count + i));
    __m256i b[8];
    for (std::size_t k = 0; k < 4; ++k) {  // pairs of planes k, k + 4 → after three rounds in order
      b[2 * k] = _mm256_unpacklo_epi8(a[k], a[k + 4]);
      b[2 * k + 1] = _mm256_unpackhi_epi8(a[k], a[k + 4]);
    }
    // b: (0,4) lo hi, (1,5) lo hi, (2,6) lo hi, (3,7) lo hi
    __m256i c[8];
    for (std::size_t h = 0; h < 2; ++h) {
      c[4 * h] = _mm256_unpacklo_epi8(b[h], b[4 + h]);  // 0 2 4 6
      c[4 * h + 1] = _mm256_unpackhi_epi8(b[h], b[4 + h]);
      c[4 * h + 2] = _mm256_unpacklo_epi8(b[2 + h], b[6 + h]);  // 1 3 5 7
      c[4 * h + 3] = _mm256_unpackhi_epi8(b[2 + h], b[6 + h]);
    }
    __m256i d[8];  // d[j]: elements 2j, 2j + 1 of the low half, the same of the high half
    for (std::size_t h = 0; h < 2; ++h) {
      d[4 * h] = _mm256_unpacklo_epi8(c[4 * h], c[4 * h + 2]);
      d[4 * h + 1] = _mm256_unpackhi_epi8(c[4 * h], c[4 * h + 2]);
      d[4 * h + 2] = _mm256_unpacklo_epi8(c[4 * h + 1], c[4 * h + 3]);
      d[4 * h + 3] = _mm256_unpackhi_epi8(c[4 * h + 1], c[4 * h + 3]);
    }
    std::byte* to = out + i * 8;
    for (std::size_t j = 0; j < 4; ++j) {
      const __m256i low = _mm256_permute2x128_si256(d[2 * j], d[2 * j + 1], 0x20);
      const __m256i high = _mm256_permute2x128_si256(d[2 * j], d[2 * j + 1], 0x31);
      put<store>(to + 32 * j, low);
      put<store>(to + 128 + 32 * j, high);
    }
  }
  if constexpr (store == Store::streamed) _mm_sfence();
  return i;
}

// The way back: 32 elements of 8 bytes → 32 bytes of each plane.
__attribute__((target("avx2"))) std::size_t shuffle8_avx2(const std::byte* in, std::byte* out, std::size_t count) {
  // Within 16 bytes: bytes of equal significance of two elements side by side.
  const __m256i pairs = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,  //
                                         0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a[8];  // a[j]: elements 2j, 2j + 1 in the low half, 16 + 2j, 17 + 2j in the high half
    for (std::size_t j = 0; j < 8; ++j) {
      const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + (i + 2 * j) * 8));
      const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + (i + 16 + 2 * j) * 8));
      a[j] = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), pairs);
    }
    __m256i b[8];  // 4 elements of planes 0–3, of planes 4–7
    for (std::size_t j = 0; j < 4; ++j) {
      b[2 * j] = _mm256_unpacklo_epi16(a[2 * j], a[2 * j + 1]);
      b[2 * j + 1] = _mm256_unpackhi_epi16(a[2 * j], a[2 * j + 1]);
    }
    __m256i c[8];  // 8 elements of planes 0–1, 2–3, 4–5, 6–7
    for (std::size_t j = 0; j < 2; ++j) {
      c[4 * j] = _mm256_unpacklo_epi32(b[4 * j], b[4 * j + 2]);
      c[4 * j + 1] = _mm256_unpackhi_epi32(b[4 * j], b[4 * j + 2]);
      c[4 * j + 2] = _mm256_unpacklo_epi32(b[4 * j + 1], b[4 * j + 3]);
      c[4 * j + 3] = _mm256_unpackhi_epi32(b[4 * j + 1], b[4 * j + 3]);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const __m256i even = _mm256_unpacklo_epi64(c[k], c[4 + k]);
      const __m256i odd = _mm256_unpackhi_epi64(c[k], c[4 + k]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (2 * k) * count + i), even);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (2 * k + 1) * count + i), odd);
    }
  }
  return i;
}

__attribute__((target("avx2"))) std::size_t unshuffle4_avx2(const std::byte* in, std::byte* out, std::size_t count) {
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a[4];
    for (std::size_t k = 0; k < 4; ++k) a[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k * count + i));
    const __m256i b[4] = {_mm256_unpacklo_epi8(a[0], a[2]), _mm256_unpackhi_epi8(a[0], a[2]),
                          _mm256_unpacklo_epi8(a[1], a[3]), _mm256_unpackhi_epi8(a[1], a[3])};
    const __m256i d[4] = {_mm256_unpacklo_epi8(b[0], b[2]), _mm256_unpackhi_epi8(b[0], b[2]),
                          _mm256_unpacklo_epi8(b[1], b[3]), _mm256_unpackhi_epi8(b[1], b[3])};
    auto* to = reinterpret_cast<__m256i*>(out + i * 4);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(d[0], d[1], 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(d[2], d[3], 0x20));
    _mm256_storeu_si256(to + 2, _mm256_permute2x128_si256(d[0], d[1], 0x31));
    _mm256_storeu_si256(to + 3, _mm256_permute2x128_si256(d[2], d[3], 0x31));
  }
  return i;
}

__attribute__((target("avx2"))) std::size_t shuffle4_avx2(const std::byte* in, std::byte* out, std::size_t count) {
  const __m256i planes = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                          0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a[4];  // a[j]: elements 4j … in the low half, 16 + 4j … in the high half
    for (std::size_t j = 0; j < 4; ++j) {
      const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + (i + 4 * j) * 4));
      const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + (i + 16 + 4 * j) * 4));
      a[j] = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), planes);
    }
    const __m256i b[4] = {_mm256_unpacklo_epi32(a[0], a[1]), _mm256_unpackhi_epi32(a[0], a[1]),
                          _mm256_unpacklo_epi32(a[2], a[3]), _mm256_unpackhi_epi32(a[2], a[3])};
    for (std::size_t h = 0; h < 2; ++h) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (2 * h) * count + i), _mm256_unpacklo_epi64(b[h], b[2 + h]));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (2 * h + 1) * count + i),
                          _mm256_unpackhi_epi64(b[h], b[2 + h]));
    }
  }
  return i;
}

/// 8 rows of 16 bytes ↔ 16 rows of 8 bytes, for elements of any size ≥ 8 (texts): 8 planes at a time, the last 8 of
/// them once more where the size is no multiple of 8. SSE2, which every x86-64 has.
void transpose8x16(const __m128i in[8], __m128i out[8]) {
  __m128i b[8];
  for (std::size_t k = 0; k < 4; ++k) {
    b[2 * k] = _mm_unpacklo_epi8(in[k], in[k + 4]);
    b[2 * k + 1] = _mm_unpackhi_epi8(in[k], in[k + 4]);
  }
  __m128i c[8];
  for (std::size_t h = 0; h < 2; ++h) {
    c[4 * h] = _mm_unpacklo_epi8(b[h], b[4 + h]);
    c[4 * h + 1] = _mm_unpackhi_epi8(b[h], b[4 + h]);
    c[4 * h + 2] = _mm_unpacklo_epi8(b[2 + h], b[6 + h]);
    c[4 * h + 3] = _mm_unpackhi_epi8(b[2 + h], b[6 + h]);
  }
  for (std::size_t h = 0; h < 2; ++h) {
    out[4 * h] = _mm_unpacklo_epi8(c[4 * h], c[4 * h + 2]);
    out[4 * h + 1] = _mm_unpackhi_epi8(c[4 * h], c[4 * h + 2]);
    out[4 * h + 2] = _mm_unpacklo_epi8(c[4 * h + 1], c[4 * h + 3]);
    out[4 * h + 3] = _mm_unpackhi_epi8(c[4 * h + 1], c[4 * h + 3]);
  }
}

std::size_t unshuffle_wide(const std::byte* in, std::byte* out, Shape shape) {
  std::size_t i = 0;
  for (; i + 16 <= shape.count; i += 16) {
    for (std::size_t group = 0; group < shape.size; group += 8) {
      const std::size_t k = std::min(group, shape.size - 8);
      __m128i rows[8];
      for (std::size_t j = 0; j < 8; ++j) {
        rows[j] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + (k + j) * shape.count + i));
      }
      __m128i pairs[8];
      transpose8x16(rows, pairs);
      for (std::size_t j = 0; j < 8; ++j) {
        std::byte* to = out + (i + 2 * j) * shape.size + k;
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), pairs[j]);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to + shape.size), _mm_unpackhi_epi64(pairs[j], pairs[j]));
      }
    }
  }
  return i;
}

std::size_t shuffle_wide(const std::byte* in, std::byte* out, Shape shape) {
  std::size_t i = 0;
  for (; i + 16 <= shape.count; i += 16) {
    for (std::size_t group = 0; group < shape.size; group += 8) {
      const std::size_t k = std::min(group, shape.size - 8);
      const auto row = [&](std::size_t element) {
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + (i + element) * shape.size + k));
      };
      __m128i a[8];  // bytes of elements j and j + 8 side by side: the same rounds, the other way round
      for (std::size_t j = 0; j < 8; ++j) a[j] = _mm_unpacklo_epi8(row(j), row(j + 8));
      __m128i b[8];
      for (std::size_t j = 0; j < 4; ++j) {
        b[2 * j] = _mm_unpacklo_epi8(a[j], a[j + 4]);
        b[2 * j + 1] = _mm_unpackhi_epi8(a[j], a[j + 4]);
      }
      __m128i c[8];
      for (std::size_t h = 0; h < 2; ++h) {
        c[4 * h] = _mm_unpacklo_epi8(b[h], b[4 + h]);
        c[4 * h + 1] = _mm_unpackhi_epi8(b[h], b[4 + h]);
        c[4 * h + 2] = _mm_unpacklo_epi8(b[2 + h], b[6 + h]);
        c[4 * h + 3] = _mm_unpackhi_epi8(b[2 + h], b[6 + h]);
      }
      for (std::size_t h = 0; h < 2; ++h) {
        const __m128i planes[4] = {_mm_unpacklo_epi8(c[4 * h], c[4 * h + 2]), _mm_unpackhi_epi8(c[4 * h], c[4 * h + 2]),
                                   _mm_unpacklo_epi8(c[4 * h + 1], c[4 * h + 3]),
                                   _mm_unpackhi_epi8(c[4 * h + 1], c[4 * h + 3])};
        for (std::size_t p = 0; p < 4; ++p) {
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (k + 4 * h + p) * shape.count + i), planes[p]);
        }
      }
    }
  }
  return i;
}
#endif

}  // namespace

void shuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out, Simd simd) {
  const Shape shape{in.size() / element_size, element_size};
  std::size_t done = 0;
#if defined(__x86_64__)
  if (simd == Simd::avx2 && element_size == 8) {
    done = shuffle8_avx2(in.data(), out.data(), shape.count);
  } else if (simd == Simd::avx2 && element_size == 4) {
    done = shuffle4_avx2(in.data(), out.data(), shape.count);
  } else if (simd != Simd::none && element_size >= 8) {
    done = shuffle_wide(in.data(), out.data(), shape);
  }
#else
  (void)simd;
#endif
  shuffle_plain(in.data(), out.data(), shape, done);
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(shape.count * element_size), in.end(),
            out.begin() + static_cast<std::ptrdiff_t>(shape.count * element_size));
}

void unshuffle(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out, Simd simd,
               Store store) {
  const Shape shape{in.size() / element_size, element_size};
  std::size_t done = 0;
#if defined(__x86_64__)
  if (simd == Simd::avx2 && element_size == 8) {
    // Streaming wants 16-byte places.
    const bool streamed = store == Store::streamed && reinterpret_cast<std::uintptr_t>(out.data()) % 16 == 0;
    done = streamed ? unshuffle8_avx2<Store::streamed>(in.data(), out.data(), shape.count)
                    : unshuffle8_avx2<Store::cached>(in.data(), out.data(), shape.count);
  } else if (simd == Simd::avx2 && element_size == 4) {
    done = unshuffle4_avx2(in.data(), out.data(), shape.count);
  } else if (simd != Simd::none && element_size >= 8) {
    done = unshuffle_wide(in.data(), out.data(), shape);
  }
#else
  (void)simd;
  (void)store;
#endif
  unshuffle_plain(in.data(), out.data(), shape, done);
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(shape.count * element_size), in.end(),
            out.begin() + static_cast<std::ptrdiff_t>(shape.count * element_size));
}

}  // namespace luban::history::detail
