// Bent inputs: the formula, what happens at the ends and beyond, derivatives; factors of chosen inputs.
#include <cmath>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/features/reduction.hpp>
#include <luban/surrogate/detail/log_posterior.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/presets.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using detail::Covariance;
using detail::LogPosterior;
using test::Index;
using test::MatrixXd;
using test::VectorXd;

features::Encoder encoder_of_two() {
  return features::Encoder({test::numeric("feed"), test::numeric("speed")});
}

ModelSpec warped_rbf() {
  const HyperparameterSpec one{.prior = {}, .low = 1e-3, .high = 1e3, .start = 1.0};
  ModelSpec model;
  model.factors = {{.name = "numeric", .kind = FactorKind::rbf, .length = one}};
  model.terms = {{.name = "signal", .factors = {0}, .variance = one}};
  model.warp = {.used = true, .a = one, .b = one};
  model.between = model.point = model.within = one;
  return model;
}

MatrixXd covariance_at(const ModelSpec& model, const features::Encoder& encoder, const VectorXd& theta,
                       const MatrixXd& X) {
  const Covariance covariance(model, encoder);
  const auto coordinates = covariance.coordinates(theta, covariance.points(X));
  return covariance.cross(theta, coordinates, covariance.points(X)).value;
}

// lengths of feed and speed, variance, a and b of feed, a and b of speed
VectorXd theta_of(double a, double b) {
  return VectorXd{{0.0, 0.0, 0.0, std::log(a), std::log(b), 0.0, 0.0}};
}

TEST(input_warp, is_its_formula_inside_and_goes_straight_on_outside) {
  const double a = 0.6;
  const double b = 2.5;
  const auto bent = [&](double x) { return 1.0 - std::pow(1.0 - std::pow(x, a), b); };
  const auto distance = [&](double x, double z) {
    const MatrixXd X = (MatrixXd(2, 2) << x, 0.5, z, 0.5).finished();
    return std::sqrt(-2.0 * std::log(covariance_at(warped_rbf(), encoder_of_two(), theta_of(a, b), X)(0, 1)));
  };
  EXPECT_NEAR(distance(0.3, 0.8), bent(0.8) - bent(0.3), 1e-5);
  EXPECT_NEAR(distance(0.05, 0.5), bent(0.5) - bent(0.05), 1e-5);
  EXPECT_NEAR(distance(-0.7, -0.2), 0.5, 1e-9);
  EXPECT_NEAR(distance(1.1, 1.7), 0.6, 1e-9);
  EXPECT_NEAR(distance(0.5, 1.25), bent(1.0) - bent(0.5) + 0.25, 1e-3);
}

TEST(input_warp, of_ones_bends_nothing) {
  const MatrixXd X = test::random_inputs(encoder_of_two(), 6, 4);
  ModelSpec straight = warped_rbf();
  straight.warp = {};
  const VectorXd lengths = theta_of(1.0, 1.0).head(3);
  EXPECT_LT((covariance_at(warped_rbf(), encoder_of_two(), theta_of(1.0, 1.0), X) -
             covariance_at(straight, encoder_of_two(), lengths, X))
                .cwiseAbs()
                .maxCoeff(),
            1e-5);
}

TEST(input_warp, gradients_are_finite_at_the_ends_and_right_beyond) {
  const Covariance covariance(warped_rbf(), encoder_of_two());
  for (const double a : {0.1, 1.0, 10.0}) {
    for (const double b : {0.1, 1.0, 10.0}) {
      const VectorXd theta = theta_of(a, b);
      const MatrixXd X = (MatrixXd(4, 2) << 0.0, 0.3, 1.0, 0.6, -0.4, 0.2, 1.3, 0.9).finished();
      const auto coordinates =
          covariance.coordinates(theta, covariance.points(test::random_inputs(encoder_of_two(), 5, 2)));
      const auto at = [&](const MatrixXd& points) {
        return covariance.cross(theta, coordinates, covariance.points(points));
      };
      const MatrixXd ones = MatrixXd::Ones(5, 4);
      const MatrixXd gradient = covariance.input_gradients(theta, at(X), {&ones})[0];
      EXPECT_TRUE(gradient.allFinite());
      MatrixXd up = X;
      MatrixXd down = X;
      up.col(0).array() += 1e-5;
      down.col(0).array() -= 1e-5;
      const VectorXd difference = (at(up).value - at(down).value).colwise().sum().transpose() / 2e-5;
      EXPECT_NEAR(gradient(2, 0), difference(2), 1e-6);
      EXPECT_NEAR(gradient(3, 0), difference(3), 1e-6);
    }
  }
}

TEST(input_warp, hyperparameter_gradients_hold_with_runs_at_the_ends) {
  features::Dataset data = test::make(
      {.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("material", 2)}, .runs = 80});
  data.X(0, 0) = 0.0;
  data.X(1, 0) = 1.0;
  data.X(2, 1) = 1.2;
  const ModelSpec model = preset("hebo", 2, 1).model;
  const LogPosterior whole(model, std::make_shared<const Covariance>(model, data.encoder),
                           detail::standardise(features::reduce(data, 0, VectorXd::Ones(data.n()))));
  core::Generator generator(3);
  VectorXd theta = whole.start();
  for (double& value : theta) value += 0.3 * generator.normal();
  LogPosterior::Workspace work;
  static_cast<void>(whole.value(theta, work));
  const Eigen::VectorXd gradient = whole.gradient(theta, work);
  for (Index k = 0; k < theta.size(); ++k) {
    const auto at = [&](double step) {
      VectorXd moved = theta;
      moved(k) += step;
      return whole.value(moved, work).log_posterior;
    };
    const double h = 1e-4;
    const double difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
    EXPECT_NEAR(gradient(k), difference, 1e-5 * std::max(1.0, std::abs(difference)))
        << whole.hyperparameters()[static_cast<std::size_t>(k)].name;
  }
}

// A response that moves fast near 0 and slowly elsewhere: bending predicts it better, and survives the file.
TEST(input_warp, learns_a_response_that_changes_at_one_end) {
  features::Dataset data = test::make({.variables = {test::numeric("feed")}, .runs = 25});
  const auto response = [](double x) { return std::sin(12.0 * std::pow(x, 0.25)); };
  const auto nearer_zero = [](double u) { return std::pow(u, 4.0); };
  for (double& x : data.X.reshaped()) x = nearer_zero(x);
  for (Index i = 0; i < data.n(); ++i) data.Y(i, 0) = response(data.X(i, 0));
  const auto error = [&](bool warped) {
    const Preset base = changed(preset("matern_legacy", 1, 0), {.warped = warped});
    const auto fitted =
        GaussianProcess::fit(data, {.preset = base.name, .robust = false, .model = base.model}, core::RandomKey(1));
    MatrixXd X = VectorXd::LinSpaced(60, 0.1, 0.98);
    for (double& x : X.reshaped()) x = nearer_zero(x);
    const VectorXd mean = fitted->posterior(X)->mean();
    double sum = 0.0;
    for (Index i = 0; i < X.rows(); ++i) sum += std::pow(mean(i) - response(X(i, 0)), 2);
    return std::sqrt(sum / static_cast<double>(X.rows()));
  };
  EXPECT_LT(error(true), 0.5 * error(false));
  Artefact artefact;
  const auto fitted = GaussianProcess::fit(data, {.preset = "hebo"}, core::RandomKey(1));
  fitted->write(artefact);
  const MatrixXd X = VectorXd::LinSpaced(9, -0.2, 1.2);
  EXPECT_EQ(GaussianProcess::read(artefact)->posterior(X)->mean(), fitted->posterior(X)->mean());
}

TEST(factors, look_at_chosen_inputs_alone) {
  const features::Encoder encoder(
      {test::numeric("a"), test::categorical("m", 3), test::numeric("b"), test::categorical("k", 2)});
  const HyperparameterSpec one{.prior = {}, .low = 1e-3, .high = 1e3, .start = 1.0};
  ModelSpec model;
  model.factors = {{.name = "b", .kind = FactorKind::rbf, .length = one, .inputs = {"b"}},
                   {.name = "without b and m",
                    .kind = FactorKind::rbf,
                    .length = one,
                    .with_categories = true,
                    .without = {"b", "m"}},
                   {.name = "k", .kind = FactorKind::categorical, .length = one, .inputs = {"k"}},
                   {.name = "nothing", .kind = FactorKind::linear, .length = one, .inputs = {"m"}}};
  model.terms = {{.name = "first", .factors = {0, 3}, .variance = one},
                 {.name = "second", .factors = {1}, .variance = one},
                 {.name = "third", .factors = {0, 2}, .variance = one}};
  const Covariance covariance(model, encoder);
  std::vector<std::string> names;
  for (const auto& parameter : covariance.hyperparameters()) names.push_back(parameter.name);
  EXPECT_EQ(names, (std::vector<std::string>{"log_length:b:b", "log_length:without b and m:a",
                                             "log_length:without b and m:k", "log_length:k:k", "log_variance:first",
                                             "log_variance:second", "log_variance:third"}));
  const VectorXd theta = VectorXd::Zero(7);
  const MatrixXd X = (MatrixXd(2, 4) << 0.1, 0, 0.2, 1, 0.4, 2, 0.9, 0).finished();
  const double by_b = std::exp(-0.5 * 0.49);
  EXPECT_NEAR(covariance_at(model, encoder, theta, X)(0, 1),
              by_b + std::exp(-0.5 * (0.09 + 1.0)) + by_b * std::exp(-1.0), 1e-12);
  const auto coordinates = covariance.coordinates(theta, covariance.points(X));
  const auto sum_at = [&](Index column, double step) {
    MatrixXd moved = X;
    moved.col(column).array() += step;
    return covariance.cross(theta, coordinates, covariance.points(moved)).value.sum();
  };
  const MatrixXd ones = MatrixXd::Ones(2, 2);
  const MatrixXd gradient =
      covariance.input_gradients(theta, covariance.cross(theta, coordinates, covariance.points(X)), {&ones})[0];
  for (const Index column : {0, 2}) {
    EXPECT_NEAR(gradient.col(column).sum(), (sum_at(column, 1e-6) - sum_at(column, -1e-6)) / 2e-6, 1e-8);
  }
  EXPECT_EQ(to_json(model_from_json(to_json(model))).dump(), to_json(model).dump());
  model.factors[0].inputs = {"feeed"};
  EXPECT_THROW(Covariance(model, encoder), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::surrogate
