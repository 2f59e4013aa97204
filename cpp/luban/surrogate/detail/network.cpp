#include <luban/surrogate/detail/network.hpp>

#include <cmath>
#include <string>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

double sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1.0 + e);
}

double softplus(double x) {
  return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

Eigen::MatrixXd apply(const DenseLayer& layer, const Eigen::MatrixXd& x) {
  Eigen::MatrixXd out = layer.bias.replicate(1, x.cols());
  add_product(1.0, layer.weight, Transpose::no, x, Transpose::no, out);
  return out;
}

}  // namespace

NetworkPass::NetworkPass(const ResidualNetwork& network, const Eigen::MatrixXd& z)
    : network_(network), points_(z.cols()) {
  Eigen::MatrixXd h = apply(network.input, z);
  for (const ResidualNetwork::Block& block : network.blocks) {
    inner_.push_back(apply(block.inner, h));
    const Eigen::MatrixXd active = inner_.back().unaryExpr([](double a) { return a * sigmoid(a); });
    h.colwise() += block.outer.bias;
    add_product(1.0, block.outer.weight, Transpose::no, active, Transpose::no, h);
  }
  out_ = apply(network.head, h);
}

Eigen::MatrixXd NetworkPass::mean() const {
  return out_.topRows(out_.rows() / 2);
}

Eigen::MatrixXd NetworkPass::noise_variance() const {
  return out_.bottomRows(out_.rows() / 2).unaryExpr([](double raw) { return smallest_noise_variance + softplus(raw); });
}

Eigen::MatrixXd NetworkPass::mean_gradient(Eigen::Index response) const {
  Eigen::MatrixXd gradient = network_.head.weight.row(response).transpose().replicate(1, points_);
  for (std::size_t b = network_.blocks.size(); b-- > 0;) {
    Eigen::MatrixXd inner = product(network_.blocks[b].outer.weight, Transpose::yes, gradient, Transpose::no);
    inner.array() *= inner_[b]
                         .unaryExpr([](double a) {
                           const double s = sigmoid(a);
                           return s * (1.0 + a * (1.0 - s));
                         })
                         .array();
    add_product(1.0, network_.blocks[b].inner.weight, Transpose::yes, inner, Transpose::no, gradient);
  }
  return product(network_.input.weight, Transpose::yes, gradient, Transpose::no);
}

void require_network(const ResidualNetwork& network, Eigen::Index inputs, Eigen::Index responses,
                     const std::string& place) {
  const auto require = [&](const DenseLayer& layer, Eigen::Index rows, Eigen::Index columns, const std::string& name) {
    if (layer.weight.rows() == rows && layer.weight.cols() == columns && layer.bias.size() == rows && rows > 0 &&
        layer.weight.allFinite() && layer.bias.allFinite()) {
      return;
    }
    throw core::DataError(
        {.where = "surrogate.NeuralEnsemble",
         .expected = "finite weights (" + std::to_string(rows) + ", " + std::to_string(columns) + ") and biases",
         .received = "(" + std::to_string(layer.weight.rows()) + ", " + std::to_string(layer.weight.cols()) +
                     ") weights and " + std::to_string(layer.bias.size()) + " biases, or one that is not finite",
         .place = place + ", layer " + name,
         .hint = {}});
  };
  const Eigen::Index width = network.input.weight.rows();
  require(network.input, width, inputs, "input");
  for (std::size_t b = 0; b < network.blocks.size(); ++b) {
    const ResidualNetwork::Block& block = network.blocks[b];
    const std::string name = "block " + std::to_string(b);
    require(block.inner, block.inner.weight.rows(), width, name + " inner");
    require(block.outer, width, block.inner.weight.rows(), name + " outer");
  }
  require(network.head, 2 * responses, width, "head");
}

}  // namespace luban::surrogate::detail
