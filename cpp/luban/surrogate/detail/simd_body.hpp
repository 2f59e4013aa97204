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

// exp of a kernel: what is below 1e-43 of the variance is nothing, and would drag subnormal numbers, which processors
// handle slowly, through every product.
inline double exp_or_nothing(double x) {
  const double e = exp_one(x);
  return x < -100.0 ? 0.0 : e;
}

void rbf_loop(std::size_t n, const double* r2, double* value) {
  for (std::size_t i = 0; i < n; ++i) value[i] = exp_or_nothing(-0.5 * r2[i]);
}

void matern12_loop(std::size_t n, const double* r2, double* value, double* __restrict slope) {
  for (std::size_t i = 0; i < n; ++i) {
    const double r = __builtin_sqrt(r2[i]);
    const double e = exp_or_nothing(-r);
    slope[i] = r > 0.0 ? -0.5 * e / r : 0.0;
    value[i] = e;
  }
}

void matern32_loop(std::size_t n, const double* r2, double* value, double* __restrict slope) {
  for (std::size_t i = 0; i < n; ++i) {
    const double s = __builtin_sqrt(3.0 * r2[i]);
    const double e = exp_or_nothing(-s);
    slope[i] = -1.5 * e;
    value[i] = (1.0 + s) * e;
  }
}

void matern52_loop(std::size_t n, const double* r2, double* value, double* __restrict slope) {
  for (std::size_t i = 0; i < n; ++i) {
    const double s = __builtin_sqrt(5.0 * r2[i]);
    const double e = exp_or_nothing(-s);
    slope[i] = (-5.0 / 6.0) * (1.0 + s) * e;
    value[i] = (1.0 + s + s * s * (1.0 / 3.0)) * e;
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

inline double sum_of(Vector v) {
  double sum = 0.0;
  for (std::size_t i = 0; i < width; ++i) sum += v[i];
  return sum;
}

void squared_distances_loop(std::size_t n, std::size_t c, const double* __restrict z, std::size_t stride,
                            const double* __restrict here, double* __restrict out) {
  constexpr std::size_t block = 4 * width;  // sums stay in registers while the coordinates pass
  std::size_t i = 0;
  for (; i + block <= n; i += block) {
    Vector sum[4] = {};
    for (std::size_t k = 0; k < c; ++k) {
      for (std::size_t v = 0; v < 4; ++v) {
        const Vector d = load(z + k * stride + i + v * width) - here[k];
        sum[v] += d * d;
      }
    }
    for (std::size_t v = 0; v < 4; ++v) store(out + i + v * width, sum[v]);
  }
  for (std::size_t left = i; left < n; ++left) out[left] = 0.0;
  for (std::size_t k = 0; k < c; ++k) {
    for (std::size_t left = i; left < n; ++left) {
      const double d = z[k * stride + left] - here[k];
      out[left] += d * d;
    }
  }
}

double weigh_loop(std::size_t n, double a, const double* __restrict alpha, const double* __restrict inverse,
                  const double* __restrict value, const double* slope, double* __restrict m) {
  Vector sum[2] = {};
  std::size_t i = 0;
  for (; i + 2 * width <= n; i += 2 * width) {
    for (std::size_t v = 0; v < 2; ++v) {
      const std::size_t at = i + v * width;
      const Vector w = a * load(alpha + at) - load(inverse + at);
      sum[v] += w * load(value + at);
      store(m + at, w * load(slope + at));
    }
  }
  double total = sum_of(sum[0] + sum[1]);
  for (; i < n; ++i) {
    const double w = a * alpha[i] - inverse[i];
    total += w * value[i];
    m[i] = w * slope[i];
  }
  const double own = 0.5 * (a * alpha[0] - inverse[0]);
  m[0] = own * slope[0];
  return total - own * value[0];
}

void spread_loop(std::size_t n, std::size_t c, const double* __restrict z, std::size_t stride,
                 const double* __restrict here, const double* __restrict m, double* __restrict out) {
  for (std::size_t k = 0; k < c; ++k) {
    const double* column = z + k * stride;
    Vector sum[2] = {};
    std::size_t i = 0;
    for (; i + 2 * width <= n; i += 2 * width) {
      for (std::size_t v = 0; v < 2; ++v) {
        const Vector d = load(column + i + v * width) - here[k];
        sum[v] += load(m + i + v * width) * d * d;
      }
    }
    double total = sum_of(sum[0] + sum[1]);
    for (; i < n; ++i) {
      const double d = column[i] - here[k];
      total += m[i] * d * d;
    }
    out[k] += total;
  }
}

void pull_loop(std::size_t n, std::size_t c, const double* __restrict z, std::size_t stride,
               const double* __restrict here, const double* __restrict m, double* __restrict out) {
  for (std::size_t k = 0; k < c; ++k) {
    const double* column = z + k * stride;
    Vector sum[2] = {};
    std::size_t i = 0;
    for (; i + 2 * width <= n; i += 2 * width) {
      for (std::size_t v = 0; v < 2; ++v) {
        sum[v] += load(m + i + v * width) * (here[k] - load(column + i + v * width));
      }
    }
    double total = sum_of(sum[0] + sum[1]);
    for (; i < n; ++i) total += m[i] * (here[k] - column[i]);
    out[k] += total;
  }
}

// Dot products of `rows` columns of A with `columns` columns of X, all sums in registers.
template <std::size_t rows, std::size_t columns>
void dot_tile(std::size_t n, const double* __restrict a, std::size_t a_stride, const double* __restrict x,
              std::size_t x_stride, double* __restrict y, std::size_t y_stride) {
  Vector sum[rows][columns] = {};
  std::size_t i = 0;
  for (; i + width <= n; i += width) {
    Vector right[columns];
#pragma GCC unroll 8
    for (std::size_t j = 0; j < columns; ++j) right[j] = load(x + j * x_stride + i);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < rows; ++r) {
      const Vector left = load(a + r * a_stride + i);
#pragma GCC unroll 8
      for (std::size_t j = 0; j < columns; ++j) sum[r][j] += left * right[j];
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t j = 0; j < columns; ++j) {
      double total = sum_of(sum[r][j]);
      for (std::size_t left = i; left < n; ++left) total += a[r * a_stride + left] * x[j * x_stride + left];
      y[j * y_stride + r] = total;
    }
  }
}

template <std::size_t columns>
void dot_columns(std::size_t n, std::size_t p, const double* a, std::size_t a_stride, const double* x,
                 std::size_t x_stride, double* y, std::size_t y_stride) {
  std::size_t r = 0;
  for (; r + 4 <= p; r += 4) dot_tile<4, columns>(n, a + r * a_stride, a_stride, x, x_stride, y + r, y_stride);
  for (; r < p; ++r) dot_tile<1, columns>(n, a + r * a_stride, a_stride, x, x_stride, y + r, y_stride);
}

void few_products_loop(std::size_t n, std::size_t p, std::size_t q, const double* a, std::size_t a_stride,
                       const double* x, std::size_t x_stride, double* y, std::size_t y_stride) {
  constexpr std::size_t most = width == 8 ? 6 : 3;  // 4 · most sums fit into the registers
  constexpr decltype(&dot_columns<1>) by_count[] = {dot_columns<1>, dot_columns<2>, dot_columns<3>,
                                                    dot_columns<4>, dot_columns<5>, dot_columns<6>};
  for (std::size_t j = 0; j < q; j += most) {
    const std::size_t count = q - j < most ? q - j : most;
    by_count[count - 1](n, p, a, a_stride, x + j * x_stride, x_stride, y + j * y_stride, y_stride);
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

// One packed block of A (m, k) times the packed columns of B.
void multiply_packed(const ProductBlock& block, std::size_t k, std::size_t m, std::size_t columns, const double* a,
                     const double* b, double* c) {
  for (std::size_t j = 0; j < columns; j += tile_columns) {
    for (std::size_t i = 0; i < m; i += tile_rows) {
      double* tile = c + j * block.c_stride + i;
      if (i + tile_rows <= m && j + tile_columns <= columns) {
        multiply_tile(k, a + i * k, b + j * k, tile, block.c_stride);
      } else {
        multiply_edge(k, a + i * k, b + j * k, tile, block.c_stride, m - i < tile_rows ? m - i : tile_rows,
                      columns - j < tile_columns ? columns - j : tile_columns);
      }
    }
  }
}

void multiply_loop(const ProductBlock& block) {
  double* packed_a = block.workspace;
  double* packed_b = block.workspace + product_depth * (product_rows + 24);
  for (std::size_t first = 0; first < block.n; first += product_columns) {
    const std::size_t columns = block.n - first < product_columns ? block.n - first : product_columns;
    for (std::size_t p = 0; p < block.k; p += product_depth) {
      const std::size_t depth = block.k - p < product_depth ? block.k - p : product_depth;
      pack(columns, depth, tile_columns, 1.0, block.b + p * block.b_row + first * block.b_column, block.b_column,
           block.b_row, packed_b);
      for (std::size_t i = 0; i < block.m; i += product_rows) {
        const std::size_t rows = block.m - i < product_rows ? block.m - i : product_rows;
        pack(rows, depth, tile_rows, block.alpha, block.a + i * block.a_row + p * block.a_column, block.a_row,
             block.a_column, packed_a);
        multiply_packed(block, depth, rows, columns, packed_a, packed_b, block.c + first * block.c_stride + i);
      }
    }
  }
}

// The factorisations below work on copies padded to whole tiles, so that no loop has edges. P and Q hold a column per
// k; what is summed is P(i, k) Q(j, k), which serves Cholesky, triangular solves, inverses and squares alike.
using Tile = Vector[tile_columns][tile_vectors];

constexpr std::size_t padded_columns(std::size_t n) {
  return (n + tile_columns - 1) / tile_columns * tile_columns;
}

// Rows of a padded copy: no multiple of 16 doubles, lest columns share their places in the cache.
constexpr std::size_t padded(std::size_t n) {
  const std::size_t rows = padded_columns(n) + tile_rows;
  return rows % 16 == 0 ? rows + 8 : rows;
}

// tile −= Σ_{first ≤ k < end} P(rows, k) Q(columns, k); p and q point at k = 0.
inline void subtract_products(std::size_t first, std::size_t end, const double* __restrict p, std::size_t p_stride,
                              const double* __restrict q, std::size_t q_stride, Tile& tile) {
  for (std::size_t k = first; k < end; ++k) {
    Vector left[tile_vectors];
#pragma GCC unroll 3
    for (std::size_t v = 0; v < tile_vectors; ++v) left[v] = load(p + k * p_stride + v * width);
#pragma GCC unroll 8
    for (std::size_t j = 0; j < tile_columns; ++j) {
#pragma GCC unroll 3
      for (std::size_t v = 0; v < tile_vectors; ++v) tile[j][v] -= left[v] * q[k * q_stride + j];
    }
  }
}

inline void load_tile(const double* from, std::size_t stride, Tile& tile) {
#pragma GCC unroll 8
  for (std::size_t j = 0; j < tile_columns; ++j) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < tile_vectors; ++v) tile[j][v] = load(from + j * stride + v * width);
  }
}

inline void store_tile(const Tile& tile, double* to, std::size_t stride) {
#pragma GCC unroll 8
  for (std::size_t j = 0; j < tile_columns; ++j) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < tile_vectors; ++v) store(to + j * stride + v * width, tile[j][v]);
  }
}

// The first `count` rows of a tile.
inline void store_rows(const Tile& tile, std::size_t count, double* to, std::size_t stride) {
  double whole[tile_rows * tile_columns];
  store_tile(tile, whole, tile_rows);
  for (std::size_t j = 0; j < tile_columns; ++j) {
    for (std::size_t i = 0; i < count; ++i) to[j * stride + i] = whole[j * tile_rows + i];
  }
}

// tile := tile · L⁻ᵀ, L the lower triangle of one diagonal block; `inverse` holds 1 / its diagonal.
inline void solve_tile(const double* __restrict lower, std::size_t stride, const double* __restrict inverse,
                       Tile& tile) {
#pragma GCC unroll 8
  for (std::size_t j = 0; j < tile_columns; ++j) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < j; ++k) {
#pragma GCC unroll 3
      for (std::size_t v = 0; v < tile_vectors; ++v) tile[j][v] -= tile[k][v] * lower[k * stride + j];
    }
#pragma GCC unroll 3
    for (std::size_t v = 0; v < tile_vectors; ++v) tile[j][v] *= inverse[j];
  }
}

// Cholesky factor of one diagonal block in place. @return false when a pivot is not positive (NaN included).
inline bool factor_block(double* block, std::size_t stride, double* inverse) {
  for (std::size_t j = 0; j < tile_columns; ++j) {
    double pivot = block[j * stride + j];
    for (std::size_t k = 0; k < j; ++k) pivot -= block[k * stride + j] * block[k * stride + j];
    if (!(pivot > 0.0)) return false;
    const double root = __builtin_sqrt(pivot);
    inverse[j] = 1.0 / root;
    block[j * stride + j] = root;
    for (std::size_t i = j + 1; i < tile_columns; ++i) {
      double sum = block[j * stride + i];
      for (std::size_t k = 0; k < j; ++k) sum -= block[k * stride + i] * block[k * stride + j];
      block[j * stride + i] = sum * inverse[j];
    }
  }
  return true;
}

// Lower triangle of a (n, n) into a padded copy whose further diagonal is 1 and whose other padding is 0.
double* copy_lower(std::size_t n, const double* a, std::size_t stride, double* to) {
  const std::size_t rows = padded(n);
  const std::size_t columns = padded_columns(n);
  for (std::size_t j = 0; j < columns; ++j) {
    double* column = to + j * rows;
    for (std::size_t i = 0; i < j; ++i) column[i] = 0.0;
    for (std::size_t i = j; i < n; ++i) column[i] = a[j * stride + i];
    for (std::size_t i = n > j ? n : j; i < rows; ++i) column[i] = 0.0;
    if (j >= n) column[j] = 1.0;
  }
  return to + rows * columns;
}

void pad_lower_loop(std::size_t n, const double* a, std::size_t stride, double* to) {
  copy_lower(n, a, stride, to);
}

// Columns [first, end) of the Cholesky factor in place of the padded L, its columns before them being there: their rows
// above `end`. @return false when not positive definite.
bool factor_diagonal_loop(std::size_t n, double* l, std::size_t first, std::size_t end) {
  const std::size_t rows = padded(n);
  double inverse[tile_columns];
  for (std::size_t j = first; j < end; j += tile_columns) {
    double* const diagonal = l + j * rows + j;
    for (std::size_t i = j; i < end; i += tile_rows) {
      const bool whole = i + tile_rows <= end || end >= n;  // else rows from `end` on are not for us
      Tile tile;
      load_tile(l + j * rows + i, rows, tile);
      subtract_products(0, j, l + i, rows, l + j, rows, tile);
      if (i == j) {
        whole ? store_tile(tile, diagonal, rows) : store_rows(tile, end - i, diagonal, rows);
        if (!factor_block(diagonal, rows, inverse)) return false;
      }
      solve_tile(diagonal, rows, inverse, tile);
      whole ? store_tile(tile, l + j * rows + i, rows) : store_rows(tile, end - i, l + j * rows + i, rows);
    }
  }
  return true;
}

// The same columns of the rows [from, to), whole tiles from `end` on.
void factor_strips_loop(std::size_t n, double* l, std::size_t first, std::size_t end, std::size_t from,
                        std::size_t to) {
  const std::size_t rows = padded(n);
  for (std::size_t j = first; j < end; j += tile_columns) {
    double inverse[tile_columns];
    for (std::size_t k = 0; k < tile_columns; ++k) inverse[k] = 1.0 / l[(j + k) * rows + j + k];
    for (std::size_t i = from; i < to; i += tile_rows) {
      Tile tile;
      load_tile(l + j * rows + i, rows, tile);
      subtract_products(0, j, l + i, rows, l + j, rows, tile);
      solve_tile(l + j * rows + j, rows, inverse, tile);
      store_tile(tile, l + j * rows + i, rows);
    }
  }
}

void unpad_lower_loop(std::size_t n, const double* l, double* a, std::size_t stride) {
  const std::size_t rows = padded(n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) a[j * stride + i] = l[j * rows + i];
  }
}

void solve_right_small_loop(std::size_t m, std::size_t n, const double* lower, std::size_t lower_stride, double* x,
                            std::size_t x_stride, double* workspace) {
  double* const l = workspace;
  double* const strip = copy_lower(n, lower, lower_stride, l);  // tile_rows rows of X at a time
  const std::size_t rows = padded(n);
  const std::size_t columns = padded_columns(n);
  for (std::size_t i = 0; i < m; i += tile_rows) {
    const std::size_t count = m - i < tile_rows ? m - i : tile_rows;
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t r = 0; r < tile_rows; ++r) {
        strip[j * tile_rows + r] = j < n && r < count ? x[j * x_stride + i + r] : 0.0;
      }
    }
    for (std::size_t j = 0; j < n; j += tile_columns) {
      double inverse[tile_columns];
      for (std::size_t k = 0; k < tile_columns; ++k) inverse[k] = 1.0 / l[(j + k) * rows + j + k];
      Tile tile;
      load_tile(strip + j * tile_rows, tile_rows, tile);
      subtract_products(0, j, strip, tile_rows, l + j, rows, tile);
      solve_tile(l + j * rows + j, rows, inverse, tile);
      store_tile(tile, strip + j * tile_rows, tile_rows);
    }
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t r = 0; r < count; ++r) x[j * x_stride + i + r] = strip[j * tile_rows + r];
    }
  }
}

// Rows [first, end), whole tiles, of Y = L⁻ᵀ, upper triangular, from the padded L; both padded alike.
void invert_strips_loop(std::size_t n, const double* l, double* y, std::size_t first, std::size_t end) {
  const std::size_t rows = padded(n);
  const std::size_t columns = padded_columns(n);
  const std::size_t last = end < n ? end : rows;
  for (std::size_t j = 0; j < columns; ++j) {
    for (std::size_t i = first; i < last; ++i) y[j * rows + i] = i == j && j < n ? 1.0 : 0.0;
  }
  for (std::size_t j = first / tile_columns * tile_columns; j < n; j += tile_columns) {
    double inverse[tile_columns];
    for (std::size_t k = 0; k < tile_columns; ++k) inverse[k] = 1.0 / l[(j + k) * rows + j + k];
    for (std::size_t i = first; i < end && i < j + tile_columns; i += tile_rows) {
      Tile tile;
      load_tile(y + j * rows + i, rows, tile);
      subtract_products(i, j, y + i, rows, l + j, rows, tile);
      solve_tile(l + j * rows + j, rows, inverse, tile);
      store_tile(tile, y + j * rows + i, rows);
    }
  }
}

// Columns [first, end), whole tiles, of the lower triangle of Y Yᵀ into a, Y upper triangular and padded.
void square_columns_loop(std::size_t n, const double* y, double* a, std::size_t stride, std::size_t first,
                         std::size_t end) {
  const std::size_t rows = padded(n);
  const std::size_t columns = padded_columns(n);
  for (std::size_t j = first; j < end && j < n; j += tile_columns) {
    for (std::size_t i = j; i < n; i += tile_rows) {
      Tile tile = {};
      subtract_products(i, columns, y + i, rows, y + j, rows, tile);
      double out[tile_rows * tile_columns];
      store_tile(tile, out, tile_rows);
      const std::size_t count = n - i < tile_rows ? n - i : tile_rows;
      for (std::size_t c = 0; c < tile_columns && j + c < n; ++c) {
        for (std::size_t r = i < j + c ? j + c - i : 0; r < count; ++r) {
          a[(j + c) * stride + i + r] = -out[c * tile_rows + r];
        }
      }
    }
  }
}

void invert_lower_small_loop(std::size_t n, double* a, std::size_t stride, double* workspace) {
  double* const y = copy_lower(n, a, stride, workspace);
  invert_strips_loop(n, workspace, y, 0, n);
  const std::size_t rows = padded(n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) a[j * stride + i] = y[i * rows + j];
  }
}

void square_lower_small_loop(std::size_t n, double* a, std::size_t stride, double* workspace) {
  const std::size_t rows = padded(n);
  for (std::size_t k = 0; k < rows * padded_columns(n); ++k) workspace[k] = 0.0;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) workspace[i * rows + j] = a[j * stride + i];
  }
  square_columns_loop(n, workspace, a, stride, 0, n);
}

constexpr SimdTable loops{SimdLevel::LUBAN_SIMD_LEVEL,
                          exp_loop,
                          rbf_loop,
                          matern12_loop,
                          matern32_loop,
                          matern52_loop,
                          squared_distances_loop,
                          weigh_loop,
                          spread_loop,
                          pull_loop,
                          few_products_loop,
                          multiply_loop,
                          solve_right_small_loop,
                          invert_lower_small_loop,
                          square_lower_small_loop,
                          pad_lower_loop,
                          unpad_lower_loop,
                          factor_diagonal_loop,
                          factor_strips_loop,
                          invert_strips_loop,
                          square_columns_loop,
                          tile_rows,
                          tile_columns};

}  // namespace
}  // namespace luban::surrogate::detail
