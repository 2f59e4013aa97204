// No include guard: included once by each variant.
// The hot loops, compiled once per instruction set by simd_<level>.cpp, which sets LUBAN_SIMD_LEVEL and
// LUBAN_SIMD_WIDTH (doubles per register). Everything here has internal linkage and no inline
// function of another header is used: a function compiled for AVX-512 must never be the copy that the linker keeps for
// all.
#include <cstddef>
#include <cstdint>

#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {
namespace {

constexpr std::size_t width = LUBAN_SIMD_WIDTH;
constexpr std::size_t tile_vectors = 3;
constexpr std::size_t tile_rows = tile_vectors * width;
constexpr std::size_t tile_columns = width == 8 ? 8 : 4;
using Vector = double __attribute__((vector_size(LUBAN_SIMD_WIDTH * sizeof(double))));

inline double exp_one(double x) {
  // exp(x) = 2^n exp(r), |r| ≤ ln 2 / 2, Taylor polynomial of degree 13 (remainder 4e-18 relative).
  constexpr double shift = 6755399441055744.0;  // 1.5 · 2^52: adding it rounds to an integer in the low bits
  constexpr double log2e = 1.4426950408889634074;
  constexpr double ln2_high = 6.93147180369123816490e-01;
  constexpr double ln2_low = 1.90821492927058770002e-10;
  const double bounded = x > 709.0 ? 709.0 : (x < -708.0 ? -708.0 : x);
  const double t = bounded * log2e + shift;
  const double n = t - shift;
  const double r = (bounded - n * ln2_high) - n * ln2_low;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const std::uint64_t bits = (__builtin_bit_cast(std::uint64_t, t) << 52U) + (std::uint64_t{1023} << 52U);
  const double scaled = p * __builtin_bit_cast(double, bits);
  return x < -708.0 ? 0.0 : scaled;
}

void exp_loop(std::size_t n, const double* x, double* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = exp_one(x[i]);
}

void rbf_loop(std::size_t n, const double* r2, double* value) {
  for (std::size_t i = 0; i < n; ++i) value[i] = exp_one(-0.5 * r2[i]);
}

void matern52_loop(std::size_t n, const double* r2, double* value, double* __restrict slope) {
  for (std::size_t i = 0; i < n; ++i) {
    const double s = __builtin_sqrt(5.0 * r2[i]);
    const double e = exp_one(-s);
    slope[i] = (-5.0 / 6.0) * (1.0 + s) * e;
    value[i] = (1.0 + s + s * s * (1.0 / 3.0)) * e;
  }
}

void distances_loop(std::size_t n, const double* __restrict norms, double norm, double* __restrict inner) {
  for (std::size_t i = 0; i < n; ++i) {
    const double d = norms[i] + norm - 2.0 * inner[i];
    inner[i] = d > 0.0 ? d : 0.0;
  }
}

// Panels of `tile` rows, zero-padded, so that the tile loop has no edges: out[(i / tile) · tile · k + p · tile + i %
// tile].
void pack(std::size_t rows, std::size_t k, std::size_t tile, double scale, const double* in, std::size_t row_step,
          std::size_t column_step, double* __restrict out) {
  for (std::size_t first = 0; first < rows; first += tile) {
    const std::size_t count = rows - first < tile ? rows - first : tile;
    const double* base = in + first * row_step;
    for (std::size_t p = 0; p < k; ++p) {
      const double* column = base + p * column_step;
      if (row_step == 1) {
        for (std::size_t i = 0; i < count; ++i) out[i] = scale * column[i];
      } else {
        for (std::size_t i = 0; i < count; ++i) out[i] = scale * column[i * row_step];
      }
      for (std::size_t i = count; i < tile; ++i) out[i] = 0.0;
      out += tile;
    }
  }
}

inline Vector load(const double* from) {
  Vector v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void store(double* to, Vector v) {
  __builtin_memcpy(to, &v, sizeof v);
}

// C (tile_rows, tile_columns) += A panel · B panel, all accumulators in registers.
void multiply_tile(std::size_t k, const double* __restrict a, const double* __restrict b, double* __restrict c,
                   std::size_t c_stride) {
  Vector sum[tile_columns][tile_vectors] = {};
  for (std::size_t p = 0; p < k; ++p) {
    Vector left[tile_vectors];
#pragma GCC unroll 3
    for (std::size_t v = 0; v < tile_vectors; ++v) left[v] = load(a + v * width);
#pragma GCC unroll 8
    for (std::size_t j = 0; j < tile_columns; ++j) {
#pragma GCC unroll 3
      for (std::size_t v = 0; v < tile_vectors; ++v) sum[j][v] += left[v] * b[j];
    }
    a += tile_rows;
    b += tile_columns;
  }
#pragma GCC unroll 8
  for (std::size_t j = 0; j < tile_columns; ++j) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < tile_vectors; ++v) {
      double* to = c + j * c_stride + v * width;
      store(to, load(to) + sum[j][v]);
    }
  }
}

void multiply_edge(std::size_t k, const double* a, const double* b, double* c, std::size_t c_stride, std::size_t rows,
                   std::size_t columns) {
  double tile[tile_rows * tile_columns] = {};
  multiply_tile(k, a, b, tile, tile_rows);
  for (std::size_t j = 0; j < columns; ++j) {
    for (std::size_t i = 0; i < rows; ++i) c[j * c_stride + i] += tile[j * tile_rows + i];
  }
}

void multiply_block_loop(const ProductBlock& block) {
  double* packed_a = block.workspace;
  double* packed_b = block.workspace + product_depth * (product_rows + 24);
  pack(block.m, block.k, tile_rows, block.alpha, block.a, block.a_row, block.a_column, packed_a);
  for (std::size_t first = 0; first < block.n; first += product_columns) {
    const std::size_t columns = block.n - first < product_columns ? block.n - first : product_columns;
    pack(columns, block.k, tile_columns, 1.0, block.b + first * block.b_column, block.b_column, block.b_row, packed_b);
    for (std::size_t j = 0; j < columns; j += tile_columns) {
      for (std::size_t i = 0; i < block.m; i += tile_rows) {
        double* c = block.c + (first + j) * block.c_stride + i;
        const double* a = packed_a + i * block.k;
        const double* b = packed_b + j * block.k;
        if (i + tile_rows <= block.m && j + tile_columns <= columns) {
          multiply_tile(block.k, a, b, c, block.c_stride);
        } else {
          multiply_edge(block.k, a, b, c, block.c_stride, block.m - i < tile_rows ? block.m - i : tile_rows,
                        columns - j < tile_columns ? columns - j : tile_columns);
        }
      }
    }
  }
}

bool cholesky_small_loop(std::size_t n, double* a, std::size_t stride) {
  for (std::size_t j = 0; j < n; ++j) {
    double* __restrict column = a + j * stride;
    for (std::size_t k = 0; k < j; ++k) {
      const double* __restrict earlier = a + k * stride;
      const double factor = earlier[j];
      for (std::size_t i = j; i < n; ++i) column[i] -= factor * earlier[i];
    }
    const double pivot = column[j];
    if (!(pivot > 0.0)) return false;  // NaN included
    const double root = __builtin_sqrt(pivot);
    const double inverse = 1.0 / root;
    column[j] = root;
    for (std::size_t i = j + 1; i < n; ++i) column[i] *= inverse;
  }
  return true;
}

void solve_right_small_loop(std::size_t m, std::size_t n, const double* lower, std::size_t lower_stride, double* x,
                            std::size_t x_stride) {
  constexpr std::size_t strip = 64;  // strip · n doubles stay in the L1 cache
  for (std::size_t first = 0; first < m; first += strip) {
    const std::size_t rows = m - first < strip ? m - first : strip;
    for (std::size_t j = 0; j < n; ++j) {
      double* __restrict column = x + j * x_stride + first;
      for (std::size_t k = 0; k < j; ++k) {
        const double* __restrict earlier = x + k * x_stride + first;
        const double factor = lower[k * lower_stride + j];
        for (std::size_t i = 0; i < rows; ++i) column[i] -= factor * earlier[i];
      }
      const double inverse = 1.0 / lower[j * lower_stride + j];
      for (std::size_t i = 0; i < rows; ++i) column[i] *= inverse;
    }
  }
}

constexpr SimdTable loops{SimdLevel::LUBAN_SIMD_LEVEL,
                          exp_loop,
                          rbf_loop,
                          matern52_loop,
                          distances_loop,
                          multiply_block_loop,
                          cholesky_small_loop,
                          solve_right_small_loop};

}  // namespace
}  // namespace luban::surrogate::detail
