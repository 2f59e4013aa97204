#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/neural_ensemble.hpp>

namespace luban::surrogate::detail {

/// One pass of a network over q points, kept for gradients.
class NetworkPass {
 public:
  /// @param z (d, q) standardised inputs.
  NetworkPass(const ResidualNetwork& network, const Eigen::MatrixXd& z);
  [[nodiscard]] Eigen::MatrixXd mean() const;            ///< (m, q) standardised
  [[nodiscard]] Eigen::MatrixXd noise_variance() const;  ///< (m, q) of the standardised responses
  /// (d, q) derivatives of one response's mean by the standardised inputs.
  [[nodiscard]] Eigen::MatrixXd mean_gradient(Eigen::Index response) const;

 private:
  const ResidualNetwork& network_;
  std::vector<Eigen::MatrixXd> inner_;  // per block what the activation sees
  Eigen::MatrixXd out_;                 // (2m, q)
  Eigen::Index points_;
};

/// @throws DataError naming the layer when the shapes of a network do not fit d inputs and m responses, or a number is
/// not finite.
void require_network(const ResidualNetwork& network, Eigen::Index inputs, Eigen::Index responses,
                     const std::string& place);

}  // namespace luban::surrogate::detail
