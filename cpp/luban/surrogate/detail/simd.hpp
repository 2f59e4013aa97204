#pragma once

#include <cstddef>
#include <vector>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/simd.hpp>

namespace luban::surrogate::detail {

/// Packed panels of one block of a matrix product; see multiply_block.
struct ProductBlock {
  std::size_t m, n, k;  ///< C (m, n) += alpha · A (m, k) · B (k, n)
  double alpha;
  const double* a;  ///< element (i, p) at a[i · a_row + p · a_column]
  std::size_t a_row, a_column;
  const double* b;  ///< element (p, j) at b[p · b_row + j · b_column]
  std::size_t b_row, b_column;
  double* c;  ///< column-major
  std::size_t c_stride;
  double* workspace;  ///< product_workspace() doubles, 64-byte aligned
};

/// The hot loops, compiled once per instruction set. All variants compute the same to a few units in the last place.
struct SimdTable {
  SimdLevel level;
  /// y_i = exp(x_i); 0 below −708, finite at most exp(709).
  void (*exp)(std::size_t n, const double* x, double* y);
  /// value = exp(−r2/2). In place allowed.
  void (*rbf)(std::size_t n, const double* r2, double* value);
  /// value = (1 + s + s²/3) exp(−s), s = √(5 r2); slope = d value / d r2. value may be r2; slope may not.
  void (*matern52)(std::size_t n, const double* r2, double* value, double* slope);
  /// out = max(0, norm_i + norm_rows − 2 out): squared distances from inner products, one column.
  void (*distances)(std::size_t n, const double* norms, double norm, double* inner);
  /// One cache block of a product: m ≤ product_rows, k ≤ product_depth, any n.
  void (*multiply_block)(const ProductBlock& block);
  /// Cholesky factor of the lower triangle in place, n ≤ 64. @return false when not positive definite.
  bool (*cholesky_small)(std::size_t n, double* a, std::size_t stride);
  /// X (m, n) := X L⁻ᵀ with L lower (n, n), n ≤ 64.
  void (*solve_right_small)(std::size_t m, std::size_t n, const double* lower, std::size_t lower_stride, double* x,
                            std::size_t x_stride);
};

inline constexpr std::size_t product_rows = 192;   ///< rows of A packed at a time (L2 cache)
inline constexpr std::size_t product_depth = 256;  ///< depth packed at a time (L1 cache)
inline constexpr std::size_t product_columns = 512;
/// Doubles of workspace that multiply_block needs.
inline constexpr std::size_t product_workspace =
    product_depth * (product_rows + 24) + product_depth * (product_columns + 8);

/// The table of a level. @throws ConfigurationError when this machine cannot run it.
[[nodiscard]] LUBAN_SURROGATE_EXPORT const SimdTable& simd_table(SimdLevel level);
/// The table in use: the best this machine runs, or the one LUBAN_SIMD names.
[[nodiscard]] LUBAN_SURROGATE_EXPORT const SimdTable& simd_table();

}  // namespace luban::surrogate::detail
