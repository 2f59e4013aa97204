#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/input_layout.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate::detail {

/// A hyperparameter of a resolved model: where it stands in theta is its index.
struct Hyperparameter {
  std::string name;  ///< e.g. "log_length:trend:feed"
  HyperparameterSpec spec;
};

/// A factor evaluated on a block of pairs: its values and, for gradients, its derivative by squared distance.
struct FactorMatrix {
  Eigen::MatrixXd value;
  Eigen::MatrixXd slope;  ///< empty where it is a multiple of value, or meaningless (linear)
};

/// One covariance factor with its place among the hyperparameters. It sees points by coordinates of its own and is a
/// function of their squared distance (stationary) or their inner product over their number (linear). What a kernel
/// is, stands in its own file of kernels/: coordinates, profile, parameters. Const and thread-safe.
class Factor {
 public:
  virtual ~Factor();
  [[nodiscard]] const std::vector<Hyperparameter>& hyperparameters() const noexcept { return hyperparameters_; }
  [[nodiscard]] virtual bool stationary() const noexcept { return true; }
  /// Degrees of freedom of the Student t that a stationary factor's spectral density is, by its coordinates, infinite
  /// where it is normal: what random features are drawn from (Rahimi and Recht 2007). None: not known.
  [[nodiscard]] virtual std::optional<double> spectral_degrees() const noexcept { return std::nullopt; }
  /// Whether it looks at categorical inputs alone, by which there are no derivatives.
  [[nodiscard]] virtual bool of_categories() const noexcept { return false; }

  /// (n, c) at the current hyperparameters.
  [[nodiscard]] virtual Eigen::MatrixXd coordinates(const Eigen::VectorXd& theta, const Points& points) const = 0;
  /// Turns squared distances into values, in place, with derivatives by them in `slope` (null unless own_slope).
  virtual void profile(std::size_t count, double* r2, double* slope) const = 0;
  /// Whether the derivative is not −value / 2.
  [[nodiscard]] virtual bool own_slope() const noexcept { return false; }
  /// Adds the derivative by the factor's own hyperparameters to the gradient by theta, from spread (c) =
  /// Σ_ij M_ij (z_i − z_j)² of every coordinate, M_ij the weight of ∂ value_ij / ∂ r²_ij. For factors whose
  /// hyperparameters scale coordinates.
  virtual void add_gradient_of_spread(const Eigen::VectorXd& theta, const Eigen::VectorXd& spread,
                                      Eigen::VectorXd& gradient) const;
  /// Whether hyperparameters do more than scale coordinates: then their gradient comes from that by coordinates (n, c).
  [[nodiscard]] virtual bool moves_coordinates() const noexcept { return false; }
  virtual void add_gradient_of_coordinates(const Eigen::VectorXd& theta, const Points& points,
                                           const Eigen::MatrixXd& by_coordinates, Eigen::VectorXd& gradient) const;
  /// Adds the derivative by the numeric inputs (q, dn) from that by the coordinates (q, c).
  virtual void add_input_gradient(const Eigen::VectorXd& theta, const Points& points,
                                  const Eigen::MatrixXd& by_coordinates, Eigen::MatrixXd& by_numeric) const;

  /// The factor's average where its numeric inputs scatter around one of its two points, normal with these variances:
  /// the same factor at other hyperparameters, which are changed in theta, times exp of what is returned. None where it
  /// is no such thing, the ordinary answer where anything scatters.
  [[nodiscard]] virtual std::optional<double> smoothed(const Eigen::VectorXd& variances, Eigen::VectorXd& theta) const;

  /// Between every row and every column point, coordinates (r, c) and (s, c): value and slope are (r, s). With
  /// `triangle` both are the same points or its tail: row i ≥ column j alone is filled, and i = j is one point.
  void evaluate(const Eigen::Ref<const Eigen::MatrixXd>& rows, const Eigen::Ref<const Eigen::MatrixXd>& columns,
                bool triangle, Eigen::Ref<Eigen::MatrixXd> value, double* slope, Eigen::Index slope_stride) const;

 protected:
  explicit Factor(Eigen::Index first_parameter) : first_(first_parameter) {}
  void add_hyperparameter(std::string name, const HyperparameterSpec& spec) {
    hyperparameters_.push_back({std::move(name), spec});
  }
  [[nodiscard]] Eigen::Index first() const noexcept { return first_; }

 private:
  Eigen::Index first_;  ///< of its parameters in theta
  std::vector<Hyperparameter> hyperparameters_;
};

}  // namespace luban::surrogate::detail
