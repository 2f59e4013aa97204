#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/factor.hpp>

namespace luban::surrogate::detail {

/// How noise changes with the inputs: ln h(x) = φ(x)ᵀ γ, φ the coded numeric inputs less ½ and one column per category,
/// γ logarithms of ratios (NoiseProfileSpec). Const and thread-safe.
class NoiseProfile {
 public:
  NoiseProfile(const NoiseProfileSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
               const std::vector<bool>& kept);
  [[nodiscard]] const std::vector<Hyperparameter>& hyperparameters() const noexcept { return hyperparameters_; }
  [[nodiscard]] Eigen::Index size() const noexcept { return std::ssize(hyperparameters_); }
  /// φ of each point, (n, size).
  [[nodiscard]] Eigen::MatrixXd features(const Points& points) const;
  /// Derivatives of ln h by the numeric inputs, (dn), the same everywhere.
  [[nodiscard]] Eigen::VectorXd slope(const Eigen::VectorXd& gamma) const;

 private:
  ChosenInputs inputs_;
  Eigen::Index numeric_count_;
  std::vector<Hyperparameter> hyperparameters_;
};

}  // namespace luban::surrogate::detail
