#include <cmath>
#include <numbers>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/features/reduction.hpp>
#include <luban/surrogate/detail/conditioned.hpp>
#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/log_posterior.hpp>
#include <luban/surrogate/presets.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using detail::Covariance;
using detail::LogPosterior;
using test::Index;
using test::MatrixXd;
using test::Plan;
using test::VectorXd;

Index numeric_count(const features::Encoder& encoder) {
  Index out = 0;
  for (const auto& variable : encoder.variables()) out += variable.kind == process::VariableKind::categorical ? 0 : 1;
  return out;
}

ModelSpec model_of(const std::string& preset_name, const features::Encoder& encoder) {
  const Index numeric = numeric_count(encoder);
  return preset(preset_name, numeric, encoder.p() - numeric).model;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> out;
  for (const Preset& one : presets(2, 1)) out.push_back(one.name);
  return out;
}

LogPosterior target_of(const ModelSpec& model, const features::Dataset& data, const VectorXd& weights) {
  return LogPosterior(model, std::make_shared<const Covariance>(model, data.encoder),
                      detail::standardise(features::reduce(data, 0, weights)));
}

VectorXd somewhere(const LogPosterior& target, std::uint64_t seed) {
  core::Generator generator(seed);
  VectorXd theta = target.start();
  for (Index k = 0; k < theta.size(); ++k) {
    if (!target.hyperparameters()[static_cast<std::size_t>(k)].spec.fixed) theta(k) += 0.3 * generator.normal();
  }
  return theta;
}

Plan with_noise_variable() {
  return {.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("material", 3),
                        test::categorical("position", 3, features::Role::noise)},
          .runs = 9,
          .points = 3,
          .repeats = 4,
          .responses = 1};
}

// ---- the reduction: the likelihood of the means and the factor is that of all readings ------------------------------

// Every reading a row: the covariance is spelled out entry by entry, nothing is shared with the code under test but K.
double full_log_likelihood(const ModelSpec& model, const LogPosterior& target, const features::Dataset& data,
                           const VectorXd& weights, const VectorXd& theta) {
  std::vector<Index> rows;
  for (Index i = 0; i < data.n(); ++i) {
    if (weights(i) > 0.0 && !std::isnan(data.Y(i, 0))) rows.push_back(i);
  }
  const auto n = static_cast<Index>(rows.size());
  const Covariance covariance(model, data.encoder);
  const MatrixXd X = data.X(rows, Eigen::all);
  const auto coordinates = covariance.coordinates(theta, covariance.points(X));
  MatrixXd c = covariance.cross(theta, coordinates, covariance.points(X)).value;
  const detail::NoiseVariances noise = target.noise(theta);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const bool same_run = data.run[static_cast<std::size_t>(rows[i])] == data.run[static_cast<std::size_t>(rows[j])];
      if (std::isfinite(model.mean_variance)) c(i, j) += model.mean_variance;
      if (same_run) c(i, j) += noise.between;
      if (same_run && X.row(i) == X.row(j)) c(i, j) += noise.point;
    }
    c(i, i) += noise.within / weights(rows[i]);
  }
  const VectorXd raw = data.Y(rows, 0);
  VectorXd y = (raw.array() - target.data().location) / target.data().scale;
  const Eigen::LLT<MatrixXd> factor(c);
  if (!std::isfinite(model.mean_variance)) {
    const VectorXd ones = factor.solve(VectorXd::Ones(n));
    y.array() -= ones.dot(y) / ones.sum();
  }
  const double log_determinant = 2.0 * factor.matrixLLT().diagonal().array().log().sum();
  return -0.5 * (y.dot(factor.solve(y)) + log_determinant + static_cast<double>(n) * std::log(2.0 * std::numbers::pi)) -
         static_cast<double>(n) * std::log(target.data().scale);
}

class EveryPreset : public testing::TestWithParam<std::string> {};

TEST_P(EveryPreset, reduced_likelihood_is_that_of_all_readings) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Plan plan = with_noise_variable();
    plan.seed = seed;
    features::Dataset data = test::make(plan);
    data.Y(5, 0) = std::numeric_limits<double>::quiet_NaN();
    core::Generator generator(seed + 100);
    VectorXd weights(data.n());
    for (double& weight : weights) weight = generator.uniform() < 0.1 ? 0.0 : 0.2 + generator.uniform();
    const ModelSpec model = model_of(GetParam(), data.encoder);
    const LogPosterior target = target_of(model, data, weights);
    const VectorXd theta = somewhere(target, seed);
    LogPosterior::Workspace work;
    const double reduced = target.value(theta, work).log_likelihood;
    const double full = full_log_likelihood(model, target, data, weights, theta);
    EXPECT_NEAR(reduced, full, 1e-8 * std::max(1.0, std::abs(full)));
  }
}

TEST_P(EveryPreset, gradient_is_that_of_finite_differences) {
  std::vector<features::Dataset> sets{test::make(with_noise_variable()), test::make({})};
  Plan numeric_only{.variables = {test::numeric("a"), test::numeric("b"), test::numeric("c")}, .runs = 15};
  numeric_only.repeats = 2;
  sets.push_back(test::make(numeric_only));
  Plan categories_only{.variables = {test::categorical("a", 3), test::categorical("b", 2)}, .runs = 10};
  sets.push_back(test::make(categories_only));
  sets.push_back(test::make({.variables = {test::numeric("a"), test::numeric("b")}, .runs = 150}));  // several panels
  for (const features::Dataset& data : sets) {
    const LogPosterior target = target_of(model_of(GetParam(), data.encoder), data, VectorXd::Ones(data.n()));
    const VectorXd theta = somewhere(target, 7);
    LogPosterior::Workspace work;
    static_cast<void>(target.value(theta, work));
    const Eigen::VectorXd gradient = target.gradient(theta, work);
    ASSERT_EQ(gradient.size(), theta.size());
    for (Index k = 0; k < theta.size(); ++k) {
      if (target.hyperparameters()[static_cast<std::size_t>(k)].spec.fixed) {
        EXPECT_EQ(gradient(k), 0.0);
        continue;
      }
      const double h = 1e-5;
      const auto at = [&](double step) {
        VectorXd moved = theta;
        moved(k) += step;
        return target.value(moved, work).log_posterior;
      };
      const double difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
      EXPECT_NEAR(gradient(k), difference, 1e-5 * std::max(1.0, std::abs(difference)))
          << target.hyperparameters()[static_cast<std::size_t>(k)].name;
    }
  }
}

TEST_P(EveryPreset, what_an_evaluation_leaves_behind_is_what_is_made_anew) {
  const features::Dataset data = test::make(with_noise_variable());
  const ModelSpec model = model_of(GetParam(), data.encoder);
  const auto target = std::make_shared<const LogPosterior>(target_of(model, data, VectorXd::Ones(data.n())));
  const VectorXd theta = somewhere(*target, 3);
  LogPosterior::Workspace work;
  const double value = target->value(theta, work).log_posterior;
  const VectorXd gradient = target->gradient(theta, work);
  const detail::Conditioned anew(target, theta);
  const detail::Conditioned kept(target, theta, work);
  EXPECT_EQ(kept.alpha(), anew.alpha());
  EXPECT_EQ(kept.lower(), anew.lower());
  EXPECT_EQ(kept.mean(), anew.mean());
  const MatrixXd X = test::random_inputs(data.encoder, 20, 4);
  EXPECT_EQ(kept.moments(X, {.gradients = true}).variance, anew.moments(X, {.gradients = true}).variance);

  EXPECT_EQ(target->value(theta, work).log_posterior, value);
  EXPECT_EQ(target->gradient(theta, work), gradient);
  LogPosterior::Workspace empty;
  EXPECT_EQ(target->information(theta, work), target->information(theta, empty));
  EXPECT_EQ(target->value(theta, work).log_posterior, value);
  const VectorXd other = somewhere(*target, 4);
  LogPosterior::Workspace fresh;
  EXPECT_EQ(target->value(other, work).log_posterior, target->value(other, fresh).log_posterior);
  EXPECT_EQ(detail::Conditioned(target, theta, work).alpha(), anew.alpha());  // the workspace is of another theta
  static_cast<void>(target->value(theta, work));
  EXPECT_EQ(detail::Conditioned(target, theta, work).alpha(), anew.alpha());  // no gradient was asked for
  EXPECT_EQ(target->value(theta, work).log_posterior, value);
  EXPECT_EQ(target->gradient(theta, work), gradient);
}

// ---- average information --------------------------------------------------------------------------------------------

TEST_P(EveryPreset, information_of_drawn_data_is_the_expected_one_on_average) {
  const features::Dataset data = test::make(with_noise_variable());
  ModelSpec model = model_of(GetParam(), data.encoder);
  model.mean_variance = 1.0;  // a mean that is learned takes some of it
  const auto covariance = std::make_shared<const Covariance>(model, data.encoder);
  detail::TrainingData drawn = detail::standardise(features::reduce(data, 0, VectorXd::Ones(data.n())));
  const LogPosterior target(model, covariance, drawn);
  const VectorXd theta = somewhere(target, 5);
  const auto matrix_at = [&](const VectorXd& at) -> MatrixXd {
    LogPosterior::Workspace work;
    target.total_covariance(at, work);
    return work.matrix.selfadjointView<Eigen::Lower>();
  };
  const Eigen::LLT<MatrixXd> factor(matrix_at(theta));
  std::vector<MatrixXd> solved;  // C⁻¹ ∂C/∂θ_k
  for (Index k = 0; k < theta.size(); ++k) {
    const VectorXd step = 1e-5 * VectorXd::Unit(theta.size(), k);
    const bool fixed = target.hyperparameters()[static_cast<std::size_t>(k)].spec.fixed;
    const MatrixXd slope = (matrix_at(theta + step) - matrix_at(theta - step)) / 2e-5;
    solved.emplace_back(fixed ? MatrixXd(MatrixXd::Zero(slope.rows(), slope.rows())) : factor.solve(slope));
  }
  MatrixXd expected(theta.size(), theta.size());
  for (Index k = 0; k < theta.size(); ++k) {
    for (Index l = 0; l < theta.size(); ++l) expected(k, l) = 0.5 * (solved[k] * solved[l]).trace();
  }
  const auto spare = static_cast<double>(drawn.n - drawn.u());
  for (Index k = 0; k < theta.size(); ++k) {
    const auto& one = target.hyperparameters()[static_cast<std::size_t>(k)];
    if (one.name == "log_variance:within_run" && !one.spec.fixed) expected(k, k) += 0.5 * spare;
  }
  drawn.within_ss = spare * target.noise(theta).within;  // what is expected of repeats
  constexpr int draws = 2000;
  core::Generator generator(7);
  MatrixXd mean = MatrixXd::Zero(theta.size(), theta.size());
  for (int draw = 0; draw < draws; ++draw) {
    for (double& z : drawn.y) z = generator.normal();
    drawn.y = factor.matrixL() * drawn.y;
    LogPosterior::Workspace work;
    mean += LogPosterior(model, covariance, drawn).information(theta, work) / draws;
  }
  const VectorXd size = expected.diagonal().cwiseMax(1e-12).cwiseSqrt();
  for (Index k = 0; k < theta.size(); ++k) {
    for (Index l = 0; l < theta.size(); ++l) {
      EXPECT_NEAR(mean(k, l), expected(k, l), 0.1 * size(k) * size(l) + 1e-6) << k << ", " << l;
    }
  }
}

TEST_P(EveryPreset, information_is_positive_semidefinite_and_nothing_where_fixed) {
  const features::Dataset data = test::make(with_noise_variable());
  const ModelSpec model = model_of(GetParam(), data.encoder);
  const LogPosterior target = target_of(model, data, VectorXd::Ones(data.n()));
  LogPosterior::Workspace work;
  const MatrixXd information = target.information(somewhere(target, 6), work);
  EXPECT_TRUE(information.isApprox(information.transpose(), 1e-10));
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(information);
  EXPECT_GE(solver.eigenvalues().minCoeff(), -1e-9 * information.norm());
  for (Index k = 0; k < information.rows(); ++k) {
    if (target.low()(k) == target.high()(k)) {
      EXPECT_EQ(information.row(k).norm(), 0.0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(presets, EveryPreset, testing::ValuesIn(preset_names()),
                         [](const auto& name) { return name.param; });

// ---- kernels against their formulas
// -----------------------------------------------------------------------------------

TEST(covariance, the_default_is_its_formula) {
  const features::Encoder encoder({test::numeric("a"), test::numeric("b"), test::categorical("c", 3)});
  const Covariance covariance(model_of("luban", encoder), encoder);
  // lengths: trend a, b; category c; local — variances: trend, local, slope, slope_by_category
  const VectorXd theta{{0.1, -0.4, 0.3, -1.0, -0.2, -1.5, -0.7, -2.0}};
  ASSERT_EQ(covariance.hyperparameters().size(), 8U);
  const MatrixXd X = (MatrixXd(2, 3) << 0.2, 0.9, 0.0, 0.65, 0.3, 2.0).finished();
  const auto coordinates = covariance.coordinates(theta, covariance.points(X));
  const MatrixXd k = covariance.cross(theta, coordinates, covariance.points(X)).value;
  const double da = 0.45;
  const double db = 0.6;
  const double category = std::exp(-std::exp(-0.3));
  const double trend = std::exp(-0.5 * (da * da * std::exp(-0.2) + db * db * std::exp(0.8)));
  const double s = std::sqrt(5.0 * (da * da + db * db)) * std::exp(1.0);
  const double local = (1.0 + s + s * s / 3.0) * std::exp(-s);
  const double slope = ((2 * 0.2 - 1) * (2 * 0.65 - 1) + (2 * 0.9 - 1) * (2 * 0.3 - 1)) / 2.0;
  const double expected = std::exp(-0.2) * trend * category + std::exp(-1.5) * local * category +
                          std::exp(-0.7) * slope + std::exp(-2.0) * slope * category;
  EXPECT_NEAR(k(0, 1), expected, 1e-14);
  EXPECT_NEAR(k(1, 0), expected, 1e-14);
  const VectorXd diagonal = covariance.diagonal(theta, covariance.points(X));
  EXPECT_NEAR(k(0, 0), diagonal(0), 1e-13);
  EXPECT_NEAR(k(1, 1), diagonal(1), 1e-13);
}

TEST(covariance, triangle_and_cross_agree) {
  const features::Dataset data = test::make(with_noise_variable());
  const LogPosterior target = target_of(model_of("luban", data.encoder), data, VectorXd::Ones(data.n()));
  const VectorXd theta = somewhere(target, 3);
  Covariance::Workspace work;
  MatrixXd lower;
  target.covariance().evaluate_lower(theta, target.points(), work, lower);
  detail::mirror_lower(lower);
  const auto coordinates = target.covariance().coordinates(theta, target.points());
  const MatrixXd cross = target.covariance().cross(theta, coordinates, target.points()).value;
  EXPECT_LT((lower - cross).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(covariance, an_ordinal_input_counts_as_a_number) {
  features::EncodedVariable grade = test::categorical("grade", 5);
  grade.kind = process::VariableKind::ordinal;
  const features::Encoder encoder({grade});
  const Covariance covariance(model_of("hvarfner", encoder), encoder);
  const MatrixXd X = (MatrixXd(3, 1) << 0.0, 1.0, 4.0).finished();
  const auto coordinates = covariance.coordinates(VectorXd::Zero(2), covariance.points(X));
  const MatrixXd k = covariance.cross(VectorXd::Zero(2), coordinates, covariance.points(X)).value;
  EXPECT_NEAR(k(0, 1), std::exp(-0.5 / 16.0), 1e-15);
  EXPECT_NEAR(k(0, 2), std::exp(-0.5), 1e-15);
}

// ---- noise levels
// -----------------------------------------------------------------------------------------------------

std::vector<std::string> noise_names(const features::Dataset& data) {
  const LogPosterior target = target_of(model_of("luban", data.encoder), data, VectorXd::Ones(data.n()));
  std::vector<std::string> out;
  for (std::size_t k = target.covariance().hyperparameters().size(); k < target.hyperparameters().size(); ++k) {
    out.push_back(target.hyperparameters()[k].name);
  }
  return out;
}

TEST(noise_levels, only_those_that_the_data_can_tell_apart) {
  using Names = std::vector<std::string>;
  const std::string between = "log_variance:between_runs";
  const std::string point = "log_variance:point_in_run";
  const std::string within = "log_variance:within_run";
  Plan plan = with_noise_variable();
  plan.variables.back() = test::numeric("height", features::Role::noise);  // never twice the same
  EXPECT_EQ(noise_names(test::make(plan)), (Names{between, point, within}));
  plan.repeats = 1;
  EXPECT_EQ(noise_names(test::make(plan)), (Names{between, within}));
  plan.points = 1;
  EXPECT_EQ(noise_names(test::make(plan)), (Names{between}));
  plan.repeats = 3;
  EXPECT_EQ(noise_names(test::make(plan)), (Names{between, within}));
}

TEST(prior, slopes_are_those_of_finite_differences) {
  for (const Prior& prior : {Prior{Prior::Kind::flat, 0.0, 1.0}, Prior{Prior::Kind::log_normal, 1.1, 1.7},
                             Prior{Prior::Kind::gamma, 3.0, 6.0}, Prior{Prior::Kind::normal_log, -4.0, 0.5},
                             Prior{Prior::Kind::two_sided, 0.1, 0.2}}) {
    double slope = 0.0;
    double unused = 0.0;
    static_cast<void>(prior.log_density(0.3, slope));
    const double difference = (prior.log_density(0.3 + 1e-6, unused) - prior.log_density(0.3 - 1e-6, unused)) / 2e-6;
    EXPECT_NEAR(slope, difference, 1e-7 * std::max(1.0, std::abs(slope)));
    double above = 0.0;
    double below = 0.0;
    static_cast<void>(prior.log_density(0.3 + 1e-6, above));
    static_cast<void>(prior.log_density(0.3 - 1e-6, below));
    EXPECT_NEAR(prior.curvature(0.3), -(above - below) / 2e-6, 1e-6 * std::max(1.0, prior.curvature(0.3)));
  }
}

TEST(presets, an_unknown_name_is_answered_with_the_nearest) {
  try {
    static_cast<void>(preset("hvarfnre", 2, 0));
    FAIL();
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("\"hvarfner\""), std::string::npos);
  }
}

}  // namespace
}  // namespace luban::surrogate
