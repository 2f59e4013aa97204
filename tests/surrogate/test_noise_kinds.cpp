// Noise that changes with the inputs, and noise whose variance is known beforehand.
#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/features/reduction.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/detail/log_posterior.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/presets.hpp>
#include <luban/surrogate/transformed_surrogate.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using detail::Covariance;
using detail::LogPosterior;
using test::Index;
using test::MatrixXd;
using test::VectorXd;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

test::Plan mixed() {
  return {.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("machine", 2),
                        test::categorical("position", 2, features::Role::noise)},
          .runs = 8,
          .points = 2,
          .repeats = 3};
}

ModelSpec varying_model() {
  return changed(preset("luban", 2, 2), {.noise_varies = true, .noise_inputs = {"feed", "machine", "position"}}).model;
}

VectorXd moved(const VectorXd& from, std::uint64_t seed) {
  core::Generator generator(seed);
  VectorXd out = from;
  for (double& value : out) value += 0.3 * generator.normal();
  return out;
}

double normal_log_density(const VectorXd& y, const MatrixXd& covariance) {
  const Eigen::LLT<MatrixXd> factor(covariance);
  const double log_determinant = 2.0 * factor.matrixLLT().diagonal().array().log().sum();
  return -0.5 *
         (y.dot(factor.solve(y)) + log_determinant + static_cast<double>(y.size()) * std::log(2.0 * std::numbers::pi));
}

// Every reading a row, noise spelled out entry by entry.
TEST(varying_noise, reduced_likelihood_is_that_of_all_readings) {
  const features::Dataset data = test::make(mixed());
  const ModelSpec model = varying_model();
  VectorXd weights = VectorXd::Ones(data.n());
  for (Index i = 0; i < data.n(); ++i) weights(i) = i % 7 == 3 ? 0.0 : 0.5 + 0.1 * static_cast<double>(i % 5);
  const LogPosterior target(model, std::make_shared<const Covariance>(model, data.encoder),
                            detail::standardise(features::reduce(data, 0, weights)));
  const VectorXd theta = moved(target.start(), 4);
  LogPosterior::Workspace work;
  const double reduced = target.value(theta, work).log_likelihood;
  std::vector<Index> rows;
  for (Index i = 0; i < data.n(); ++i) {
    if (weights(i) > 0.0) rows.push_back(i);
  }
  const MatrixXd X = data.X(rows, Eigen::all);
  const Covariance& covariance = target.covariance();
  const auto coordinates = covariance.coordinates(theta, covariance.points(X));
  MatrixXd c = covariance.cross(theta, coordinates, covariance.points(X)).value.array() + model.mean_variance;
  const detail::NoiseVariances noise = target.noise(theta);
  const VectorXd gamma = theta.tail(5);  // feed, two machines, two positions
  const auto shape = [&](Index i) {
    return std::exp((X(i, 0) - 0.5) * gamma(0) + gamma(1 + static_cast<Index>(X(i, 2))) +
                    gamma(3 + static_cast<Index>(X(i, 3))));
  };
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.rows(); ++j) {
      const auto run = [&](Index k) { return data.run[static_cast<std::size_t>(rows[static_cast<std::size_t>(k)])]; };
      const double both = std::sqrt(shape(i) * shape(j));
      if (run(i) == run(j)) c(i, j) += both * noise.between;
      if (run(i) == run(j) && X.row(i) == X.row(j)) c(i, j) += both * noise.point;
    }
    c(i, i) += shape(i) * noise.within / weights(rows[static_cast<std::size_t>(i)]);
  }
  const VectorXd raw = data.Y(rows, 0);
  const VectorXd y = (raw.array() - target.data().location) / target.data().scale;
  const double full = normal_log_density(y, c) - static_cast<double>(y.size()) * std::log(target.data().scale);
  EXPECT_NEAR(reduced, full, 1e-8 * std::abs(full));
}

TEST(varying_noise, hyperparameter_gradients_are_those_of_finite_differences) {
  test::Plan one_level = mixed();
  one_level.points = 1;
  one_level.repeats = 1;
  one_level.runs = 15;
  for (const test::Plan& plan : {mixed(), one_level}) {
    const features::Dataset data = test::make(plan);
    const ModelSpec model = varying_model();
    const LogPosterior target(model, std::make_shared<const Covariance>(model, data.encoder),
                              detail::standardise(features::reduce(data, 0, VectorXd::Ones(data.n()))));
    const VectorXd theta = moved(target.start(), 9);
    LogPosterior::Workspace work;
    static_cast<void>(target.value(theta, work));
    const Eigen::VectorXd gradient = target.gradient(theta, work);
    for (Index k = 0; k < theta.size(); ++k) {
      const auto at = [&](double step) {
        VectorXd there = theta;
        there(k) += step;
        return target.value(there, work).log_posterior;
      };
      const double h = 1e-5;
      const double difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
      EXPECT_NEAR(gradient(k), difference, 1e-5 * std::max(1.0, std::abs(difference)))
          << target.hyperparameters()[static_cast<std::size_t>(k)].name;
    }
  }
}

// Thirty settings read four times, the standard deviation of a reading grows from 0.05 to 0.8 over the feed.
features::Dataset growing(std::uint64_t seed) {
  features::Dataset data = test::make(
      {.variables = {test::numeric("feed"), test::numeric("speed")}, .runs = 40, .repeats = 4, .seed = seed});
  core::Generator generator(seed);
  for (Index i = 0; i < data.n(); ++i) {
    const double sd = 0.05 * std::pow(16.0, data.X(i, 0));
    data.Y(i, 0) = std::sin(3.0 * data.X(i, 0)) + data.X(i, 1) + sd * generator.normal();
  }
  return data;
}

GaussianProcessOptions varying_options() {
  const Preset base = changed(preset("luban", 2, 0), {.noise_varies = true});
  return {.preset = base.name, .robust = false, .model = base.model};
}

TEST(varying_noise, is_found_and_told_at_new_points) {
  const auto fitted = GaussianProcess::fit(growing(3), varying_options(), core::RandomKey(1));
  const MatrixXd X = (MatrixXd(3, 2) << 0.0, 0.5, 0.5, 0.5, 1.0, 0.5).finished();
  const auto posterior = fitted->posterior(X);
  const VectorXd reading = posterior->variance(VarianceOf::reading) - posterior->variance(VarianceOf::latent);
  EXPECT_NEAR(std::sqrt(reading(0)), 0.05, 0.02);
  EXPECT_NEAR(std::sqrt(reading(1)), 0.20, 0.05);
  EXPECT_NEAR(std::sqrt(reading(2)), 0.80, 0.25);
  const double even = std::pow(fitted->between_sd(0), 2) + std::pow(fitted->within_sd(0), 2);
  EXPECT_NEAR(even, reading(1), 1e-9 + 0.02 * even) << "the noise levels are those at the centre of the ranges";
  Artefact artefact;
  fitted->write(artefact);
  const auto again = GaussianProcess::read(artefact);
  EXPECT_EQ(again->posterior(X)->variance(VarianceOf::reading), posterior->variance(VarianceOf::reading));
  EXPECT_EQ(again->reports()[0].log_likelihood, fitted->reports()[0].log_likelihood);
  artefact.tensors.erase("gaussian_process/0/readings");
  EXPECT_THROW(static_cast<void>(GaussianProcess::read(artefact)), core::IntegrityError);
}

TEST(varying_noise, gradients_of_the_run_variance_are_those_of_finite_differences) {
  const auto fitted = GaussianProcess::fit(growing(4), varying_options(), core::RandomKey(1));
  const MatrixXd X = test::random_inputs(fitted->encoder(), 4, 6);
  const auto at = [&](Index column, double step) {
    MatrixXd there = X;
    there.col(column).array() += step;
    return VectorXd(fitted->posterior(there)->variance(VarianceOf::run_mean).col(0));
  };
  const MatrixXd stated = fitted->posterior(X, {.gradients = true})->run_variance_gradient(0);
  for (const Index column : {0, 1}) {
    const VectorXd difference = (at(column, 1e-5) - at(column, -1e-5)) / 2e-5;
    EXPECT_LT((stated.col(column) - difference).cwiseAbs().maxCoeff(), 1e-5);
  }
  // Beside fixed points the same is told.
  const auto made = fitted->beside(X.topRows(1));
  const auto beside = made->posterior(X.bottomRows(3), {.gradients = true, .joint = true});
  EXPECT_LT((beside->variance(VarianceOf::reading) - fitted->posterior(X.bottomRows(3))->variance(VarianceOf::reading))
                .cwiseAbs()
                .maxCoeff(),
            1e-9);
}

TEST(varying_noise, of_averages_is_that_of_their_levels) {
  const Preset base = changed(preset("luban", 2, 2), {.noise_varies = true});
  const auto fitted = GaussianProcess::fit(
      test::make(mixed()),
      {.preset = base.name, .starts = 1, .max_iterations = 10, .robust = false, .model = base.model},
      core::RandomKey(1));
  MatrixXd X(2, 4);
  X << 0.3, 0.6, 1.0, 0.0, 0.3, 0.6, 1.0, 1.0;
  const VectorXd weights{{0.3, 0.7}};
  const auto each = fitted->posterior(X);
  const auto average = fitted->average(X, weights, {.gradients = true});
  const VectorXd noise = each->variance(VarianceOf::reading) - each->variance(VarianceOf::latent);
  const VectorXd mean = each->mean();
  const double spread = weights.dot(mean.cwiseAbs2()) - std::pow(weights.dot(mean), 2);
  const double latent = weights.dot(each->variance(VarianceOf::latent).col(0));
  // A reading at one of the levels, drawn by their weights: its noise, the levels' spread and their own uncertainty.
  EXPECT_NEAR(average->variance(VarianceOf::reading)(0, 0), weights.dot(noise) + spread + latent, 1e-9);
  EXPECT_GT(average->between_gradient(0).cwiseAbs().maxCoeff(), 0.0);
}

// ---- known variances -------------------------------------------------------------------------------------------

features::Dataset known_data() {
  features::Dataset data = test::make({.variables = {test::numeric("feed")}, .runs = 30});
  core::Generator generator(8);
  data.noise_variance = MatrixXd(data.n(), 1);
  for (Index i = 0; i < data.n(); ++i) {
    const double sd = i % 2 == 0 ? 0.02 : 0.9;
    data.Y(i, 0) = std::sin(6.0 * data.X(i, 0)) + sd * generator.normal();
    data.noise_variance(i, 0) = sd * sd;
  }
  return data;
}

GaussianProcessOptions known_options(bool extra) {
  return {.preset = "matern_legacy", .robust = false, .extra_noise = extra};
}

// The posterior of a plain process with the variances on the diagonal.
TEST(known_noise, is_that_of_the_formula) {
  const features::Dataset data = known_data();
  const auto fitted = GaussianProcess::fit(data, known_options(false), core::RandomKey(1));
  const ModelSpec model = preset("matern_legacy", 1, 0).model;
  const Covariance covariance(model, data.encoder);
  const VectorXd theta = fitted->reports()[0].hyperparameters;
  const MatrixXd X = VectorXd::LinSpaced(7, 0.05, 0.95);
  // The scale of the training data is that of precision-weighted readings.
  const VectorXd precision = data.noise_variance.col(0).cwiseInverse();
  const double location = precision.dot(data.Y.col(0)) / precision.sum();
  const VectorXd centred = data.Y.col(0).array() - location;
  const double scale = std::sqrt(precision.dot(centred.cwiseAbs2()) / precision.sum());
  const auto coordinates = covariance.coordinates(theta, covariance.points(data.X));
  MatrixXd c = scale * scale * covariance.cross(theta, coordinates, covariance.points(data.X)).value;
  c.diagonal() += data.noise_variance.col(0);
  const MatrixXd k = scale * scale * covariance.cross(theta, coordinates, covariance.points(X)).value;
  const Eigen::LLT<MatrixXd> factor(c);
  const VectorXd ones = factor.solve(VectorXd::Ones(data.n()));
  const double mean = ones.dot(data.Y.col(0)) / ones.sum();
  const VectorXd expected = (k.transpose() * factor.solve((data.Y.col(0).array() - mean).matrix())).array() + mean;
  const auto posterior = fitted->posterior(X);
  EXPECT_LT((posterior->mean().col(0) - expected).cwiseAbs().maxCoeff(), 1e-8);
  EXPECT_EQ(posterior->variance(VarianceOf::run_mean), posterior->variance(VarianceOf::latent));
  EXPECT_NEAR(posterior->variance(VarianceOf::reading)(0, 0) - posterior->variance(VarianceOf::latent)(0, 0),
              data.noise_variance.mean(), 1e-9);
}

TEST(known_noise, trusts_precise_readings_more) {
  const features::Dataset data = known_data();
  features::Dataset blind = data;
  blind.noise_variance.resize(0, 0);
  const MatrixXd X = VectorXd::LinSpaced(50, 0.0, 1.0);
  const VectorXd truth = (6.0 * X.col(0).array()).sin();
  const auto error = [&](const features::Dataset& from) {
    return (GaussianProcess::fit(from, known_options(false), core::RandomKey(1))->posterior(X)->mean().col(0) - truth)
        .norm();
  };
  EXPECT_LT(error(data), 0.7 * error(blind));
}

TEST(known_noise, with_extra_learns_what_is_left_and_comes_back_from_a_file) {
  features::Dataset data = test::make({.variables = {test::numeric("feed")}, .runs = 60});
  core::Generator generator(2);
  for (Index i = 0; i < data.n(); ++i) data.Y(i, 0) = 2.0 * data.X(i, 0) + 0.5 * generator.normal();
  data.noise_variance = MatrixXd::Constant(data.n(), 1, 0.04);
  const auto fitted = GaussianProcess::fit(data, known_options(true), core::RandomKey(1));
  EXPECT_NEAR(fitted->within_sd(0), 0.2, 1e-9);
  EXPECT_NEAR(fitted->between_sd(0), std::sqrt(0.25 - 0.04), 0.12);
  Artefact artefact;
  fitted->write(artefact);
  const auto again = GaussianProcess::read(artefact);
  const MatrixXd X = VectorXd::LinSpaced(5, 0.0, 1.0);
  EXPECT_EQ(again->posterior(X)->variance(VarianceOf::reading), fitted->posterior(X)->variance(VarianceOf::reading));
  EXPECT_EQ(again->between_sd(0), fitted->between_sd(0));
}

TEST(known_noise, holds_with_repeats_missing_values_robust_rounds_and_two_responses) {
  features::Dataset data = test::make({.runs = 12, .repeats = 2, .responses = 2});
  data.noise_variance = MatrixXd::Constant(data.n(), 2, 0.01);
  data.Y(3, 1) = nan;
  data.noise_variance(3, 1) = nan;
  data.Y(0, 0) += 500.0;  // a gross error
  const auto fitted = GaussianProcess::fit(data, {.preset = "matern"}, core::RandomKey(1));
  EXPECT_GE(fitted->reports()[0].gross_errors, 1);
  EXPECT_NEAR(fitted->within_sd(1), 0.1, 1e-9);
  EXPECT_TRUE(fitted->posterior(data.X)->mean().allFinite());
}

TEST(known_noise, refuses_what_is_no_variance) {
  for (const double wrong : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
    features::Dataset data = known_data();
    data.noise_variance(4, 0) = wrong;
    EXPECT_THROW(static_cast<void>(GaussianProcess::fit(data, known_options(false), core::RandomKey(1))),
                 core::DataError);
  }
  features::Dataset data = known_data();
  data.noise_variance.conservativeResize(5, 1);
  EXPECT_THROW(static_cast<void>(GaussianProcess::fit(data, known_options(false), core::RandomKey(1))),
               core::DataError);
  const SurrogateFactory make = [](const features::Dataset& from, core::RandomKey key, const core::CallControl&) {
    return GaussianProcess::fit(from, {.starts = 1}, key);
  };
  EXPECT_THROW(
      static_cast<void>(TransformedSurrogate::fit(known_data(), {"yeo_johnson"}, make, core::RandomKey(1), {})),
      core::ConfigurationError);
}

TEST(known_noise, stays_with_the_readings_of_a_subset) {
  const features::Dataset data = known_data();
  EXPECT_EQ(data.subset({5, 2}).noise_variance, data.noise_variance(std::vector<Index>{2, 5}, Eigen::all));
}

}  // namespace
}  // namespace luban::surrogate
