#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/linear_model.hpp>
#include <luban/surrogate/noise_average.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using features::Role;
using test::Index;
using test::MatrixXd;
using test::VectorXd;

// Two runs: the first read once at position 0, the second three times (0, 1, 1); a third in another context.
features::Dataset uneven() {
  features::Dataset out = test::make({.variables = {test::numeric("feed"), test::categorical("wear", 2),
                                                    test::categorical("position", 2, Role::noise)},
                                      .runs = 5});
  out.X << 0.1, 0, 0, 0.2, 0, 0, 0.2, 0, 1, 0.2, 0, 1, 0.3, 1, 1;
  out.run = {0, 1, 1, 1, 2};
  out.run_ids.resize(3);
  out.group.resize(3);
  out.run_time.resize(3);
  return out;
}

TEST(observed_noise_levels, each_run_counts_once) {
  const NoiseLevels levels = observed_noise_levels(uneven(), VectorXd::Zero(1), 2);
  ASSERT_EQ(levels.levels, (MatrixXd(2, 1) << 0.0, 1.0).finished());
  EXPECT_NEAR(levels.weights(0), 0.5 + 0.5 / 3.0, 1e-14);
  EXPECT_NEAR(levels.weights(1), 1.0 / 3.0, 1e-14);
}

TEST(observed_noise_levels, all_runs_where_the_context_has_too_few) {
  const NoiseLevels levels = observed_noise_levels(uneven(), VectorXd::Zero(1), 3);
  EXPECT_NEAR(levels.weights(0), (1.0 + 1.0 / 3.0) / 3.0, 1e-14);
  const NoiseLevels any = observed_noise_levels(uneven(), VectorXd::Constant(1, std::nan("")), 3);
  EXPECT_EQ(any.weights, levels.weights);
  EXPECT_THROW(static_cast<void>(observed_noise_levels(uneven(), VectorXd::Zero(2))), core::DataError);
}

TEST(observed_noise_levels, a_continuous_one_is_its_quantiles) {
  features::Dataset data =
      test::make({.variables = {test::numeric("feed"), test::numeric("humidity", Role::noise)}, .runs = 320});
  for (Index i = 0; i < data.n(); ++i) data.X(i, 1) = static_cast<double>((i * 7) % 320) / 320.0;
  const NoiseLevels levels = observed_noise_levels(data, VectorXd(0));
  ASSERT_EQ(levels.levels.rows(), 16);
  EXPECT_NEAR(levels.weights.sum(), 1.0, 1e-14);
  for (Index l = 0; l < 16; ++l) EXPECT_NEAR(levels.levels(l, 0), (static_cast<double>(l) + 0.5) / 16.0, 2.0 / 320.0);
}

TEST(observed_noise_levels, several_stay_joint_rows) {
  const features::Dataset data =
      test::make({.variables = {test::numeric("feed"), test::numeric("humidity", Role::noise),
                                test::categorical("shift", 2, Role::noise)},
                  .runs = 90});
  const NoiseLevels levels = observed_noise_levels(data, VectorXd(0));
  ASSERT_EQ(levels.levels.rows(), 16);
  for (Index l = 0; l < 16; ++l) {
    bool seen = false;
    for (Index i = 0; i < data.n(); ++i) seen = seen || data.X.row(i).tail(2) == levels.levels.row(l);
    EXPECT_TRUE(seen);
  }
}

TEST(observed_noise_levels, without_noise_variables_there_is_one_empty_level) {
  const NoiseLevels levels = observed_noise_levels(test::make({}), VectorXd::Zero(1));
  EXPECT_EQ(levels.levels.rows(), 1);
  EXPECT_EQ(levels.levels.cols(), 0);
  EXPECT_EQ(levels.weights(0), 1.0);
}

TEST(averaged_surrogate, is_a_surrogate_of_the_other_inputs) {
  test::Plan plan{.variables = {test::categorical("position", 3, Role::noise), test::numeric("feed"),
                                test::categorical("material", 2)},
                  .runs = 20,
                  .points = 3,
                  .repeats = 2};
  const features::Dataset data = test::make(plan);
  const auto model = GaussianProcess::fit(data, {}, core::RandomKey(1));
  const NoiseLevels levels = observed_noise_levels(data, VectorXd::Zero(1));
  const AveragedSurrogate averaged(model, levels);
  ASSERT_EQ(averaged.encoder().p(), 2);
  EXPECT_EQ(averaged.encoder().variables()[0].name, "feed");
  const MatrixXd X = (MatrixXd(2, 2) << 0.3, 1.0, 0.8, 0.0).finished();
  const auto posterior = averaged.posterior(X, {.gradients = true, .joint = true});
  MatrixXd whole(3, 3);
  for (Index l = 0; l < 3; ++l) whole.row(l) << levels.levels(l, 0), 0.3, 1.0;
  const auto joint = model->posterior(whole, {.joint = true});
  EXPECT_NEAR(posterior->mean()(0, 0), levels.weights.dot(joint->mean().col(0)), 1e-10);
  EXPECT_NEAR(posterior->variance(VarianceOf::latent)(0, 0),
              levels.weights.dot(joint->covariance(0, VarianceOf::latent) * levels.weights), 1e-10);
  ASSERT_EQ(posterior->mean_gradient(0).cols(), 2);
  MatrixXd moved = X;
  moved(0, 0) += 1e-6;
  const double difference = (averaged.posterior(moved)->mean()(0, 0) - posterior->mean()(0, 0)) / 1e-6;
  EXPECT_NEAR(posterior->mean_gradient(0)(0, 0), difference, 1e-4);
  EXPECT_EQ(posterior->mean_gradient(0)(0, 1), 0.0);
}

TEST(averaged_surrogate, levels_must_fit_the_surrogate) {
  const features::Dataset data = test::make({});
  const auto model = fit_trivial(data);
  EXPECT_THROW(AveragedSurrogate(model, {.levels = MatrixXd::Zero(2, 1), .weights = VectorXd::Constant(2, 0.5)}),
               core::DataError);
  EXPECT_THROW(AveragedSurrogate(model, {.levels = MatrixXd(1, 0), .weights = VectorXd::Constant(1, 0.5)}),
               core::DataError);
  const AveragedSurrogate averaged(model, observed_noise_levels(data, VectorXd::Zero(1)));
  EXPECT_EQ(averaged.posterior(data.X)->mean(), model->posterior(data.X)->mean());
}

TEST(averaged_surrogate, averages_of_averages_are_averages_over_both) {
  const features::Dataset data = test::make({.variables = {test::categorical("position", 3, Role::noise),
                                                           test::numeric("feed"), test::categorical("material", 2)},
                                             .runs = 20,
                                             .points = 3,
                                             .repeats = 2});
  const auto model = GaussianProcess::fit(data, {}, core::RandomKey(1));
  const NoiseLevels levels = observed_noise_levels(data, VectorXd::Zero(1));
  const AveragedSurrogate averaged(model, levels);
  const MatrixXd X = (MatrixXd(4, 2) << 0.2, 0, 0.4, 0, 0.7, 1, 0.9, 1).finished();
  const VectorXd weights = (VectorXd(2) << 0.3, 0.7).finished();
  const auto outer = averaged.average(X, weights, {.gradients = true, .joint = true});
  const auto inner = averaged.posterior(X, {.gradients = true, .joint = true});
  MatrixXd functional = MatrixXd::Zero(2, 4);
  functional << 0.3, 0.7, 0.0, 0.0, 0.0, 0.0, 0.3, 0.7;
  EXPECT_LT((outer->mean() - functional * inner->mean()).norm(), 1e-9);
  const MatrixXd covariance = functional * inner->covariance(0, VarianceOf::latent) * functional.transpose();
  EXPECT_LT((outer->covariance(0, VarianceOf::latent) - covariance).norm(), 1e-7 * covariance.norm());
  EXPECT_LT((outer->mean_gradient(0) - functional * inner->mean_gradient(0)).norm(), 1e-9);
  EXPECT_EQ(outer->variance_gradient(0).cols(), 2);
}

}  // namespace
}  // namespace luban::surrogate
