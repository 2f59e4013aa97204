#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/factor.hpp>

namespace luban::surrogate::detail {

/// What bends the numeric inputs before the factors see them: the distribution function of Kumaraswamy (1980),
///   w(x) = 1 − (1 − t^a)^b,   t = ε + (1 − 2 ε) x,   x in [0, 1]
/// with a and b of each input among the hyperparameters. ε keeps slopes finite at the ends of the range. Beyond the
/// ends w goes on with slope 1. Const and thread-safe.
class InputWarp {
 public:
  InputWarp(const WarpSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
            Eigen::Index first_parameter);
  [[nodiscard]] const std::vector<Hyperparameter>& hyperparameters() const noexcept { return hyperparameters_; }
  /// The points with bent numeric inputs.
  [[nodiscard]] Points bent(const Eigen::VectorXd& theta, const Points& points) const;
  /// Turns derivatives by bent numeric inputs (n, dn) into those by the inputs.
  void unbend(const Eigen::VectorXd& theta, const Points& points, Eigen::MatrixXd& by_numeric) const;
  /// Adds the derivative by a and b from that by bent numeric inputs (n, dn) to the gradient by theta.
  void add_gradient(const Eigen::VectorXd& theta, const Points& points, const Eigen::MatrixXd& by_bent,
                    Eigen::VectorXd& gradient) const;

 private:
  Eigen::Index first_;
  std::vector<Eigen::Index> columns_;  ///< of Points::numeric; a and b of the k-th stand at first + 2 k
  std::vector<Hyperparameter> hyperparameters_;
};

}  // namespace luban::surrogate::detail
