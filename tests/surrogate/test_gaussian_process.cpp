#include <cmath>
#include <stop_token>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::Plan;
using test::VectorXd;

std::shared_ptr<const GaussianProcess> fit(const features::Dataset& data, GaussianProcessOptions options = {}) {
  return GaussianProcess::fit(data, options, core::RandomKey(5));
}

Plan three_levels() {
  return {.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("material", 2),
                        test::categorical("position", 3, features::Role::noise)},
          .runs = 25,
          .points = 3,
          .repeats = 4,
          .responses = 2,
          .run_sd = 0.3,
          .reading_sd = 0.1};
}

TEST(gaussian_process, learns_a_smooth_function) {
  const auto model = fit(test::make(
      {.variables = {test::numeric("a"), test::numeric("b")}, .runs = 60, .run_sd = 0.05, .reading_sd = 0.0}));
  const MatrixXd X = test::random_inputs(model->encoder(), 200, 99);
  const auto posterior = model->posterior(X);
  double error = 0.0;
  double covered = 0.0;
  for (Index i = 0; i < X.rows(); ++i) {
    const double miss = posterior->mean()(i, 0) - test::truth(X.row(i), 0);
    error += miss * miss / 200.0;
    covered += std::abs(miss) < 2.0 * std::sqrt(posterior->variance(VarianceOf::latent)(i, 0)) ? 1.0 / 200.0 : 0.0;
  }
  EXPECT_LT(std::sqrt(error), 0.06);
  EXPECT_GT(covered, 0.75);  // the points are not independent
}

TEST(gaussian_process, the_mean_alone_is_the_posteriors) {
  const features::Dataset data = test::make({.runs = 20, .points = 2, .repeats = 2, .responses = 2});
  for (const char* preset : {"luban", "hebo", "matern_legacy"}) {
    const auto fitted = fit(data, {.preset = preset, .starts = 1});
    for (const Index rows : {9, 2000}) {  // many are shared among threads
      const MatrixXd X = test::random_inputs(data.encoder, rows, 2);
      const MatrixXd expected = fitted->posterior(X)->mean();
      const MatrixXd alone = fitted->mean(X);
      EXPECT_LT((alone - expected).cwiseAbs().maxCoeff(), 1e-12 * (1.0 + expected.cwiseAbs().maxCoeff()));
      parallel::with_threads(3, [&] { EXPECT_EQ(fitted->mean(X), alone); });
    }
  }
}

TEST(gaussian_process, variances_are_the_same_with_gradients_and_without) {
  const features::Dataset data = test::make({.runs = 20, .points = 2, .repeats = 2});
  for (const char* preset : {"luban", "hebo", "matern_legacy"}) {
    const auto fitted = fit(data, {.preset = preset, .starts = 1});
    const MatrixXd X = test::random_inputs(data.encoder, 40, 2);  // many take another path through the solves
    const MatrixXd expected =
        fitted->posterior(X, {.gradients = true, .joint = false, .reading = false})->variance(VarianceOf::latent);
    const MatrixXd alone = fitted->posterior(X)->variance(VarianceOf::latent);
    EXPECT_LT((alone - expected).cwiseAbs().maxCoeff(), 1e-9 * expected.maxCoeff()) << preset;
  }
}

TEST(gaussian_process, tells_the_levels_of_noise_apart) {
  Plan plan = three_levels();
  plan.runs = 60;
  const auto model = fit(test::make(plan));
  EXPECT_NEAR(model->between_sd(0), 0.3, 0.1);
  EXPECT_NEAR(model->within_sd(0), 0.1, 0.01);
  EXPECT_EQ(model->reports()[0].runs, 60);
  EXPECT_EQ(model->reports()[0].degraded, false);
  EXPECT_EQ(model->reports()[0].jitter, 0.0);
}

TEST(gaussian_process, one_reading_per_run_has_one_level_of_noise) {
  const auto model = fit(test::make({.runs = 40}));
  EXPECT_GT(model->between_sd(0), 0.0);
  EXPECT_EQ(model->within_sd(0), 0.0);
  EXPECT_EQ(model->between_points_sd(0), 0.0);
  const auto posterior = model->posterior(test::random_inputs(model->encoder(), 3, 1));
  EXPECT_EQ(posterior->variance(VarianceOf::run_mean), posterior->variance(VarianceOf::reading));
}

class Posteriors : public testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const GaussianProcess> model_ =
      fit(test::make(three_levels()), {.preset = GetParam(), .max_iterations = 15});
};

TEST_P(Posteriors, gradients_are_those_of_finite_differences) {
  MatrixXd X = test::random_inputs(model_->encoder(), 6, 11);
  const auto posterior = model_->posterior(X, {.gradients = true});
  for (Index r = 0; r < 2; ++r) {
    const MatrixXd mean_gradient = posterior->mean_gradient(r);
    const MatrixXd variance_gradient = posterior->variance_gradient(r);
    for (Index k = 0; k < 2; ++k) {
      const double h = 1e-5;
      MatrixXd up = X;
      MatrixXd down = X;
      up.col(k).array() += h;
      down.col(k).array() -= h;
      const auto above = model_->posterior(up);
      const auto below = model_->posterior(down);
      const VectorXd mean = (above->mean() - below->mean()).col(r) / (2.0 * h);
      const VectorXd variance =
          (above->variance(VarianceOf::latent) - below->variance(VarianceOf::latent)).col(r) / (2.0 * h);
      EXPECT_LT((mean - mean_gradient.col(k)).cwiseAbs().maxCoeff(), 1e-5 * std::max(1.0, mean.cwiseAbs().maxCoeff()));
      EXPECT_LT((variance - variance_gradient.col(k)).cwiseAbs().maxCoeff(),
                1e-5 * std::max(1.0, variance.cwiseAbs().maxCoeff()));
    }
    EXPECT_EQ(mean_gradient.rightCols(2).cwiseAbs().maxCoeff(), 0.0);
  }
}

TEST_P(Posteriors, joint_covariance_agrees_with_the_marginals_and_is_positive) {
  const MatrixXd X = test::random_inputs(model_->encoder(), 25, 12);
  const auto joint = model_->posterior(X, {.joint = true});
  const auto marginal = model_->posterior(X);
  EXPECT_EQ(joint->mean(), marginal->mean());
  const MatrixXd covariance = joint->covariance(0, VarianceOf::latent);
  EXPECT_LT((covariance.diagonal() - marginal->variance(VarianceOf::latent).col(0)).cwiseAbs().maxCoeff(), 1e-12);
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance);
  EXPECT_GT(solver.eigenvalues().minCoeff(), -1e-8 * covariance.diagonal().maxCoeff());
  EXPECT_EQ(covariance, covariance.transpose());
}

TEST_P(Posteriors, data_only_narrow_the_prior) {
  const MatrixXd X = test::random_inputs(model_->encoder(), 12, 17);
  const auto prior = model_->prior(X, {.gradients = true, .joint = true});
  const auto posterior = model_->posterior(X);
  const MatrixXd variance = prior->variance(VarianceOf::latent);
  EXPECT_LT((prior->covariance(1, VarianceOf::latent).diagonal() - variance.col(1)).cwiseAbs().maxCoeff(), 1e-12);
  for (Index r = 0; r < 2; ++r) {
    EXPECT_EQ(prior->mean().col(r).minCoeff(), prior->mean().col(r).maxCoeff());
    EXPECT_EQ(prior->mean_gradient(r).cwiseAbs().maxCoeff(), 0.0);
    EXPECT_GT((variance - posterior->variance(VarianceOf::latent)).col(r).minCoeff(), 0.0);
  }
  const MatrixXd noise = posterior->variance(VarianceOf::reading) - posterior->variance(VarianceOf::latent);
  EXPECT_LT((prior->variance(VarianceOf::reading) - variance - noise).cwiseAbs().maxCoeff(), 1e-12);
  MatrixXd up = X;
  MatrixXd down = X;
  up.col(0).array() += 1e-5;
  down.col(0).array() -= 1e-5;
  const MatrixXd slope =
      (model_->prior(up)->variance(VarianceOf::latent) - model_->prior(down)->variance(VarianceOf::latent)) / 2e-5;
  EXPECT_LT((slope.col(0) - prior->variance_gradient(0).col(0)).cwiseAbs().maxCoeff(), 1e-5);
}

TEST_P(Posteriors, averages_are_linear_functionals_of_the_joint) {
  const Index q = 4;
  const Index levels = 3;
  const VectorXd weights{{0.5, 0.3, 0.2}};
  const MatrixXd base = test::random_inputs(model_->encoder(), q, 13);
  const auto expanded = [&](const MatrixXd& points) {
    MatrixXd X(q * levels, points.cols());
    for (Index i = 0; i < q; ++i) {
      for (Index l = 0; l < levels; ++l) {
        X.row(i * levels + l) = points.row(i);
        X(i * levels + l, 3) = static_cast<double>(l);
      }
    }
    return X;
  };
  MatrixXd select = MatrixXd::Zero(q, q * levels);
  for (Index i = 0; i < q; ++i) select.row(i).segment(i * levels, levels) = weights.transpose();
  const auto joint = model_->posterior(expanded(base), {.joint = true});
  const auto average = model_->average(expanded(base), weights, {.gradients = true, .joint = true});
  EXPECT_LT((select * joint->mean() - average->mean()).cwiseAbs().maxCoeff(), 1e-10);
  const MatrixXd expected = select * joint->covariance(1, VarianceOf::latent) * select.transpose();
  EXPECT_LT((expected - average->covariance(1, VarianceOf::latent)).cwiseAbs().maxCoeff(), 1e-9);
  const auto ordinary = model_->Surrogate::average(expanded(base), weights, {.joint = true});
  EXPECT_LT((ordinary->covariance(1, VarianceOf::latent) - expected).cwiseAbs().maxCoeff(), 1e-10);
  const double h = 1e-5;
  for (Index k = 0; k < 2; ++k) {
    MatrixXd up = base;
    MatrixXd down = base;
    up.col(k).array() += h;
    down.col(k).array() -= h;
    const auto above = model_->average(expanded(up), weights);
    const auto below = model_->average(expanded(down), weights);
    const VectorXd mean = (above->mean() - below->mean()).col(0) / (2.0 * h);
    const VectorXd variance =
        (above->variance(VarianceOf::latent) - below->variance(VarianceOf::latent)).col(0) / (2.0 * h);
    EXPECT_LT((mean - average->mean_gradient(0).col(k)).cwiseAbs().maxCoeff(),
              1e-5 * std::max(1.0, mean.cwiseAbs().maxCoeff()));
    EXPECT_LT((variance - average->variance_gradient(0).col(k)).cwiseAbs().maxCoeff(),
              1e-5 * std::max(1.0, variance.cwiseAbs().maxCoeff()));
  }
}

INSTANTIATE_TEST_SUITE_P(presets, Posteriors, testing::Values("luban", "hvarfner", "matern_legacy"),
                         [](const auto& name) { return name.param; });

TEST(gaussian_process, noise_of_an_average_shares_the_run_and_averages_its_points) {
  const auto model = fit(test::make(three_levels()));
  MatrixXd X = test::random_inputs(model->encoder(), 1, 3).replicate(2, 1);
  X(0, 3) = 0.0;
  X(1, 3) = 1.0;
  const auto average = model->average(X, VectorXd{{0.5, 0.5}});
  const double run = std::pow(model->between_sd(0), 2);
  const double point = std::pow(model->between_points_sd(0), 2);
  const double reading = std::pow(model->within_sd(0), 2);
  const double latent = average->variance(VarianceOf::latent)(0, 0);
  EXPECT_NEAR(average->variance(VarianceOf::run_mean)(0, 0), latent + run + 0.5 * point, 1e-12);
  // One reading is taken at one of the levels: what they differ by belongs to it (law of total variance).
  const auto each = model->posterior(X);
  const double half = 0.5 * (each->mean()(0, 0) - each->mean()(1, 0));
  const double levels = half * half + each->variance(VarianceOf::latent).col(0).mean();
  EXPECT_NEAR(average->variance(VarianceOf::reading)(0, 0), levels + run + point + reading, 1e-12);
  const auto without = model->average(X, VectorXd{{0.5, 0.5}}, {.reading = false});
  EXPECT_EQ(without->variance(VarianceOf::run_mean), average->variance(VarianceOf::run_mean));
  EXPECT_THROW(static_cast<void>(without->variance(VarianceOf::reading)), core::LifecycleError);
}

// ---- fitting
// ----------------------------------------------------------------------------------------------------------

TEST(fit, is_the_same_for_any_number_of_threads) {
  for (const int runs : {30, 200}) {
    Plan plan;
    plan.runs = runs;
    plan.responses = 2;
    const features::Dataset data = test::make(plan);
    const auto one = fit(data, {.starts = 3, .threads = 1});
    const auto four = fit(data, {.starts = 3, .threads = 4});
    for (std::size_t r = 0; r < 2; ++r) {
      EXPECT_EQ(one->reports()[r].hyperparameters, four->reports()[r].hyperparameters);
      EXPECT_EQ(one->reports()[r].log_posterior, four->reports()[r].log_posterior);
    }
    EXPECT_EQ(fit(data, {.starts = 3, .threads = 1})->reports()[0].hyperparameters, one->reports()[0].hyperparameters);
  }
}

TEST(fit, the_way_over_a_subset_ends_at_the_same_optimum) {
  Plan plan{.variables = {test::numeric("a"), test::numeric("b")}, .runs = 60, .points = 1, .repeats = 1};
  plan.runs = 220;
  const features::Dataset data = test::make(plan);
  const auto by_subset = fit(data, {.starts = 1});
  const auto continued = fit(data, {.starts = 1, .warm_starts = {by_subset->reports()[0].hyperparameters}});
  EXPECT_NEAR(by_subset->reports()[0].log_posterior, continued->reports()[0].log_posterior, 1e-2);
  EXPECT_LT(continued->reports()[0].evaluations, by_subset->reports()[0].evaluations);
}

TEST(fit, a_gross_error_without_repeats_is_found_and_honest_tails_stay) {
  features::Dataset data = test::make({.runs = 80});
  data.Y(17, 0) *= 10.0;
  data.Y(41, 0) *= 0.1;
  const auto model = fit(data);
  EXPECT_EQ(model->reports()[0].gross_errors, 2);
  EXPECT_EQ(model->reports()[0].readings, 78);
  EXPECT_EQ(fit(data, {.robust = false})->reports()[0].gross_errors, 0);
  core::Generator generator(4);
  features::Dataset heavy = test::make({.runs = 80, .run_sd = 0.0, .reading_sd = 0.0});
  for (Index i = 0; i < heavy.n(); ++i) {  // Student t of four degrees of freedom
    double chi2 = 0.0;
    for (int k = 0; k < 4; ++k) chi2 += std::pow(generator.normal(), 2);
    heavy.Y(i, 0) += 0.2 * generator.normal() / std::sqrt(chi2 / 4.0);
  }
  EXPECT_EQ(fit(heavy)->reports()[0].gross_errors, 0);
}

TEST(fit, a_run_read_twice_does_not_leave_the_others_unprotected) {
  features::Dataset data = test::make({.runs = 60});
  const Index n = data.n();
  data.X.conservativeResize(n + 1, Eigen::NoChange);
  data.Y.conservativeResize(n + 1, Eigen::NoChange);
  data.X.row(n) = data.X.row(3);
  data.Y.row(n) = data.Y.row(3).array() + 0.05;
  data.run.push_back(3);
  data.source_row.push_back(n);
  data.repeat.push_back(1);
  data.Y(20, 0) *= 100.0;
  const auto model = fit(data);
  EXPECT_EQ(model->reports()[0].set_aside, (std::vector<std::int64_t>{20}));
  const MatrixXd X = test::random_inputs(model->encoder(), 100, 9);
  const VectorXd mean = model->posterior(X)->mean().col(0);
  for (Index i = 0; i < X.rows(); ++i) EXPECT_NEAR(mean(i), test::truth(X.row(i), 0), 1.0);
}

TEST(fit, a_gross_error_among_repeats_is_found) {
  features::Dataset data = test::make({.runs = 10, .repeats = 6});
  data.Y(8, 0) = 1000.0;
  EXPECT_EQ(fit(data)->reports()[0].gross_errors, 1);
}

TEST(fit, missing_values_are_left_out_per_response) {
  Plan plan;
  plan.responses = 2;
  features::Dataset data = test::make(plan);
  data.Y(3, 1) = std::numeric_limits<double>::quiet_NaN();
  const auto model = fit(data);
  EXPECT_EQ(model->reports()[0].readings, 12);
  EXPECT_EQ(model->reports()[1].readings, 11);
  EXPECT_EQ(model->reports()[1].gross_errors, 0);
}

TEST(fit, degenerate_data_give_finite_answers) {
  for (const int runs : {1, 2, 3}) {
    const features::Dataset data = test::make({.runs = runs});
    const auto posterior = fit(data)->posterior(data.X);
    EXPECT_TRUE(posterior->mean().allFinite());
    EXPECT_TRUE(posterior->variance(VarianceOf::reading).allFinite());
  }
  features::Dataset constant = test::make({.runs = 8, .repeats = 2});
  constant.Y.setConstant(3.25);
  const auto posterior = fit(constant)->posterior(constant.X);
  EXPECT_LT((posterior->mean().array() - 3.25).abs().maxCoeff(), 1e-9);
  EXPECT_TRUE(posterior->variance(VarianceOf::latent).allFinite());
  features::Dataset same_point = test::make({.runs = 8});
  same_point.X = same_point.X.row(0).replicate(8, 1).eval();
  EXPECT_TRUE(fit(same_point)->posterior(same_point.X)->mean().allFinite());
}

TEST(fit, wrong_use_is_refused_in_words) {
  const features::Dataset data = test::make({});
  EXPECT_THROW(fit(data, {.preset = "luban2"}), core::ConfigurationError);
  EXPECT_THROW(fit(data, {.starts = 0}), core::ConfigurationError);
  EXPECT_THROW(fit(data, {.threads = -1}), core::ConfigurationError);
  EXPECT_THROW(fit(data, {.warm_starts = {VectorXd::Zero(3)}}), core::ConfigurationError);
  features::Dataset empty = data;
  empty.Y.setConstant(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(fit(empty), core::DataError);
  const auto model = fit(data);
  EXPECT_THROW(static_cast<void>(model->posterior(MatrixXd::Zero(1, 2))), core::DataError);
  EXPECT_THROW(static_cast<void>(model->posterior(MatrixXd::Constant(1, 3, 7.0))), core::DataError);
  EXPECT_THROW(static_cast<void>(model->posterior(MatrixXd::Constant(1, 3, std::nan("")))), core::DataError);
}

TEST(fit, stops_when_asked) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(static_cast<void>(GaussianProcess::fit(test::make({}), {}, core::RandomKey(1),
                                                      {.stop = stop.get_token(), .progress = {}})),
               core::StoppedError);
}

}  // namespace
}  // namespace luban::surrogate
