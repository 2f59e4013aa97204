#include <luban/training/detail/residual_module.hpp>

#include <cmath>

namespace luban::training::detail {

namespace {

constexpr double quiet = 0.1;  // outer weights and head begin small: at first the network is nearly linear

surrogate::DenseLayer plain(const torch::Tensor& weight, const torch::Tensor& bias) {
  const torch::Tensor w = weight.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  const torch::Tensor b = bias.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return {.weight = Eigen::Map<const RowMajor>(w.data_ptr<double>(), w.size(0), w.size(1)),
          .bias = Eigen::Map<const Eigen::VectorXd>(b.data_ptr<double>(), b.size(0))};
}

/// Appends weights (outputs · inputs) with a standard deviation and biases of one value.
void append(std::vector<double>& flat, std::int64_t outputs, std::int64_t inputs, double sd, double bias,
            core::Generator& generator) {
  for (std::int64_t i = 0; i < outputs * inputs; ++i) flat.push_back(sd * generator.normal());
  flat.insert(flat.end(), static_cast<std::size_t>(outputs), bias);
}

}  // namespace

std::int64_t NetworkShape::size() const {
  const std::int64_t width = hidden.front();
  std::int64_t out = width * inputs + width + 2 * responses * (width + 1);
  for (const std::int64_t inner : hidden) out += inner * width + inner + width * inner + width;
  return out;
}

std::vector<double> ResidualModule::start(const NetworkShape& shape, core::RandomKey key) {
  core::Generator generator = key.generator();
  std::vector<double> flat;
  flat.reserve(static_cast<std::size_t>(shape.size()));
  const std::int64_t width = shape.hidden.front();
  append(flat, width, shape.inputs, 1.0 / std::sqrt(static_cast<double>(shape.inputs)), 0.0, generator);
  for (const std::int64_t inner : shape.hidden) {
    const double sd = 1.0 / std::sqrt(static_cast<double>(width));
    append(flat, inner, width, sd, 0.0, generator);
    append(flat, width, inner, quiet / std::sqrt(static_cast<double>(inner)), 0.0, generator);
  }
  append(flat, 2 * shape.responses, width, quiet / std::sqrt(static_cast<double>(width)), 0.0, generator);
  for (std::int64_t r = 0; r < shape.responses; ++r) {
    flat[flat.size() - 1 - static_cast<std::size_t>(r)] = std::log(std::expm1(1.0));  // softplus of it is 1
  }
  return flat;
}

ResidualModule::ResidualModule(const NetworkShape& shape, torch::Tensor flat)
    : shape_(shape), flat_(std::move(flat)), gradient_(torch::zeros_like(flat_)) {
  std::int64_t offset = 0;
  const std::int64_t width = shape_.hidden.front();
  input_ = take(width, shape_.inputs, offset);
  for (const std::int64_t inner : shape_.hidden) {
    Layer in = take(inner, width, offset);
    blocks_.emplace_back(std::move(in), take(width, inner, offset));
  }
  head_ = take(2 * shape_.responses, width, offset);
}

ResidualModule::Layer ResidualModule::take(std::int64_t outputs, std::int64_t inputs, std::int64_t& offset) {
  const auto leaf = [&](std::int64_t count, at::IntArrayRef sizes) {
    torch::Tensor out = flat_.narrow(0, offset, count).view(sizes).detach().requires_grad_(true);
    out.mutable_grad() = gradient_.narrow(0, offset, count).view(sizes);
    offset += count;
    return out;
  };
  torch::Tensor weight = leaf(outputs * inputs, {outputs, inputs});
  return {.weight = std::move(weight), .bias = leaf(outputs, {outputs})};
}

std::pair<torch::Tensor, torch::Tensor> ResidualModule::forward(const torch::Tensor& z) const {
  torch::Tensor h = torch::linear(z, input_.weight, input_.bias);
  for (const auto& [inner, outer] : blocks_) {
    h = h + torch::linear(torch::silu(torch::linear(h, inner.weight, inner.bias)), outer.weight, outer.bias);
  }
  const torch::Tensor out = torch::linear(h, head_.weight, head_.bias);
  return {out.narrow(1, 0, shape_.responses),
          torch::softplus(out.narrow(1, shape_.responses, shape_.responses)) + surrogate::smallest_noise_variance};
}

surrogate::ResidualNetwork ResidualModule::network() const {
  surrogate::ResidualNetwork out;
  out.input = plain(input_.weight, input_.bias);
  for (const auto& [inner, outer] : blocks_) {
    out.blocks.push_back({.inner = plain(inner.weight, inner.bias), .outer = plain(outer.weight, outer.bias)});
  }
  out.head = plain(head_.weight, head_.bias);
  return out;
}

}  // namespace luban::training::detail
