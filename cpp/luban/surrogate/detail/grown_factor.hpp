#pragma once

#include <memory>
#include <optional>

#include <Eigen/Core>

#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Cholesky factor L and inverse of a covariance C that grows by rows: what was factorised at once is shared by all
/// that grew from it, what was added since is kept beside it,
///   L = [L₀ 0; Rᵀ D],  C⁻¹ = [C₀⁻¹ 0; 0 0] + G Gᵀ,
/// so that a row costs two substitutions and no copy of a matrix. Whole matrices are made when somebody asks. Const and
/// thread-safe.
class LUBAN_SURROGATE_EXPORT GrownFactor {
 public:
  GrownFactor() = default;
  /// @param lower zero above the diagonal.
  GrownFactor(Eigen::MatrixXd lower, Eigen::MatrixXd inverse);

  [[nodiscard]] Eigen::Index rows() const noexcept { return base_rows_ + added(); }
  [[nodiscard]] Eigen::Index added() const noexcept { return own_.rows(); }  ///< since the whole factorisation
  [[nodiscard]] double log_determinant() const;                              ///< of C
  [[nodiscard]] const Eigen::MatrixXd& lower() const;                        ///< whole, zero above the diagonal
  [[nodiscard]] const Eigen::MatrixXd& inverse() const;                      ///< whole
  /// X L⁻ᵀ, (q, n).
  [[nodiscard]] Eigen::MatrixXd half_solve_right(Eigen::MatrixXd x) const;
  /// L⁻¹ x and L⁻ᵀ x, (n, q).
  [[nodiscard]] Eigen::MatrixXd half_solve(Eigen::MatrixXd x) const;
  [[nodiscard]] Eigen::MatrixXd half_solve_transposed(Eigen::MatrixXd x) const;
  /// C⁻¹ cross, (n, q), by the inverse.
  [[nodiscard]] Eigen::MatrixXd solve(const Eigen::MatrixXd& cross) const;
  /// crossᵀ C⁻¹ cross of each column of cross, (q): of many columns half the work of solve.
  [[nodiscard]] Eigen::VectorXd explained(const Eigen::MatrixXd& cross) const;

  /// With m more rows. @param cross (n, m) covariance of the new rows with these; own (m, m) among themselves, its
  /// lower triangle. @return nothing when the grown covariance is not positive definite.
  [[nodiscard]] std::optional<GrownFactor> grow(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& own) const;

 private:
  struct Whole;
  [[nodiscard]] const Whole& whole() const;

  Eigen::Index base_rows_ = 0;
  std::shared_ptr<const Whole> base_;
  Eigen::MatrixXd across_;        ///< R (n₀, k)
  Eigen::MatrixXd own_;           ///< D (k, k)
  Eigen::MatrixXd columns_;       ///< G (n, k)
  std::shared_ptr<Whole> later_;  ///< filled when it is asked for; null while nothing was added
};

}  // namespace luban::surrogate::detail
