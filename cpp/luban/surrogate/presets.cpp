#include <luban/surrogate/presets.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::surrogate {

namespace {

Prior log_normal(double mean, double sd) {
  return {.kind = Prior::Kind::log_normal, .a = mean, .b = sd};
}
Prior gamma(double shape, double rate) {
  return {.kind = Prior::Kind::gamma, .a = shape, .b = rate};
}
Prior normal_log(double mean, double sd) {
  return {.kind = Prior::Kind::normal_log, .a = mean, .b = sd};
}
HyperparameterSpec unit_variance() {
  return {.prior = {}, .low = 1.0, .high = 1.0, .start = 1.0, .fixed = true};
}

void same_noise_everywhere(ModelSpec& model, const HyperparameterSpec& noise) {
  model.between = noise;
  model.point = noise;
  model.within = noise;
}

// numeric × categorical under one variance: what the published presets have in common.
ModelSpec product_model(FactorKind kind, const HyperparameterSpec& length, const HyperparameterSpec& variance) {
  ModelSpec model;
  model.factors = {{.name = "numeric", .kind = kind, .isotropic = false, .length = length},
                   {.name = "category", .kind = FactorKind::categorical, .isotropic = false, .length = length}};
  model.terms = {{.name = "signal", .factors = {0, 1}, .variance = variance}};
  return model;
}

// What process data of few settings asks for: a smooth trend and a rough local departure from it, both differing by
// category. Priors in units of the standardised response and the [0, 1] inputs; settled on real production histories.
ModelSpec smooth_rough_model() {
  const auto around = [](double mean, double sd, double low, double high) {
    return HyperparameterSpec{.prior = normal_log(mean, sd), .low = low, .high = high, .start = std::exp(mean)};
  };
  const double least = std::exp(-14.0);
  const double most = std::exp(5.0);
  ModelSpec model;
  model.factors = {
      {.name = "trend", .kind = FactorKind::rbf, .isotropic = false, .length = around(0.55, 0.75, 0.025, 100.0)},
      {.name = "category",
       .kind = FactorKind::categorical,
       .isotropic = false,
       .length = around(0.5, 0.75, 0.05, 100.0)},
      {.name = "local",
       .kind = FactorKind::matern52,
       .isotropic = true,
       .length = around(std::log(0.2), 0.5, 0.02, 2.0)}};
  model.terms = {{.name = "trend", .factors = {0, 1}, .variance = around(std::log(0.3), 1.5, least, most)},
                 {.name = "local", .factors = {2, 1}, .variance = around(-3.0, 1.5, least, most)}};
  model.mean_variance = 1.0;
  model.between = around(-4.0, 1.0, std::exp(-12.0), std::exp(3.0));
  model.point = model.between;
  model.between.start = std::exp(-5.0);
  model.within = around(-4.0, 2.0, least, most);
  model.point_level = true;
  return model;
}

// The same with straight lines, common and by category, which neither a trend that returns to the mean nor a local
// term can carry beyond the settings seen.
ModelSpec luban_model() {
  ModelSpec model = smooth_rough_model();
  const HyperparameterSpec variance = model.terms[0].variance;
  model.factors.push_back({.name = "slope", .kind = FactorKind::linear, .isotropic = false, .length = {}});
  model.terms.push_back({.name = "slope", .factors = {3}, .variance = variance});
  model.terms.push_back({.name = "slope_by_category", .factors = {3, 1}, .variance = variance});
  return model;
}

ModelSpec hvarfner_model(FactorKind kind, double d, double least_noise) {
  const double mean = std::numbers::sqrt2 + 0.5 * std::log(d);
  ModelSpec model = product_model(
      kind, {.prior = log_normal(mean, std::numbers::sqrt3), .low = 0.025, .high = 1e4, .start = std::exp(mean - 3.0)},
      unit_variance());
  same_noise_everywhere(model,
                        {.prior = log_normal(-4.0, 1.0), .low = least_noise, .high = 1e2, .start = std::exp(-5.0)});
  return model;
}

// Where there is no noise, simulations say, priors that keep the amplitude and expect some noise teach too slowly:
// smooth courses are then seen as what they are, of any amplitude, with next to nothing between the points.
ModelSpec quiet_matern_model(double d) {
  ModelSpec model = hvarfner_model(FactorKind::matern52, d, 1e-6);
  // The bounds keep what is believed of the points themselves, about the noise, above what rounding leaves of it, about
  // 1e-16 · points · variance² / noise.
  model.terms[0].variance = {.prior = normal_log(0.0, 1.0), .low = 1e-2, .high = 10.0, .start = 1.0};
  same_noise_everywhere(model, {.prior = normal_log(-5.0, 3.0), .low = 3e-6, .high = 1e2, .start = std::exp(-5.0)});
  return model;
}

ModelSpec matern_legacy_model() {
  ModelSpec model =
      product_model(FactorKind::matern52, {.prior = gamma(3.0, 6.0), .low = 1e-3, .high = 1e4, .start = 1.0 / 3.0},
                    {.prior = gamma(2.0, 0.15), .low = 1e-4, .high = 1e4, .start = 1.0 / 0.15});
  same_noise_everywhere(model, {.prior = gamma(1.1, 0.05), .low = 1e-4, .high = 1e4, .start = 2.0});
  return model;
}

ModelSpec baybe_model(double d) {
  const double mode = std::exp(std::numbers::sqrt2 - 3.0) * std::sqrt(d);
  ModelSpec model =
      product_model(FactorKind::matern52, {.prior = gamma(3.0, 2.0 / mode), .low = 0.025, .high = 1e4, .start = mode},
                    unit_variance());
  same_noise_everywhere(model, {.prior = gamma(2.0, std::exp(5.0)), .low = 1e-4, .high = 1e2, .start = std::exp(-5.0)});
  return model;
}

ModelSpec turbo_model() {
  ModelSpec model = product_model(FactorKind::matern52, {.prior = {}, .low = 0.005, .high = 2.0, .start = 0.5},
                                  {.prior = {}, .low = 0.05, .high = 20.0, .start = 1.0});
  same_noise_everywhere(model, {.prior = {}, .low = 5e-4, .high = 0.2, .start = 0.005});
  return model;
}

// Numeric and categorical inputs in one distance under one variance.
ModelSpec one_distance_model(const HyperparameterSpec& length, const HyperparameterSpec& variance) {
  ModelSpec model;
  model.factors = {{.name = "numeric", .kind = FactorKind::matern52, .length = length, .with_categories = true}};
  model.terms = {{.name = "signal", .factors = {0}, .variance = variance}};
  return model;
}

ModelSpec vizier_model() {
  // Penalty 0.01 ln(v / centre)² on squared length, variance and noise: a normal on ln v of standard deviation √50.
  const double sd = std::sqrt(50.0);
  ModelSpec model =
      one_distance_model({.prior = normal_log(0.5 * std::log(0.5), 0.5 * sd), .low = 0.1, .high = 10.0, .start = 1.0},
                         {.prior = normal_log(std::log(0.039), sd), .low = 1e-3, .high = 10.0, .start = 0.039});
  same_noise_everywhere(model, {.prior = normal_log(std::log(0.0039), sd), .low = 1e-10, .high = 1.0, .start = 0.0039});
  return model;
}

ModelSpec optuna_model() {
  // Log prior −(0.1 / t + 0.1 t) of t = 1 / length².
  const Prior around_one{.kind = Prior::Kind::two_sided, .a = 0.1, .b = 0.1};
  ModelSpec model = one_distance_model({.prior = around_one, .low = 1e-3, .high = 1e3, .start = 1.0},
                                       {.prior = gamma(2.0, 1.0), .low = 1e-4, .high = 1e4, .start = 1.0});
  same_noise_everywhere(model, {.prior = gamma(1.1, 30.0), .low = 1e-6, .high = 1e2, .start = 1.0 / 30.0});
  return model;
}

// HEBO's competition entry, whose library maximises densities of logarithms: its Gamma(0.5, 1) of the variances is, for
// the logarithm, what Gamma(1.5, 1) is for the value.
ModelSpec hebo_model() {
  const HyperparameterSpec length{.prior = {}, .low = 0.01, .high = 100.0, .start = 1.0};
  const HyperparameterSpec variance{.prior = gamma(1.5, 1.0), .low = 1e-4, .high = 1e3, .start = 0.5};
  const HyperparameterSpec bend{.prior = normal_log(0.0, 0.75), .low = 0.1, .high = 10.0, .start = 1.0};
  ModelSpec model = product_model(FactorKind::matern32, length, variance);
  model.factors.push_back({.name = "slope", .kind = FactorKind::linear, .isotropic = false, .length = {}});
  model.terms.push_back({.name = "slope", .factors = {2}, .variance = variance});
  model.warp = {.used = true, .a = bend, .b = bend};
  same_noise_everywhere(model, {.prior = normal_log(-4.63, 0.5), .low = 1e-6, .high = 1e2, .start = std::exp(-4.63)});
  return model;
}

}  // namespace

std::vector<Preset> presets(Eigen::Index numeric, Eigen::Index categorical) {
  const auto d = static_cast<double>(std::max<Eigen::Index>(numeric + categorical, 1));
  return {
      {"luban",
       "Smooth trend, rough local departure and straight lines, each by category; for few settings, read often.",
       luban_model()},
      {"smooth_rough", "Smooth trend and rough local departure by category, without straight lines.",
       smooth_rough_model()},
      {"hvarfner", "RBF without output scale, length priors that grow with the dimension (Hvarfner et al. 2024).",
       hvarfner_model(FactorKind::rbf, d, 1e-4)},
      {"matern",
       "Matérn-5/2 with the priors of hvarfner; where next to no noise is seen, with an output scale and wide priors.",
       hvarfner_model(FactorKind::matern52, d, 1e-6), quiet_matern_model(d)},
      {"matern_legacy", "Matérn-5/2 with gamma priors, the default of BoTorch before 0.12.", matern_legacy_model()},
      {"baybe", "Matérn-5/2 without output scale, gamma length priors that grow with the dimension (BayBE).",
       baybe_model(d)},
      {"turbo", "Matérn-5/2, maximum likelihood within bounds (Eriksson et al. 2019).", turbo_model()},
      {"vizier", "Matérn-5/2 with weak log-quadratic penalties, categories in the same distance (Song et al. 2024).",
       vizier_model()},
      {"optuna", "Matérn-5/2 with priors that keep lengths around 1, categories in the same distance (Optuna).",
       optuna_model()},
      {"hebo", "Matérn-3/2 and straight lines on inputs bent as the data ask (Cowen-Rivers et al. 2022).",
       hebo_model()},
  };
}

Preset preset(const std::string& name, Eigen::Index numeric, Eigen::Index categorical) {
  std::vector<std::string> known;
  for (Preset& candidate : presets(numeric, categorical)) {
    if (candidate.name == name) return std::move(candidate);
    known.push_back(candidate.name);
  }
  throw core::ConfigurationError({.where = "surrogate.preset",
                                  .expected = "one of " + core::listed(known),
                                  .received = core::quoted(name),
                                  .place = {},
                                  .hint = core::nearest_hint(name, known)});
}

}  // namespace luban::surrogate
