#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/surrogate/neural_ensemble.hpp>
#include <luban/training/detail/torch.hpp>
#include <luban/training/export.hpp>

namespace luban::training::detail {

/// Shape of a surrogate::ResidualNetwork: d inputs, m responses, inner widths of its blocks.
struct LUBAN_TRAINING_EXPORT NetworkShape {
  std::int64_t inputs = 0;
  std::int64_t responses = 0;
  std::vector<std::int64_t> hidden;
  [[nodiscard]] std::int64_t size() const;  ///< weights and biases in all
};

/// The same network in torch. Its parameters are leaves that share one flat tensor, their gradients another: one
/// optimizer step is a few operations on two long vectors, and a checkpoint is one array.
class LUBAN_TRAINING_EXPORT ResidualModule {
 public:
  /// @param flat (size) parameters on some device, in the order input, blocks, head; weight before bias.
  ResidualModule(const NetworkShape& shape, torch::Tensor flat);
  /// z (rows, d) → means (rows, m), noise variances (rows, m).
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& z) const;
  [[nodiscard]] torch::Tensor& gradient() noexcept { return gradient_; }
  /// The weights as plain arrays.
  [[nodiscard]] surrogate::ResidualNetwork network() const;
  /// A start drawn from the key: means begin nearly at 0, noise variances at 1.
  [[nodiscard]] static std::vector<double> start(const NetworkShape& shape, core::RandomKey key);

 private:
  struct Layer {
    torch::Tensor weight;
    torch::Tensor bias;
  };
  [[nodiscard]] Layer take(std::int64_t outputs, std::int64_t inputs, std::int64_t& offset);

  NetworkShape shape_;
  torch::Tensor flat_;
  torch::Tensor gradient_;
  Layer input_;
  std::vector<std::pair<Layer, Layer>> blocks_;
  Layer head_;
};

}  // namespace luban::training::detail
