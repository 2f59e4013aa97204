// Compiles, links and runs against the torch of the build Python: one gradient step that can be checked by
// hand. A torch whose headers, C++ ABI and libraries do not fit together fails here, not in a training job.
#include <cmath>
#include <cstdio>

#include <torch/torch.h>

int main() {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64).requires_grad(true);
  auto weight = torch::full({1}, 3.0, options);
  auto loss = (weight * weight).sum();  // gradient 2 w = 6
  loss.backward();
  torch::optim::SGD optimizer({weight}, torch::optim::SGDOptions(0.25));
  optimizer.step();  // 3 - 0.25 * 6 = 1.5
  const double stepped = weight.item<double>();
  std::printf("torch %s: one gradient step from 3 to %g (expected 1.5)\n", TORCH_VERSION, stepped);
  return std::abs(stepped - 1.5) < 1e-12 ? 0 : 1;
}
