#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <luban/surrogate/corrected_surrogate.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/linear_model.hpp>
#include <luban/surrogate/neural_ensemble.hpp>
#include <luban/surrogate/noise_average.hpp>

#include "hand_made.hpp"

namespace luban::surrogate::test {

struct Named {
  std::string name;
  std::shared_ptr<const Surrogate> surrogate;
};

inline Plan mixed_plan() {
  return {.variables = {numeric("feed"), numeric("speed"), categorical("material", 3, features::Role::parameter),
                        categorical("position", 2, features::Role::noise)},
          .runs = 14,
          .points = 2,
          .repeats = 2,
          .responses = 2};
}

inline std::shared_ptr<const GaussianProcess> process(const std::string& preset, const Plan& plan = mixed_plan()) {
  return GaussianProcess::fit(make(plan), {.preset = preset, .starts = 1}, core::RandomKey(3));
}

inline std::shared_ptr<const Surrogate> averaged(std::shared_ptr<const Surrogate> inner) {
  NoiseLevels levels{(MatrixXd(2, 1) << 0.0, 1.0).finished(), (VectorXd(2) << 0.3, 0.7).finished()};
  return std::make_shared<AveragedSurrogate>(std::move(inner), std::move(levels));
}

inline std::shared_ptr<const Surrogate> corrected(std::shared_ptr<const Surrogate> inner) {
  constexpr double always = std::numeric_limits<double>::infinity();
  const features::Encoder& encoder = inner->encoder();
  const VectorXd lengths = (VectorXd(4) << 0.5, 0.4, 2.0, always).finished();
  const std::vector<ResidualTerm> terms = {
      {.variance = 0.5, .lengths = (VectorXd(4) << always, always, 1.4, always).finished(), .time_constant = 8.0},
      {.variance = 0.3, .lengths = lengths}};
  core::Generator generator(3);
  VectorXd residuals(9);
  for (double& value : residuals) value = generator.normal();
  auto process =
      std::make_shared<const ResidualProcess>(encoder, random_inputs(encoder, 9, 5), VectorXd::LinSpaced(9, 0.0, 8.0),
                                              residuals, VectorXd::Constant(9, 0.04), terms);
  return std::make_shared<CorrectedSurrogate>(std::move(inner), CorrectedSurrogate::Corrections{process, nullptr},
                                              10.0);
}

inline std::shared_ptr<const Surrogate> ensemble() {
  const features::Encoder encoder(mixed_plan().variables);
  core::Generator generator(3);
  const auto layer = [&](Index outputs, Index inputs) {
    DenseLayer out{.weight = MatrixXd(outputs, inputs), .bias = VectorXd(outputs)};
    for (double& value : out.weight.reshaped()) value = 0.6 * generator.normal();
    for (double& value : out.bias) value = 0.3 * generator.normal();
    return out;
  };
  const Index d = encoder.one_hot_width();
  std::vector<ResidualNetwork> members(4);
  for (ResidualNetwork& network : members) {
    network.input = layer(6, d);
    network.blocks = {{layer(9, 6), layer(6, 9)}};
    network.head = layer(4, 6);
  }
  const NetworkScaling scaling{.input_mean = VectorXd::LinSpaced(d, 0.1, 0.6),
                               .input_scale = VectorXd::LinSpaced(d, 0.5, 1.5),
                               .output_location = VectorXd{{10.0, -3.0}},
                               .output_scale = VectorXd{{2.0, 0.5}},
                               .between_share = VectorXd{{0.4, 1.0}}};
  return std::make_shared<NeuralEnsemble>(encoder, std::vector<features::ResponseColumn>{{"a", "um"}, {"b", "N"}},
                                          scaling, std::move(members));
}

/// One of every kind of surrogate that knows gradients.
inline std::vector<Named> many_surrogates() {
  const features::Dataset data = make(mixed_plan());
  std::vector<Named> out;
  for (const char* preset : {"luban", "hvarfner", "matern_legacy"}) out.push_back({preset, process(preset)});
  out.push_back({"averaged", averaged(process("luban"))});
  out.push_back({"corrected", corrected(process("matern"))});
  out.push_back({"averaged corrected", averaged(corrected(process("smooth_rough")))});
  out.push_back({"ridge", fit_ridge(data)});
  out.push_back({"quadratic ridge", fit_ridge(data, {.quadratic = true})});
  out.push_back({"averaged quadratic ridge", averaged(fit_ridge(data, {.quadratic = true}))});
  out.push_back({"trivial", fit_trivial(data)});
  out.push_back({"ensemble", ensemble()});
  out.push_back({"averaged ensemble", averaged(ensemble())});
  return out;
}

/// Symmetric weights, some of them negative.
inline MatrixXd random_symmetric(Index q, std::uint64_t seed) {
  core::Generator generator(seed);
  MatrixXd out(q, q);
  for (double& value : out.reshaped()) value = generator.normal();
  return 0.5 * (out + out.transpose());
}

}  // namespace luban::surrogate::test
