#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/features/encoder.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate::detail {

/// Inputs as factors see them: numeric and ordinal columns in [0, 1], categorical ones as one column per category.
struct Points {
  Eigen::MatrixXd numeric;  ///< (n, dn)
  Eigen::MatrixXd one_hot;  ///< (n, Σ levels)
  [[nodiscard]] Eigen::Index count() const noexcept { return numeric.rows(); }
};

/// Which columns of X become what.
class LUBAN_SURROGATE_EXPORT InputLayout {
 public:
  explicit InputLayout(const features::Encoder& encoder);
  [[nodiscard]] Points points(const Eigen::MatrixXd& X) const;
  [[nodiscard]] Eigen::Index numeric_count() const noexcept { return static_cast<Eigen::Index>(numeric_.size()); }
  [[nodiscard]] Eigen::Index categorical_count() const noexcept {
    return static_cast<Eigen::Index>(categorical_.size());
  }
  [[nodiscard]] const std::vector<Eigen::Index>& numeric() const noexcept { return numeric_; }
  [[nodiscard]] const std::vector<Eigen::Index>& categorical() const noexcept { return categorical_; }
  [[nodiscard]] const std::vector<Eigen::Index>& levels() const noexcept { return levels_; }
  /// Adds gradients by the numeric block (q, dn) to those by X (q, p); ordinal columns have no derivative and stay 0.
  void scatter(const Eigen::MatrixXd& by_numeric, Eigen::MatrixXd& by_x) const;

 private:
  std::vector<Eigen::Index> numeric_;  ///< columns of X
  std::vector<double> scale_;          ///< 1, or 1 / (levels − 1) for an ordinal column
  std::vector<bool> differentiable_;
  std::vector<Eigen::Index> categorical_;  ///< columns of X
  std::vector<Eigen::Index> levels_;       ///< of each categorical column
};

/// A factor evaluated between two sets of points: its values and, for gradients, its derivative by squared distance.
struct FactorMatrix {
  Eigen::MatrixXd value;
  Eigen::MatrixXd slope;  ///< empty where it is a multiple of value (rbf, categorical) or meaningless (linear)
};

/// One covariance factor with its place among the hyperparameters (logarithms of lengths). Stationary factors are
/// functions of the squared distance of scaled columns: numeric ones by 1 / length, one-hot ones by 1 / √length, so
/// that two different categories are 2 / length apart and exp(−r²/2) is exp(−1 / length).
class Factor {
 public:
  Factor(const FactorSpec& spec, const InputLayout& layout, Eigen::Index first_parameter);

  [[nodiscard]] Eigen::Index parameter_count() const noexcept { return parameter_count_; }
  [[nodiscard]] bool stationary() const noexcept { return kind_ != FactorKind::linear; }

  /// Columns scaled by the current lengths.
  [[nodiscard]] Eigen::MatrixXd scaled(const Eigen::VectorXd& theta, const Points& points) const;
  /// Lower triangle between a set of points and itself; above the diagonal is undefined.
  void evaluate_lower(const Eigen::MatrixXd& scaled, FactorMatrix& out) const;
  /// (q, n) between two sets.
  void evaluate_cross(const Eigen::MatrixXd& scaled_rows, const Eigen::MatrixXd& scaled_columns,
                      FactorMatrix& out) const;
  /// Value of the factor between a point and itself, (q).
  [[nodiscard]] Eigen::VectorXd diagonal(const Eigen::MatrixXd& scaled) const;
  /// Value of one pair's derivative by squared distance, entry by entry: coefficient ∘ slope, in place, over rows
  /// [first row, end) of a column.
  void times_slope(const FactorMatrix& matrix, Eigen::Index column, Eigen::Index first_row,
                   Eigen::VectorXd& coefficient) const;
  /// Adds Σ_ij M_ij ∂r²_ij/∂theta to gradient; M symmetric and whole.
  void add_parameter_gradient(const Eigen::MatrixXd& scaled, const Eigen::MatrixXd& m, Eigen::VectorXd& gradient) const;
  /// Adds Σ_j M_ij ∂(value of pair i, j)/∂(numeric inputs of i) to gradient (q, dn), where for stationary factors M
  /// already holds coefficient ∘ slope and for linear ones the coefficient alone.
  void add_input_gradient(const Eigen::VectorXd& theta, const Eigen::MatrixXd& scaled_rows,
                          const Eigen::MatrixXd& scaled_columns, const Eigen::MatrixXd& m,
                          Eigen::MatrixXd& gradient) const;
  /// Adds coefficient_i · ∂ value(i, i) / ∂(numeric inputs of i).
  void add_diagonal_input_gradient(const Eigen::MatrixXd& scaled, const Eigen::VectorXd& coefficient,
                                   Eigen::MatrixXd& gradient) const;

 private:
  void apply_profile(Eigen::Index count, double* r2, double* slope) const;

  FactorKind kind_;
  Eigen::Index first_;  ///< of its parameters in theta
  Eigen::Index parameter_count_ = 0;
  std::vector<Eigen::Index> parameter_of_;  ///< of each scaled column, relative to first_
};

}  // namespace luban::surrogate::detail
