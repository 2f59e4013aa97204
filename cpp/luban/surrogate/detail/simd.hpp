#pragma once

#include <cstddef>
#include <vector>

#include <luban/surrogate/export.hpp>
#include <luban/surrogate/simd.hpp>

namespace luban::surrogate::detail {

/// A matrix product; see multiply.
struct ProductBlock {
  std::size_t m, n, k;  ///< C (m, n) += alpha · A (m, k) · B (k, n)
  double alpha;
  const double* a;  ///< element (i, p) at a[i · a_row + p · a_column]
  std::size_t a_row, a_column;
  const double* b;  ///< element (p, j) at b[p · b_row + j · b_column]
  std::size_t b_row, b_column;
  double* c;  ///< column-major
  std::size_t c_stride;
  double* workspace;  ///< product_workspace doubles, 64-byte aligned
};

/// The hot loops, compiled once per instruction set. All variants compute the same to a few units in the last place.
struct SimdTable {
  SimdLevel level;
  /// y_i = exp(x_i); 0 below −708, finite at most exp(709).
  void (*exp)(std::size_t n, const double* x, double* y);
  // Kernels of squared distance; value may be r2, slope may not and is d value / d r2. Below 1e-43 both are 0.
  void (*rbf)(std::size_t n, const double* r2, double* value);                      ///< exp(−r2/2)
  void (*matern12)(std::size_t n, const double* r2, double* value, double* slope);  ///< exp(−r); slope 0 at 0
  void (*matern32)(std::size_t n, const double* r2, double* value, double* slope);  ///< (1 + s) exp(−s), s = √(3 r2)
  void (*matern52)(std::size_t n, const double* r2, double* value, double* slope);  ///< (1 + s + s²/3) e⁻ˢ, s = √(5 r2)
  // Over n points of c coordinates, coordinate k of point i at z[i + k · stride], against one point `here` (c):
  /// out_i = Σ_k (z_ik − here_k)²
  void (*squared_distances)(std::size_t n, std::size_t c, const double* z, std::size_t stride, const double* here,
                            double* out);
  /// m_i = w_i slope_i, w_i = a α_i − inverse_i, w_0 half of that. @return Σ_i w_i value_i.
  double (*weigh)(std::size_t n, double a, const double* alpha, const double* inverse, const double* value,
                  const double* slope, double* m);
  /// out_k += Σ_i m_i (z_ik − here_k)²
  void (*spread)(std::size_t n, std::size_t c, const double* z, std::size_t stride, const double* here, const double* m,
                 double* out);
  /// out_k += Σ_i m_i (here_k − z_ik)
  void (*pull)(std::size_t n, std::size_t c, const double* z, std::size_t stride, const double* here, const double* m,
               double* out);
  /// Y (p, q) = Aᵀ X, A (n, p) and X (n, q) column-major: for few columns q, where packing would cost more than it
  /// saves. Each entry is summed in an order of its own n alone.
  void (*few_products)(std::size_t n, std::size_t p, std::size_t q, const double* a, std::size_t a_stride,
                       const double* x, std::size_t x_stride, double* y, std::size_t y_stride);
  /// Product of matrices of any size, in blocks that stay in the caches.
  void (*multiply)(const ProductBlock& block);
  // Small factorisations, n ≤ factor_size; only lower triangles are read and written, `workspace` is that of
  // multiply.
  /// X (m, n) := X L⁻ᵀ with L lower (n, n), any m.
  void (*solve_right_small)(std::size_t m, std::size_t n, const double* lower, std::size_t lower_stride, double* x,
                            std::size_t x_stride, double* workspace);
  void (*invert_lower_small)(std::size_t n, double* a, std::size_t stride, double* workspace);  ///< L := L⁻¹
  void (*square_lower_small)(std::size_t n, double* a, std::size_t stride, double* workspace);  ///< L := Lᵀ L
  // The Cholesky factor L of A and (L Lᵀ)⁻¹ in pieces, those of a kind side by side if wanted: no entry depends on
  // where they end. L and Y are padded copies of padded_doubles(n) each. `first` is a multiple of the tile that is
  // named, and so is `end`, unless it is n.
  void (*pad_lower)(std::size_t n, const double* a, std::size_t stride, double* l);
  void (*unpad_lower)(std::size_t n, const double* l, double* a, std::size_t stride);
  /// Columns [first, end), by tile_columns, of the factor in place of the padded A, those before them being there:
  /// their rows above `end`. @return false when not positive definite.
  bool (*factor_diagonal)(std::size_t n, double* l, std::size_t first, std::size_t end);
  /// The same columns of the rows [from, to): whole tile_rows after `end`, or up to n.
  void (*factor_strips)(std::size_t n, double* l, std::size_t first, std::size_t end, std::size_t from, std::size_t to);
  /// Rows [first, end), by tile_rows, of Y = L⁻ᵀ.
  void (*invert_strips)(std::size_t n, const double* l, double* y, std::size_t first, std::size_t end);
  /// Columns [first, end), by tile_columns, of the lower triangle of A = Y Yᵀ.
  void (*square_columns)(std::size_t n, const double* y, double* a, std::size_t stride, std::size_t first,
                         std::size_t end);
  std::size_t tile_rows, tile_columns;
};

inline constexpr std::size_t product_rows = 192;   ///< rows of A packed at a time (L2 cache)
inline constexpr std::size_t product_depth = 256;  ///< depth packed at a time (L1 cache)
inline constexpr std::size_t product_columns = 512;
inline constexpr std::size_t factor_size = 1024;  ///< largest matrix of the small factorisations
/// Doubles of a padded copy of a matrix (n, n), whatever the tiles.
[[nodiscard]] constexpr std::size_t padded_doubles(std::size_t n) {
  return (n + 40) * (n + 8);
}
/// Doubles of workspace that multiply and the small factorisations need.
inline constexpr std::size_t product_workspace = 2 * padded_doubles(factor_size);
static_assert(product_workspace >= product_depth * (product_rows + 24) + product_depth * (product_columns + 8));

/// The table of a level. @throws ConfigurationError when this machine cannot run it.
[[nodiscard]] LUBAN_SURROGATE_EXPORT const SimdTable& simd_table(SimdLevel level);
/// The table in use: the best this machine runs, or the one LUBAN_SIMD names.
[[nodiscard]] LUBAN_SURROGATE_EXPORT const SimdTable& simd_table();

}  // namespace luban::surrogate::detail
