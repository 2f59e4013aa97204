#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/factor.hpp>
#include <luban/surrogate/detail/input_warp.hpp>
#include <luban/surrogate/detail/noise_profile.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate::detail {

/// Σ terms of a ModelSpec resolved for an encoder. theta holds the hyperparameters of each factor, logarithms of the
/// terms' variances, then those of the warp; longer vectors are allowed, the rest is not looked at. Const and
/// thread-safe.
class LUBAN_SURROGATE_EXPORT Covariance {
 public:
  Covariance(const ModelSpec& model, const features::Encoder& encoder);

  [[nodiscard]] const std::vector<Hyperparameter>& hyperparameters() const noexcept { return hyperparameters_; }
  /// variance × product of factors.
  struct Term {
    std::vector<std::size_t> factors;
    Eigen::Index variance = 0;  ///< index in theta
  };
  [[nodiscard]] const std::vector<Term>& terms() const noexcept { return terms_; }
  [[nodiscard]] const std::vector<std::shared_ptr<const Factor>>& factors() const noexcept { return factors_; }
  [[nodiscard]] const InputLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] Eigen::Index p() const noexcept { return inputs_; }
  /// Whether the prior variance is the same everywhere.
  [[nodiscard]] bool stationary() const noexcept;
  /// How noise changes with the inputs, null where it does not; its hyperparameters are not among those above.
  [[nodiscard]] const NoiseProfile* noise_profile() const noexcept {
    return noise_profile_ ? &*noise_profile_ : nullptr;
  }
  [[nodiscard]] Points points(const Eigen::MatrixXd& X) const { return layout_.points(X); }
  /// Hyperparameters of the same covariance averaged over normal deviations of one of its two points, standard
  /// deviations sd (p) of the coded inputs; none where that is no covariance of this form.
  [[nodiscard]] std::optional<Eigen::VectorXd> smoothed(const Eigen::VectorXd& theta, const Eigen::VectorXd& sd) const;
  /// Points as the factors see them: (n, c) of each.
  struct Coordinates {
    Eigen::Index count = 0;
    std::vector<Eigen::MatrixXd> of_factor;
  };
  [[nodiscard]] Coordinates coordinates(const Eigen::VectorXd& theta, const Points& points) const;

  /// What evaluate_lower leaves behind for the gradient.
  struct Workspace {
    Coordinates coordinates;
    std::vector<FactorMatrix> factors;
  };
  /// Lower triangle of the covariance of points with themselves; above the diagonal is undefined.
  void evaluate_lower(const Eigen::VectorXd& theta, const Points& points, Workspace& work, Eigen::MatrixXd& out) const;
  /// Adds Σ_ij W_ij ∂K_ij/∂theta to gradient, W = (α αᵀ − inverse) / 2; of `inverse` the lower triangle is read.
  void add_gradient(const Eigen::VectorXd& theta, const Points& points, const Workspace& work,
                    const Eigen::MatrixXd& inverse, const Eigen::VectorXd& alpha, Eigen::VectorXd& gradient) const;

  /// Covariance between n points and q points, with what input gradients need; everything (n, q).
  struct Cross {
    Eigen::MatrixXd value;
    Points points;  ///< the q
    Coordinates coordinates;
    const Coordinates* data = nullptr;  ///< of the n points, the caller's
    std::vector<FactorMatrix> factors;
  };
  /// @param data of the n points; kept alive as long as the result is used.
  [[nodiscard]] Cross cross(const Eigen::VectorXd& theta, const Coordinates& data, Points points) const;
  /// (q, p) for each coefficient (n, q): Σ_j coefficient_ji ∂K_ji/∂x_i, x_i the coded inputs of point i of the q.
  [[nodiscard]] std::vector<Eigen::MatrixXd> input_gradients(
      const Eigen::VectorXd& theta, const Cross& cross, const std::vector<const Eigen::MatrixXd*>& coefficients) const;
  /// (q, p) derivative by the coded inputs from that by the coordinates (q, c) of each factor at the points.
  [[nodiscard]] Eigen::MatrixXd input_gradient(const Eigen::VectorXd& theta, const Points& points,
                                               const std::vector<Eigen::MatrixXd>& by_coordinates) const;
  /// Prior variance at each point, (q), and its gradient by the coded inputs (q, p).
  [[nodiscard]] Eigen::VectorXd diagonal(const Eigen::VectorXd& theta, const Points& points) const;
  [[nodiscard]] Eigen::MatrixXd diagonal_gradient(const Eigen::VectorXd& theta, const Points& points) const;

 private:
  using Column = Eigen::Ref<Eigen::VectorXd>;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);  // no factor
  // The last rows of a column of a term's covariance, as many as `out` has, or of its derivative by one factor (`by`).
  void term_column(const Term& term, std::size_t by, const std::vector<FactorMatrix>& factors, Eigen::Index column,
                   double variance, Column out) const;
  // Σ over terms.
  void value_column(const Eigen::VectorXd& variances, const std::vector<FactorMatrix>& factors, Eigen::Index column,
                    Column scratch, Column out) const;
  // Σ over terms of the derivative of a column by the squared distance (or inner product) of factor f.
  void factor_column(const Eigen::VectorXd& variances, std::size_t f, const std::vector<FactorMatrix>& factors,
                     Eigen::Index column, Column scratch, Column out) const;
  // What the gradient is made of: by each term's logarithm of variance and, of each factor, by spreads or coordinates.
  struct Partial {
    Eigen::VectorXd terms;
    std::vector<Eigen::VectorXd> spreads;
    std::vector<Eigen::MatrixXd> coordinates;  // empty where spreads will do
    void operator+=(const Partial& other);
  };
  [[nodiscard]] Partial no_gradient(const Workspace& work) const;
  void add_panel_gradient(const Eigen::VectorXd& variances, const Workspace& work, const Eigen::MatrixXd& inverse,
                          const Eigen::VectorXd& alpha, Eigen::Index panel, Partial& own) const;
  // The same of one term of one stationary factor, as most models are, in fewer passes.
  [[nodiscard]] bool one_stationary_factor() const;
  void add_panel_gradient_of_one(double variance, const Workspace& work, const Eigen::MatrixXd& inverse,
                                 const Eigen::VectorXd& alpha, Eigen::Index panel, Partial& own) const;
  [[nodiscard]] Eigen::MatrixXd coordinates_of(std::size_t factor, const Eigen::VectorXd& theta,
                                               const Points& seen) const;
  void add_input_gradient(std::size_t factor, const Eigen::VectorXd& theta, const Points& seen,
                          const Eigen::MatrixXd& by_coordinates, Eigen::MatrixXd& by_numeric) const;
  // The points as the factors see them: bent where the model warps its inputs, else the same.
  [[nodiscard]] const Points& seen(const Eigen::VectorXd& theta, const Points& points, Points& memory) const;
  [[nodiscard]] Eigen::VectorXd variances(const Eigen::VectorXd& theta) const;
  void resolve_factors(const ModelSpec& model, const features::Encoder& encoder, std::vector<std::ptrdiff_t>& kept);
  void resolve_terms(const ModelSpec& model, const std::vector<std::ptrdiff_t>& kept);

  Eigen::Index inputs_;
  InputLayout layout_;
  std::vector<std::shared_ptr<const Factor>> factors_;
  std::vector<ChosenInputs> inputs_of_factor_;
  std::vector<Term> terms_;
  std::optional<InputWarp> warp_;
  std::optional<NoiseProfile> noise_profile_;
  std::vector<Hyperparameter> hyperparameters_;
};

}  // namespace luban::surrogate::detail
