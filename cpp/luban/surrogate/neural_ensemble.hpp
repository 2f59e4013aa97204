#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

/// y = weight · x + bias.
struct DenseLayer {
  Eigen::MatrixXd weight;  ///< (outputs, inputs)
  Eigen::VectorXd bias;    ///< (outputs)
};

/// A network of residual blocks: h = input(x); h += outer(silu(inner(h))) for each block; head(h) holds m means and m
/// raw spreads, all standardised; noise variance = smallest_noise_variance + softplus(raw spread).
struct ResidualNetwork {
  struct Block {
    DenseLayer inner;
    DenseLayer outer;
  };
  DenseLayer input;
  std::vector<Block> blocks;
  DenseLayer head;
};

inline constexpr double smallest_noise_variance = 1e-6;  ///< of a standardised response

/// (m, q) noise variances of standardised responses at standardised inputs z (d, q).
[[nodiscard]] LUBAN_SURROGATE_EXPORT Eigen::MatrixXd noise_variance(const ResidualNetwork& network,
                                                                    const Eigen::MatrixXd& z);

/// What all members share: how coded inputs become the networks' inputs, and outputs the responses' units.
struct LUBAN_SURROGATE_EXPORT NetworkScaling {
  Eigen::VectorXd input_mean;       ///< (d) of the one-hot inputs
  Eigen::VectorXd input_scale;      ///< (d) > 0
  Eigen::VectorXd output_location;  ///< (m) in the response's unit
  Eigen::VectorXd output_scale;     ///< (m) > 0
  Eigen::VectorXd between_share;    ///< (m) share of the noise variance that a run's readings have in common, 0 … 1
  /// (q, p) coded inputs to (d, q) columns, one-hot and standardised.
  [[nodiscard]] Eigen::MatrixXd inputs(const features::Encoder& encoder, const Eigen::MatrixXd& X) const;
};

/// Ensemble of residual networks with heteroscedastic normal heads (Nix and Weigend 1994; Lakshminarayanan et al.
/// 2017), evaluated without torch: values, spreads and input gradients by hand. What `training` learns ends here.
class LUBAN_SURROGATE_EXPORT NeuralEnsemble final : public Surrogate {
 public:
  /// @throws DataError when shapes do not fit together, a number is not finite, or there are fewer than two members.
  NeuralEnsemble(features::Encoder encoder, std::vector<features::ResponseColumn> responses, NetworkScaling scaling,
                 std::vector<ResidualNetwork> members);
  [[nodiscard]] std::string kind() const override { return "neural_ensemble"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return encoder_; }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] const std::vector<ResidualNetwork>& members() const noexcept { return members_; }
  [[nodiscard]] const NetworkScaling& scaling() const noexcept { return scaling_; }
  /// The same beliefs about some responses (indices into responses()). @throws ConfigurationError on an index outside.
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;

  /// Adds tensors and metadata to an artefact under the key "neural_ensemble".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const NeuralEnsemble> read(const Artefact& artefact);

 private:
  features::Encoder encoder_;
  std::vector<features::ResponseColumn> responses_;
  NetworkScaling scaling_;
  std::vector<ResidualNetwork> members_;
};

}  // namespace luban::surrogate
