#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/factor.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate::detail {

/// A hyperparameter of a resolved model: where it stands in theta is its index.
struct Hyperparameter {
  std::string name;  ///< e.g. "log_length:trend:feed"
  HyperparameterSpec spec;
};

/// Σ terms of a ModelSpec resolved for an encoder. theta holds logarithms: lengths of each factor, then variances of
/// the terms; longer vectors are allowed, the rest is not looked at.
class LUBAN_SURROGATE_EXPORT Covariance {
 public:
  Covariance(const ModelSpec& model, const features::Encoder& encoder);

  [[nodiscard]] const std::vector<Hyperparameter>& hyperparameters() const noexcept { return hyperparameters_; }
  /// Whether the covariance of two points depends on their difference alone.
  [[nodiscard]] bool stationary() const noexcept;
  [[nodiscard]] Points points(const Eigen::MatrixXd& X) const { return layout_.points(X); }

  /// What evaluate_lower leaves behind for the gradient.
  struct Workspace {
    std::vector<Eigen::MatrixXd> scaled;
    std::vector<FactorMatrix> factors;
    Eigen::MatrixXd slope_coefficient;
  };
  /// Lower triangle of the covariance of points with themselves; above the diagonal is undefined.
  void evaluate_lower(const Eigen::VectorXd& theta, const Points& points, Workspace& work, Eigen::MatrixXd& out) const;
  /// Adds Σ_ij W_ij ∂K_ij/∂theta to gradient, W symmetric and whole.
  void add_gradient(const Eigen::VectorXd& theta, Workspace& work, const Eigen::MatrixXd& w,
                    Eigen::VectorXd& gradient) const;

  /// Covariance between q points and n points, with what input gradients need.
  struct Cross {
    Eigen::MatrixXd value;  ///< (q, n)
    std::vector<Eigen::MatrixXd> scaled_rows;
    std::vector<Eigen::MatrixXd> scaled_columns;
    std::vector<FactorMatrix> factors;
  };
  [[nodiscard]] Cross cross(const Eigen::VectorXd& theta, const Points& rows, const Points& columns) const;
  /// (q, p): Σ_j coefficient_ij ∂K_ij/∂x_i, x_i the coded inputs of row i.
  [[nodiscard]] Eigen::MatrixXd input_gradient(const Eigen::VectorXd& theta, const Cross& cross,
                                               const Eigen::MatrixXd& coefficient) const;
  /// Prior variance at each point, (q), and its gradient by the coded inputs (q, p).
  [[nodiscard]] Eigen::VectorXd diagonal(const Eigen::VectorXd& theta, const Points& points) const;
  [[nodiscard]] Eigen::MatrixXd diagonal_gradient(const Eigen::VectorXd& theta, const Points& points) const;

 private:
  struct Term {
    std::vector<std::size_t> factors;
    Eigen::Index variance = 0;  ///< index in theta
  };
  // Π of a term's factors but one (`without`, or none when it is past the end), over rows [first, end) of a column.
  void term_column(const Term& term, std::size_t without, const std::vector<FactorMatrix>& factors, Eigen::Index column,
                   Eigen::Index first_row, Eigen::VectorXd& out) const;
  void resolve_factors(const ModelSpec& model, const features::Encoder& encoder, std::vector<std::ptrdiff_t>& kept);
  void resolve_terms(const ModelSpec& model, const std::vector<std::ptrdiff_t>& kept);

  Eigen::Index inputs_;
  InputLayout layout_;
  std::vector<Factor> factors_;
  std::vector<Term> terms_;
  std::vector<Hyperparameter> hyperparameters_;
};

}  // namespace luban::surrogate::detail
