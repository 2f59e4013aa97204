#pragma once

#include <luban/surrogate/detail/factor.hpp>

namespace luban::surrogate::detail {

/// A stationary factor whose hyperparameters are logarithms of lengths that scale fixed coordinates: those of the
/// numeric inputs, and of the categorical ones where the factor is with_categories, unless a kernel says otherwise. One
/// length per input, or one for all (`isotropic`).
class ScaledFactor : public Factor {
 public:
  ScaledFactor(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
               Eigen::Index first_parameter);

  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::VectorXd& theta, const Points& points) const override;
  void add_gradient_of_spread(const Eigen::VectorXd& theta, const Eigen::VectorXd& spread,
                              Eigen::VectorXd& gradient) const override;
  void add_input_gradient(const Eigen::VectorXd& theta, const Points& points, const Eigen::MatrixXd& by_coordinates,
                          Eigen::MatrixXd& by_numeric) const override;

 protected:
  ScaledFactor(const FactorSpec& spec, const features::Encoder& encoder, const std::vector<Eigen::Index>& inputs,
               const std::vector<Eigen::Index>& coordinates_of_input, double power, Eigen::Index first_parameter);
  /// Coordinates before scaling, (n, c).
  [[nodiscard]] virtual Eigen::MatrixXd unscaled(const Points& points) const;
  /// Factor on coordinate c: length^(−power / 2), so that squared distances go with length^−power.
  [[nodiscard]] double scale(const Eigen::VectorXd& theta, Eigen::Index coordinate) const;
  /// Place in theta of a hyperparameter that scales this coordinate alone; none where others share it.
  [[nodiscard]] std::optional<Eigen::Index> own_hyperparameter(Eigen::Index coordinate) const;

 private:
  double power_ = 2.0;
  bool with_categories_ = false;
  std::vector<Eigen::Index> parameter_of_;  ///< of each coordinate, relative to the first
};

}  // namespace luban::surrogate::detail
