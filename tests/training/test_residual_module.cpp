// The network in torch against the one without: values, noise, gradients.
#include <luban/training/detail/residual_module.hpp>

#include <gtest/gtest.h>

#include <luban/surrogate/neural_ensemble.hpp>
#include <luban/surrogate/posterior.hpp>

#include "hand_made.hpp"

namespace luban::training::detail {
namespace {

using surrogate::NeuralEnsemble;
using surrogate::VarianceOf;

constexpr Eigen::Index responses = 2;

features::Encoder encoder() {
  return features::Encoder({surrogate::test::numeric("feed"), surrogate::test::numeric("speed"),
                            surrogate::test::categorical("material", 3)});
}

/// Scaling with no round number in it.
surrogate::NetworkScaling scaling(Eigen::Index inputs) {
  surrogate::NetworkScaling out;
  out.input_mean = Eigen::VectorXd::LinSpaced(inputs, 0.1, 0.7);
  out.input_scale = Eigen::VectorXd::LinSpaced(inputs, 0.3, 1.9);
  out.output_location = Eigen::VectorXd{{3.0, -40.0}};
  out.output_scale = Eigen::VectorXd{{0.5, 12.0}};
  out.between_share = Eigen::VectorXd{{0.25, 0.0}};
  return out;
}

struct Pair {
  std::vector<ResidualModule> modules;
  std::shared_ptr<const NeuralEnsemble> ensemble;
};

Pair make(torch::ScalarType type) {
  Pair out;
  const features::Encoder of = encoder();
  const NetworkShape shape{.inputs = of.one_hot_width(), .responses = responses, .hidden = {24, 17, 9}};
  std::vector<surrogate::ResidualNetwork> members;
  for (std::uint64_t k = 0; k < 3; ++k) {
    std::vector<double> start = ResidualModule::start(shape, core::RandomKey(k));
    EXPECT_EQ(static_cast<std::int64_t>(start.size()), shape.size());
    core::Generator generator(100 + k);
    for (double& value : start) value += 0.3 * generator.normal();  // no bias stays 0, no weight small
    out.modules.emplace_back(shape, torch::tensor(start, torch::kFloat64).to(type));
    members.push_back(out.modules.back().network());
  }
  out.ensemble = std::make_shared<const NeuralEnsemble>(
      of, std::vector<features::ResponseColumn>{{"roughness", "um"}, {"force", "N"}}, scaling(of.one_hot_width()),
      std::move(members));
  return out;
}

class Twins : public testing::TestWithParam<std::pair<torch::ScalarType, double>> {};

TEST_P(Twins, agree_in_value_noise_and_gradient) {
  const auto [type, tolerance] = GetParam();
  const Pair pair = make(type);
  const Eigen::MatrixXd X = surrogate::test::random_inputs(pair.ensemble->encoder(), 50, 7);
  const auto posterior = pair.ensemble->posterior(X, {.gradients = true});
  const auto scale = pair.ensemble->scaling().output_scale;
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(X.rows(), responses);
  Eigen::MatrixXd noise = mean;
  std::vector<Eigen::MatrixXd> gradient(responses, Eigen::MatrixXd::Zero(X.rows(), 2));
  for (const ResidualModule& module : pair.modules) {
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    RowMajor rows = pair.ensemble->scaling().inputs(pair.ensemble->encoder(), X).transpose();
    torch::Tensor z = torch::from_blob(rows.data(), {rows.rows(), rows.cols()}, torch::kFloat64).to(type);
    z.set_requires_grad(true);
    const auto [means, variances] = module.forward(z);
    for (Eigen::Index r = 0; r < responses; ++r) {
      const torch::Tensor slope =
          torch::autograd::grad({means.select(1, r).sum()}, {z}, {}, true)[0].to(torch::kFloat64);
      for (Eigen::Index i = 0; i < X.rows(); ++i) {
        mean(i, r) += means[i][r].item<double>() / 3.0;
        noise(i, r) += variances[i][r].item<double>() / 3.0;
        for (Eigen::Index k = 0; k < 2; ++k) {
          gradient[static_cast<std::size_t>(r)](i, k) += slope[i][k].item<double>() / 3.0;
        }
      }
    }
  }
  const Eigen::MatrixXd latent = posterior->variance(VarianceOf::latent);
  const Eigen::MatrixXd reading = posterior->variance(VarianceOf::reading);
  for (Eigen::Index r = 0; r < responses; ++r) {  // all in standard deviations of the response
    const Eigen::VectorXd got =
        (posterior->mean().col(r).array() - pair.ensemble->scaling().output_location(r)) / scale(r);
    EXPECT_LT((got - mean.col(r)).cwiseAbs().maxCoeff(), tolerance);
    const Eigen::VectorXd spread = (reading - latent).col(r) / (scale(r) * scale(r));
    EXPECT_LT((spread - noise.col(r)).cwiseAbs().maxCoeff(), tolerance);
    const Eigen::MatrixXd slope =  // by the standardised inputs, as torch has them
        posterior->mean_gradient(r).leftCols(2) * pair.ensemble->scaling().input_scale.head(2).asDiagonal() / scale(r);
    EXPECT_LT((slope - gradient[static_cast<std::size_t>(r)]).cwiseAbs().maxCoeff(), tolerance);
    EXPECT_TRUE((posterior->mean_gradient(r).col(2).array() == 0.0).all()) << "a category has a gradient";
  }
}

INSTANTIATE_TEST_SUITE_P(precisions, Twins,
                         testing::Values(std::pair{torch::kFloat64, 1e-12}, std::pair{torch::kFloat32, 1e-5}));

TEST(residual_module, gradients_of_the_parameters_land_in_the_flat_one) {
  const NetworkShape shape{.inputs = 3, .responses = 1, .hidden = {5, 4}};
  const std::vector<double> start = ResidualModule::start(shape, core::RandomKey(1));
  ResidualModule module(shape, torch::tensor(start, torch::kFloat64));
  const torch::Tensor z = torch::linspace(-1.0, 1.0, 12, torch::kFloat64).view({4, 3});
  const auto loss = [&](ResidualModule& of) {
    const auto [mean, variance] = of.forward(z);
    return (mean.square() + variance.log()).sum();
  };
  loss(module).backward();
  const double h = 1e-6;
  for (std::size_t k = 0; k < start.size(); ++k) {
    const auto at = [&](double shift) {
      std::vector<double> moved = start;
      moved[k] += shift;
      ResidualModule other(shape, torch::tensor(moved, torch::kFloat64));
      return loss(other).item<double>();
    };
    EXPECT_NEAR(module.gradient()[static_cast<std::int64_t>(k)].item<double>(), (at(h) - at(-h)) / (2.0 * h), 1e-6)
        << k;
  }
}

}  // namespace
}  // namespace luban::training::detail
