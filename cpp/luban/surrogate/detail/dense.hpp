#pragma once

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

// Dense linear algebra on column-major matrices through the run-time dispatched loops of simd.hpp. Our own, because
// what is called from many tasks at once must be re-entrant: Debian's serial OpenBLAS is not (its buffer table has no
// lock), and the threaded one starts threads of its own. Recursion to blocks of 64, all else is one product kernel.

enum class Transpose { no, yes };

/// C += alpha · op(A) · op(B); C may be a block of a larger matrix.
LUBAN_SURROGATE_EXPORT void add_product(double alpha, const Eigen::Ref<const Eigen::MatrixXd>& a, Transpose op_a,
                                        const Eigen::Ref<const Eigen::MatrixXd>& b, Transpose op_b,
                                        Eigen::Ref<Eigen::MatrixXd> c);

/// op(A) · op(B)
[[nodiscard]] LUBAN_SURROGATE_EXPORT Eigen::MatrixXd product(const Eigen::Ref<const Eigen::MatrixXd>& a, Transpose op_a,
                                                             const Eigen::Ref<const Eigen::MatrixXd>& b,
                                                             Transpose op_b);

/// Lower triangle of A · Aᵀ; what stands above the diagonal is undefined.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Eigen::MatrixXd self_product_lower(const Eigen::MatrixXd& a);

/// Cholesky factor of the lower triangle, in place; above the diagonal nothing is read and scratch may be left.
/// @return false when the matrix is not positive definite (the content is then undefined).
[[nodiscard]] LUBAN_SURROGATE_EXPORT bool cholesky_lower(Eigen::Ref<Eigen::MatrixXd> a);

/// X := X · L⁻ᵀ, L lower triangular.
LUBAN_SURROGATE_EXPORT void solve_right_transposed(const Eigen::Ref<const Eigen::MatrixXd>& lower,
                                                   Eigen::Ref<Eigen::MatrixXd> x);

/// Lower triangle of (L Lᵀ)⁻¹ from the Cholesky factor; above the diagonal is undefined. `out` keeps its memory.
LUBAN_SURROGATE_EXPORT void inverse_lower_from_cholesky(const Eigen::MatrixXd& lower, Eigen::MatrixXd& out);

/// The same, whole and symmetric.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Eigen::MatrixXd inverse_from_cholesky(const Eigen::MatrixXd& lower);

/// Aᵀ X for few columns X; each column's sums are the same whatever columns are beside it.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Eigen::MatrixXd few_products(const Eigen::MatrixXd& a, const Eigen::MatrixXd& x);

/// Copies the lower triangle above the diagonal.
LUBAN_SURROGATE_EXPORT void mirror_lower(Eigen::MatrixXd& a);

}  // namespace luban::surrogate::detail
