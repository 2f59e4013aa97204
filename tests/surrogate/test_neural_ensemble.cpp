#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/mixture_posterior.hpp>
#include <luban/surrogate/neural_ensemble.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

DenseLayer layer(Index outputs, Index inputs, core::Generator& generator) {
  DenseLayer out{.weight = MatrixXd(outputs, inputs), .bias = VectorXd(outputs)};
  for (double& value : out.weight.reshaped()) value = 0.6 * generator.normal();
  for (double& value : out.bias) value = 0.3 * generator.normal();
  return out;
}

features::Encoder encoder() {
  return features::Encoder({test::numeric("feed"), test::numeric("speed"), test::categorical("material", 3),
                            test::categorical("position", 2, features::Role::noise)});
}

NetworkScaling scaling(const features::Encoder& of) {
  const Index d = of.one_hot_width();
  return {.input_mean = VectorXd::LinSpaced(d, 0.1, 0.6),
          .input_scale = VectorXd::LinSpaced(d, 0.5, 1.5),
          .output_location = VectorXd{{10.0, -3.0}},
          .output_scale = VectorXd{{2.0, 0.5}},
          .between_share = VectorXd{{0.4, 1.0}}};
}

std::vector<ResidualNetwork> networks(const features::Encoder& of, int count) {
  core::Generator generator(3);
  std::vector<ResidualNetwork> out(static_cast<std::size_t>(count));
  for (ResidualNetwork& network : out) {
    network.input = layer(6, of.one_hot_width(), generator);
    network.blocks = {{layer(9, 6, generator), layer(6, 9, generator)},
                      {layer(4, 6, generator), layer(6, 4, generator)}};
    network.head = layer(4, 6, generator);
  }
  return out;
}

NeuralEnsemble ensemble(int members = 3) {
  const features::Encoder of = encoder();
  return {of, {{"roughness", "um"}, {"force", "N"}}, scaling(of), networks(of, members)};
}

TEST(neural_ensemble, is_the_network_that_it_says) {
  const NeuralEnsemble model = ensemble(2);
  const MatrixXd X = test::random_inputs(model.encoder(), 5, 1);
  const MatrixXd z = model.scaling().inputs(model.encoder(), X);
  MatrixXd mean = MatrixXd::Zero(5, 2);
  const auto silu = [](double a) { return a / (1.0 + std::exp(-a)); };
  for (const ResidualNetwork& network : model.members()) {
    for (Index i = 0; i < 5; ++i) {
      VectorXd h = network.input.weight * z.col(i) + network.input.bias;
      for (const auto& block : network.blocks) {
        const VectorXd inner = (block.inner.weight * h + block.inner.bias).unaryExpr(silu);
        h += block.outer.weight * inner + block.outer.bias;
      }
      const VectorXd out = network.head.weight * h + network.head.bias;
      mean.row(i) += 0.5 * (out.head(2).cwiseProduct(model.scaling().output_scale) + model.scaling().output_location);
      EXPECT_NEAR(noise_variance(network, z.col(i))(1, 0), smallest_noise_variance + std::log1p(std::exp(out(3))),
                  1e-12);
    }
  }
  EXPECT_LT((model.posterior(X)->mean() - mean).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(neural_ensemble, gradients_are_those_of_finite_differences) {
  const NeuralEnsemble model = ensemble();
  const MatrixXd X = test::random_inputs(model.encoder(), 20, 2);
  const auto posterior = model.posterior(X, {.gradients = true});
  const double h = 1e-6;
  for (Index k = 0; k < 2; ++k) {
    MatrixXd up = X;
    MatrixXd down = X;
    up.col(k).array() += h;
    down.col(k).array() -= h;
    const auto above = model.posterior(up);
    const auto below = model.posterior(down);
    for (Index r = 0; r < 2; ++r) {
      const VectorXd mean = (above->mean() - below->mean()).col(r) / (2.0 * h);
      const VectorXd variance =
          (above->variance(VarianceOf::latent) - below->variance(VarianceOf::latent)).col(r) / (2.0 * h);
      EXPECT_LT((posterior->mean_gradient(r).col(k) - mean).cwiseAbs().maxCoeff(), 1e-7);
      EXPECT_LT((posterior->variance_gradient(r).col(k) - variance).cwiseAbs().maxCoeff(), 1e-7);
    }
  }
  EXPECT_TRUE((posterior->mean_gradient(0).rightCols(2).array() == 0.0).all());
}

TEST(neural_ensemble, an_average_is_a_mixture_over_its_levels) {
  const NeuralEnsemble model = ensemble();
  const MatrixXd base = test::random_inputs(model.encoder(), 6, 4);
  MatrixXd X(12, 4);
  for (Index i = 0; i < 6; ++i) {
    X.row(2 * i) = X.row(2 * i + 1) = base.row(i);
    X(2 * i, 3) = 0.0;
    X(2 * i + 1, 3) = 1.0;
  }
  const VectorXd w{{0.3, 0.7}};
  const auto average = model.average(X, w, {.gradients = true, .joint = true});
  const auto ordinary = model.Surrogate::average(X, w, {.joint = true});
  EXPECT_LT((average->mean() - ordinary->mean()).cwiseAbs().maxCoeff(), 1e-12);
  for (Index r = 0; r < 2; ++r) {
    EXPECT_LT((average->covariance(r, VarianceOf::latent) - ordinary->covariance(r, VarianceOf::latent))
                  .cwiseAbs()
                  .maxCoeff(),
              1e-12);
  }
  EXPECT_LT((average->variance(VarianceOf::reading) - ordinary->variance(VarianceOf::reading)).cwiseAbs().maxCoeff(),
            1e-12);
}

TEST(neural_ensemble, comes_back_to_the_bit_and_refuses_damage) {
  const NeuralEnsemble model = ensemble();
  Artefact whole;
  whole.metadata = core::Json::object();
  model.write(whole);
  const auto back = NeuralEnsemble::read(whole);
  const MatrixXd X = test::random_inputs(model.encoder(), 30, 5);
  EXPECT_EQ(back->posterior(X)->mean(), model.posterior(X)->mean());
  EXPECT_EQ(back->posterior(X)->variance(VarianceOf::reading), model.posterior(X)->variance(VarianceOf::reading));
  EXPECT_EQ(back->responses()[1].unit, "N");
  for (const auto& [name, tensor] : whole.tensors) {
    Artefact damaged = whole;
    damaged.tensors.erase(name);
    EXPECT_THROW(static_cast<void>(NeuralEnsemble::read(damaged)), core::IntegrityError) << name;
    damaged = whole;
    damaged.tensors[name] = {.shape = {1}, .values = std::vector<double>{std::nan("")}};
    EXPECT_THROW(static_cast<void>(NeuralEnsemble::read(damaged)), core::IntegrityError) << name;
  }
  Artefact many = whole;
  core::Json json = many.metadata.at("neural_ensemble");
  json.set("members", std::int64_t{1} << 40);
  many.metadata.set("neural_ensemble", std::move(json));
  EXPECT_THROW(static_cast<void>(NeuralEnsemble::read(many)), core::IntegrityError);
}

TEST(neural_ensemble, leaves_responses_out) {
  const NeuralEnsemble model = ensemble();
  const MatrixXd X = test::random_inputs(model.encoder(), 4, 6);
  const auto second = model.only({1});
  EXPECT_EQ(second->responses()[0].name, "force");
  EXPECT_EQ(second->posterior(X)->mean().col(0), model.posterior(X)->mean().col(1));
  EXPECT_THROW(static_cast<void>(model.only({2})), core::ConfigurationError);
}

TEST(neural_ensemble, refuses_what_does_not_fit_together) {
  const features::Encoder of = encoder();
  const std::vector<features::ResponseColumn> responses{{"roughness", "um"}, {"force", "N"}};
  EXPECT_THROW(NeuralEnsemble(of, responses, scaling(of), networks(of, 1)), core::DataError);
  EXPECT_THROW(NeuralEnsemble(of, {}, scaling(of), networks(of, 2)), core::DataError);
  auto wrong = networks(of, 2);
  wrong[1].blocks[0].outer.weight.conservativeResize(5, Eigen::NoChange);
  EXPECT_THROW(NeuralEnsemble(of, responses, scaling(of), wrong), core::DataError);
  wrong = networks(of, 2);
  wrong[0].head.bias(0) = std::numeric_limits<double>::infinity();
  EXPECT_THROW(NeuralEnsemble(of, responses, scaling(of), wrong), core::DataError);
  NetworkScaling zero = scaling(of);
  zero.output_scale(0) = 0.0;
  EXPECT_THROW(NeuralEnsemble(of, responses, zero, networks(of, 2)), core::DataError);
}

// ---- the posterior of an ensemble

MixturePosterior two_members(bool noisy) {
  const double noise = noisy ? 0.04 : 0.0;
  const auto component = [&](double mean) {
    return MixturePosterior::Component{.mean = VectorXd::Constant(1, mean),
                                       .between_variance = VectorXd::Constant(1, noise),
                                       .within_variance = VectorXd::Constant(1, noise),
                                       .mean_gradient = {}};
  };
  return {{{component(-1.0), component(1.0)}}, true};
}

TEST(mixture_posterior, quantiles_and_densities_are_those_of_the_mixture) {
  const MixturePosterior posterior = two_members(true);
  const double sd = std::sqrt(0.08);
  const auto density = [&](double y) {
    const auto normal = [&](double mean) {
      return std::exp(-0.5 * std::pow((y - mean) / sd, 2)) / (sd * std::sqrt(2.0 * M_PI));
    };
    return 0.5 * (normal(-1.0) + normal(1.0));
  };
  for (const double y : {-2.0, -1.0, 0.0, 0.7, 1.4}) {
    EXPECT_NEAR(posterior.log_density(MatrixXd::Constant(1, 1, y), VarianceOf::reading)(0, 0), std::log(density(y)),
                1e-12);
  }
  double mass = 0.0;
  const double step = 1e-4;
  const double upper = posterior.quantile(0.8, VarianceOf::reading)(0, 0);
  for (double y = -4.0; y < upper; y += step) mass += step * density(y + 0.5 * step);
  EXPECT_NEAR(mass, 0.8, 1e-4);
  EXPECT_NEAR(posterior.quantile(0.5, VarianceOf::reading)(0, 0), 0.0, 1e-9);
  EXPECT_NEAR(posterior.variance(VarianceOf::latent)(0, 0), 1.0, 1e-12);
  EXPECT_NEAR(posterior.variance(VarianceOf::reading)(0, 0), 1.08, 1e-12);
}

TEST(mixture_posterior, without_noise_the_normal_of_the_same_moments_answers) {
  const MixturePosterior posterior = two_members(false);
  EXPECT_NEAR(posterior.quantile(0.975, VarianceOf::reading)(0, 0), 1.959963984540054, 1e-9);
  for (const MatrixXd& one : posterior.sample(50, core::RandomKey(1), VarianceOf::latent)) {
    EXPECT_EQ(std::abs(one(0, 0)), 1.0);
  }
}

}  // namespace
}  // namespace luban::surrogate
