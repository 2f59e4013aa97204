#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/focus.hpp>
#include <luban/recommend/detail/tolerance_surrogate.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/recommend/sobol.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/noise_average.hpp>
#include <luban/surrogate/presets.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend::detail {
namespace {

using surrogate::Posterior;
using surrogate::VarianceOf;

constexpr double sd = 0.08;

std::shared_ptr<const surrogate::Surrogate> wavy() {
  const auto f = [](const Eigen::VectorXd& x) { return std::sin(7.0 * x(0)) + x(1) * x(1); };
  return std::make_shared<test::AnalyticSurrogate>(
      features::Encoder({test::numeric("a"), test::numeric("b")}), std::vector<std::string>{"y"},
      std::vector<test::Function>{f}, Sobol(2, core::RandomKey(2)).points(0, 25),
      test::AnalyticSurrogate::Options{.lengthscale = 0.35, .noise_sd = 0.05, .within_sd = 0.02});
}

std::shared_ptr<const surrogate::Surrogate> fitted(const std::optional<surrogate::ModelSpec>& model = {}) {
  ArrayProblem problem = box_problem((Eigen::MatrixXd(2, 2) << 0, 0, 1, 1).finished());
  problem.X = Sobol(2, core::RandomKey(4)).points(0, 24);
  problem.Y = ((6.0 * problem.X.col(0)).array().sin() + problem.X.col(1).array().square()).matrix();
  return surrogate::GaussianProcess::fit(array_dataset(problem), {.starts = 1, .model = model}, core::RandomKey(1));
}

TEST(normal_rule, has_the_moments_of_a_standard_normal) {
  for (const Eigen::Index p : {1, 2, 3, 5, 8}) {
    const NormalRule rule = normal_rule(p);
    EXPECT_NEAR(rule.weights.sum(), 1.0, 1e-12);
    EXPECT_LT((rule.weights.transpose() * rule.points).norm(), 1e-12);
    const Eigen::MatrixXd second = rule.points.transpose() * rule.weights.asDiagonal() * rule.points;
    EXPECT_LT((second - Eigen::MatrixXd::Identity(p, p)).norm(), 1e-12);
    EXPECT_LE(rule.weights.size(), std::max<Eigen::Index>(27, 2 * p));
    if (p > 3) continue;
    EXPECT_NEAR(rule.weights.dot(rule.points.col(0).array().pow(4).matrix()), 3.0, 1e-10);
  }
}

// E over δ of a posterior that is Gaussian in f, by plain sampling of δ and the law of total variance.
TEST(tolerance_surrogate, is_what_samples_of_the_deviation_say) {
  const auto inner = wavy();
  const ToleranceSurrogate tolerant(inner, {{.parameter = "a", .sd = sd}});
  const Eigen::MatrixXd X = (Eigen::MatrixXd(3, 2) << 0.2, 0.4, 0.65, 0.1, 0.9, 0.8).finished();
  const auto posterior = tolerant.posterior(X, {.joint = true});
  constexpr Eigen::Index draws = 4000;
  core::Generator generator(11);
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    Eigen::MatrixXd around = X.row(i).replicate(draws, 1);
    for (Eigen::Index s = 0; s < draws / 2; ++s) {  // antithetic
      const double shift = sd * generator.normal();
      around(2 * s, 0) += shift;
      around(2 * s + 1, 0) -= shift;
    }
    const auto each = inner->posterior(around);
    const Eigen::VectorXd mean = each->mean().col(0);
    const Eigen::VectorXd latent = each->variance(VarianceOf::latent).col(0);
    const double error = std::sqrt((mean.array() - mean.mean()).square().mean() / draws);
    EXPECT_NEAR(posterior->mean()(i, 0), mean.mean(), 5.0 * error + 1e-4);
    const double run = (mean.array() - mean.mean()).square().mean() + latent.mean() + 0.05 * 0.05;
    EXPECT_NEAR(posterior->variance(VarianceOf::run_mean)(i, 0), run, 0.1 * run);
    const double reading = posterior->variance(VarianceOf::reading)(i, 0);
    EXPECT_NEAR(reading - posterior->variance(VarianceOf::run_mean)(i, 0), 0.02 * 0.02, 1e-9);
  }
}

// A product of Gaussians: the expectation of a squared-exponential kernel is known in closed form.
TEST(tolerance_surrogate, integrates_a_squared_exponential_to_its_closed_form) {
  constexpr double l = 0.35;
  const NormalRule rule = normal_rule(1);
  for (const double distance : {0.0, 0.1, 0.3, 0.8}) {
    double sum = 0.0;
    for (Eigen::Index k = 0; k < rule.weights.size(); ++k) {
      const double r = distance + sd * rule.points(k, 0);
      sum += rule.weights(k) * std::exp(-0.5 * r * r / (l * l));
    }
    const double wide = l * l + sd * sd;
    EXPECT_NEAR(sum, l / std::sqrt(wide) * std::exp(-0.5 * distance * distance / wide), 1e-6);
  }
}

/// What a fine rule of many nodes says of E f(x + δ), δ along the columns that sd names.
std::unique_ptr<Posterior> finely_averaged(const surrogate::Surrogate& inner, const Eigen::MatrixXd& X,
                                           const Eigen::VectorXd& deviation) {
  constexpr Eigen::Index k = 61;
  const Eigen::VectorXd z = Eigen::VectorXd::LinSpaced(k, -7.0, 7.0);
  Eigen::VectorXd weights = (-0.5 * z.array().square()).exp();
  weights /= weights.sum();
  Eigen::MatrixXd nodes(X.rows() * k, X.cols());
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    for (Eigen::Index n = 0; n < k; ++n) nodes.row(i * k + n) = X.row(i) + z(n) * deviation.transpose();
  }
  return inner.average(nodes, weights, {.joint = true});
}

/// Smooth along x1, rough along x2 as matern52 is, with a straight line through both.
surrogate::ModelSpec rbf_along_one() {
  surrogate::ModelSpec model = surrogate::preset("hvarfner", 2, 0).model;
  model.factors.front().inputs = {"x1"};
  model.factors.push_back(
      {.name = "rough", .kind = surrogate::FactorKind::matern52, .length = model.factors[0].length, .inputs = {"x2"}});
  model.factors.push_back({.name = "slope", .kind = surrogate::FactorKind::linear, .length = {}});
  const std::size_t rough = model.factors.size() - 2;
  model.terms.front().factors = {0, rough};
  model.terms.push_back(
      {.name = "slope", .factors = {rough + 1}, .variance = {.prior = {}, .start = 0.3, .fixed = true}});
  return model;
}

TEST(tolerance_surrogate, closed_forms_are_what_a_fine_rule_says) {
  for (const bool mixed : {false, true}) {
    const auto inner = fitted(mixed ? rbf_along_one() : surrogate::preset("hvarfner", 2, 0).model);
    const Eigen::MatrixXd X = Sobol(2, core::RandomKey(8)).points(0, 6);
    for (const double wide : {1e-6, 0.05, 0.3}) {
      const Eigen::Vector2d deviation(wide, 0.0);
      const auto smooth = inner->smoothed(deviation);
      ASSERT_NE(smooth, nullptr);
      const auto here = smooth->posterior(X, {.joint = true});
      const auto there = finely_averaged(*inner, X, deviation);
      EXPECT_LT((here->mean() - there->mean()).norm(), 1e-9);
      EXPECT_LT((here->covariance(0, VarianceOf::latent) - there->covariance(0, VarianceOf::latent)).norm(), 1e-9);
      // And the surrogate over the tolerance takes it.
      const ToleranceSurrogate tolerant(inner, {{.parameter = "x1", .sd = wide}});
      EXPECT_EQ(tolerant.posterior(X)->mean(), smooth->posterior(X)->mean());
    }
    EXPECT_EQ(inner->smoothed(Eigen::Vector2d(0.0, 0.1)) == nullptr, mixed);  // not along the rough input
    EXPECT_THROW(static_cast<void>(inner->smoothed(Eigen::Vector3d::Zero())), core::DataError);
    EXPECT_THROW(static_cast<void>(inner->smoothed(Eigen::Vector2d(-0.1, 0.0))), core::DataError);
  }
  EXPECT_EQ(fitted()->smoothed(Eigen::Vector2d(0.1, 0.1)), nullptr);  // its local term is no rbf
  EXPECT_EQ(wavy()->smoothed(Eigen::Vector2d(0.1, 0.1)), nullptr);
}

TEST(tolerance_surrogate, closed_forms_pass_through_averages_and_chosen_responses) {
  ArrayProblem problem = box_problem((Eigen::MatrixXd(2, 2) << 0, 0, 1, 1).finished());
  problem.X = Sobol(2, core::RandomKey(4)).points(0, 24);
  problem.Y.resize(24, 2);
  problem.Y << (6.0 * problem.X.col(0)).array().sin(), problem.X.rowwise().sum();
  features::Dataset data = array_dataset(problem);
  std::vector<features::EncodedVariable> variables = data.encoder.variables();
  variables[1].role = features::Role::noise;
  data.encoder = features::Encoder(variables);
  const surrogate::GaussianProcessOptions options{.starts = 1, .model = surrogate::preset("hvarfner", 2, 0).model};
  const auto whole = surrogate::GaussianProcess::fit(data, options, core::RandomKey(1));
  const auto chosen = focused(whole, {1})->smoothed(Eigen::Vector2d(0.1, 0.0));
  ASSERT_NE(chosen, nullptr);
  EXPECT_EQ(chosen->posterior(problem.X)->mean().col(1),
            whole->smoothed(Eigen::Vector2d(0.1, 0.0))->posterior(problem.X)->mean().col(1));
  const surrogate::AveragedSurrogate averaged(
      whole, {.levels = Eigen::Vector3d(0.1, 0.5, 0.9), .weights = Eigen::Vector3d(0.2, 0.3, 0.5)});
  const Eigen::VectorXd sd_of_one = Eigen::VectorXd::Constant(1, 0.1);
  const Eigen::MatrixXd X = Eigen::VectorXd::LinSpaced(5, 0.0, 1.0);
  const auto here = averaged.smoothed(sd_of_one)->posterior(X, {.joint = true});
  const auto there = finely_averaged(averaged, X, sd_of_one);
  EXPECT_LT((here->mean() - there->mean()).norm(), 1e-9);
  EXPECT_LT((here->covariance(0, VarianceOf::latent) - there->covariance(0, VarianceOf::latent)).norm(), 1e-9);
  EXPECT_THROW(static_cast<void>(averaged.smoothed(Eigen::Vector2d::Zero())), core::DataError);
}

TEST(tolerance_surrogate, closed_forms_agree_with_nodes_where_these_are_exact) {
  const auto inner = fitted(surrogate::preset("hvarfner", 2, 0).model);
  const std::vector<process::Tolerance> tolerances{{.parameter = "x1", .sd = 1e-6}, {.parameter = "x2", .sd = 1e-6}};
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(8)).points(0, 6);
  const auto there = ToleranceSurrogate(inner, tolerances).posterior(X);
  const auto here = inner->posterior(X);
  EXPECT_LT((there->mean() - here->mean()).norm(), 1e-8);
  for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
    EXPECT_LT((there->variance(of) - here->variance(of)).norm(), 1e-8);
  }
}

/// Of mean, latent variance, what a run adds, and the joint covariance of the points.
void expect_gradients(const std::shared_ptr<const surrogate::Surrogate>& inner) {
  const ToleranceSurrogate tolerant(inner, {{.parameter = "x1", .sd = sd}, {.parameter = "x2", .sd = 0.03}});
  const Eigen::MatrixXd X = (Eigen::MatrixXd(3, 2) << 0.2, 0.4, 0.65, 0.1, 0.9, 0.8).finished();
  const auto posterior = tolerant.posterior(X, {.gradients = true, .joint = true});
  for (Eigen::Index j = 0; j < 2; ++j) {
    Eigen::MatrixXd up = X;
    Eigen::MatrixXd down = X;
    up.col(j).array() += 1e-5;
    down.col(j).array() -= 1e-5;
    const auto above = tolerant.posterior(up);
    const auto below = tolerant.posterior(down);
    const auto slope = [&](const auto& of) -> Eigen::VectorXd { return (of(*above) - of(*below)) / 2e-5; };
    const Eigen::VectorXd mean = slope([](const Posterior& p) -> Eigen::VectorXd { return p.mean().col(0); });
    EXPECT_LT((posterior->mean_gradient(0).col(j) - mean).norm(), 1e-6);
    const Eigen::VectorXd latent =
        slope([](const Posterior& p) -> Eigen::VectorXd { return p.variance(VarianceOf::latent).col(0); });
    EXPECT_LT((posterior->variance_gradient(0).col(j) - latent).norm(), 1e-6);
    const Eigen::VectorXd run =
        slope([](const Posterior& p) -> Eigen::VectorXd { return p.variance(VarianceOf::run_mean).col(0); });
    EXPECT_LT((posterior->run_variance_gradient(0).col(j) - run).norm(), 3e-6);
  }
  Eigen::Matrix3d weights;
  weights << 0.3, -1.0, 0.5, -1.0, 0.7, 2.0, 0.5, 2.0, -0.2;
  const Eigen::MatrixXd gradient = posterior->covariance_gradient(0, weights);
  for (Eigen::Index i = 0; i < 3; ++i) {
    for (Eigen::Index j = 0; j < 2; ++j) {
      const auto at = [&](double h) {
        Eigen::MatrixXd moved = X;
        moved(i, j) += h;
        return weights.cwiseProduct(tolerant.posterior(moved, {.joint = true})->covariance(0, VarianceOf::latent))
            .sum();
      };
      EXPECT_NEAR(gradient(i, j), (at(1e-5) - at(-1e-5)) / 2e-5, 1e-6);
    }
  }
}

TEST(tolerance_surrogate, gradients_equal_finite_differences) {
  expect_gradients(fitted());
  expect_gradients(fitted(surrogate::preset("hvarfner", 2, 0).model));
}

// Beside fixed points as the joint posterior over all of them says it, with and without a closed form.
TEST(tolerance_surrogate, beside_fixed_points_is_as_together_with_them) {
  const Eigen::MatrixXd fixed = Sobol(2, core::RandomKey(5)).points(0, 4);
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(8)).points(0, 3);
  const surrogate::PosteriorRequest request{.gradients = true, .joint = true, .reading = true};
  for (const auto& inner : {fitted(), fitted(surrogate::preset("hvarfner", 2, 0).model), wavy()}) {
    const bool named = inner->encoder().find("x1") >= 0;
    const ToleranceSurrogate tolerant(inner, {{.parameter = named ? "x1" : "a", .sd = sd}});
    const auto efficient = tolerant.beside(fixed);
    const auto ordinary = surrogate::joint_beside(tolerant, fixed);
    const auto here = efficient->posterior(X, request);
    const auto there = ordinary->posterior(X, request);
    EXPECT_EQ(efficient->fixed_points(), fixed);
    EXPECT_EQ(here->b(), 4);
    EXPECT_LT((here->mean() - there->mean()).norm(), 1e-8);
    EXPECT_LT((here->cross_covariance(0) - there->cross_covariance(0)).norm(), 1e-8);
    for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
      EXPECT_LT((here->variance(of) - there->variance(of)).norm(), 1e-8);
      EXPECT_LT((here->covariance(0, of) - there->covariance(0, of)).norm(), 1e-8);
      if (of == VarianceOf::reading) continue;
      EXPECT_LT((efficient->fixed().covariance(0, of) - ordinary->fixed().covariance(0, of)).norm(), 1e-8);
    }
    EXPECT_LT((here->between_gradient(0) - there->between_gradient(0)).norm(), 1e-6);
    const surrogate::PullbackWeights weights{.mean = Eigen::Vector3d(1.0, -2.0, 0.5),
                                             .variance = Eigen::Vector3d(0.3, 0.1, -1.0),
                                             .cross = Sobol(4, core::RandomKey(1)).points(0, 3)};
    EXPECT_LT((here->pullback(0, weights) - there->pullback(0, weights)).norm(), 1e-6);
  }
}

TEST(tolerance_surrogate, without_deviation_nothing_changes) {
  const auto inner = wavy();
  const ToleranceSurrogate tolerant(inner, {{.parameter = "b", .sd = 1e-12}});
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(9)).points(0, 5);
  const auto there = tolerant.posterior(X);
  const auto here = inner->posterior(X);
  EXPECT_LT((there->mean() - here->mean()).norm(), 1e-8);
  for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
    EXPECT_LT((there->variance(of) - here->variance(of)).norm(), 1e-8);
  }
  EXPECT_THROW(ToleranceSurrogate(inner, {{.parameter = "c", .sd = 0.1}}), core::ConfigurationError);
}

// A narrow optimum beside a broad one: the machine's scatter decides.
TEST(tolerance_surrogate, the_best_settings_survive_the_scatter) {
  const auto two_valleys = [](const Eigen::VectorXd& x) {
    const double narrow = (x(0) - 0.25) / 0.04;
    const double broad = (x(0) - 0.75) / 0.25;
    return -1.1 * std::exp(-0.5 * narrow * narrow) - std::exp(-0.5 * broad * broad);
  };
  const auto inner = std::make_shared<test::AnalyticSurrogate>(
      features::Encoder({test::numeric("a")}), std::vector<std::string>{"y"}, std::vector<test::Function>{two_valleys},
      Eigen::VectorXd::LinSpaced(60, 0.0, 1.0), test::AnalyticSurrogate::Options{.lengthscale = 0.05});
  const ToleranceSurrogate tolerant(inner, {{.parameter = "a", .sd = 0.05}});
  const Eigen::MatrixXd X = Eigen::VectorXd::LinSpaced(401, 0.0, 1.0);
  const auto best = [&](const surrogate::Surrogate& surrogate) {
    Eigen::Index row = 0;
    surrogate.posterior(X)->mean().col(0).minCoeff(&row);
    return X(row, 0);
  };
  EXPECT_NEAR(best(*inner), 0.25, 0.02);
  EXPECT_NEAR(best(tolerant), 0.75, 0.05);
}

}  // namespace
}  // namespace luban::recommend::detail
