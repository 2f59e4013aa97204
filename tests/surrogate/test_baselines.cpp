#include <cmath>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/surrogate/linear_model.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

TEST(trivial, is_the_mean_of_the_runs_with_their_spread) {
  features::Dataset data = test::make({.runs = 3, .repeats = 2});
  data.Y << 1.0, 3.0, 4.0, 6.0, 8.0, 8.0;
  const auto posterior = fit_trivial(data)->posterior(data.X.topRows(2), {.joint = true});
  const double spread = (9.0 + 0.0 + 9.0) / 2.0;  // of the run means 2, 5, 8
  const double within = (2.0 + 2.0 + 0.0) / 3.0;
  EXPECT_NEAR(posterior->mean()(1, 0), 5.0, 1e-14);
  EXPECT_NEAR(posterior->variance(VarianceOf::latent)(0, 0), spread / 3.0, 1e-13);
  EXPECT_NEAR(posterior->variance(VarianceOf::run_mean)(0, 0), spread / 3.0 + spread - within / 2.0, 1e-13);
  EXPECT_NEAR(posterior->variance(VarianceOf::reading)(0, 0), spread / 3.0 + spread + within / 2.0, 1e-13);
  EXPECT_NEAR(posterior->covariance(0, VarianceOf::latent)(0, 1), spread / 3.0, 1e-13);
}

TEST(trivial, one_run_has_no_spread_to_learn) {
  EXPECT_THROW(static_cast<void>(fit_trivial(test::make({.runs = 1}))), core::DataError);
  EXPECT_THROW(static_cast<void>(fit_ridge(test::make({.runs = 1}))), core::DataError);
}

features::Dataset quadratic_truth(int runs, double noise) {
  features::Dataset data =
      test::make({.variables = {test::numeric("a"), test::numeric("b"), test::categorical("c", 2)}, .runs = runs});
  core::Generator generator(3);
  for (Index i = 0; i < data.n(); ++i) {
    const double a = data.X(i, 0);
    const double b = data.X(i, 1);
    data.Y(i, 0) = 5.0 + 2.0 * a - b + 3.0 * a * b - 2.0 * b * b + data.X(i, 2) + noise * generator.normal();
  }
  return data;
}

TEST(ridge, recovers_what_it_can_express) {
  const features::Dataset data = quadratic_truth(80, 0.01);
  const auto quadratic = fit_ridge(data, {.quadratic = true});
  const auto linear = fit_ridge(data);
  EXPECT_LT((quadratic->posterior(data.X)->mean() - data.Y).cwiseAbs().maxCoeff(), 0.05);
  EXPECT_GT((linear->posterior(data.X)->mean() - data.Y).cwiseAbs().maxCoeff(), 0.2);
  EXPECT_NEAR(std::sqrt(quadratic->posterior(data.X)->variance(VarianceOf::reading)(0, 0)), 0.01, 0.004);
  EXPECT_EQ(quadratic->kind(), "quadratic_ridge");
}

TEST(ridge, a_response_that_does_not_depend_is_its_mean) {
  features::Dataset data = quadratic_truth(60, 0.0);
  core::Generator generator(9);
  for (Index i = 0; i < data.n(); ++i) data.Y(i, 0) = 1.0 + 0.1 * generator.normal();
  const MatrixXd mean = fit_ridge(data)->posterior(data.X)->mean();
  EXPECT_LT((mean.array() - data.Y.mean()).abs().maxCoeff(), 0.06);
}

TEST(ridge, gradients_averages_and_joint_are_consistent) {
  const features::Dataset data = quadratic_truth(40, 0.1);
  const auto model = fit_ridge(data, {.quadratic = true});
  const MatrixXd X = data.X.topRows(4);
  const auto posterior = model->posterior(X, {.gradients = true, .joint = true});
  for (Index k = 0; k < 2; ++k) {
    MatrixXd up = X;
    MatrixXd down = X;
    up.col(k).array() += 1e-5;
    down.col(k).array() -= 1e-5;
    const VectorXd mean = (model->posterior(up)->mean() - model->posterior(down)->mean()).col(0) / 2e-5;
    const VectorXd variance =
        (model->posterior(up)->variance(VarianceOf::latent) - model->posterior(down)->variance(VarianceOf::latent))
            .col(0) /
        2e-5;
    EXPECT_LT((mean - posterior->mean_gradient(0).col(k)).cwiseAbs().maxCoeff(), 1e-7);
    EXPECT_LT((variance - posterior->variance_gradient(0).col(k)).cwiseAbs().maxCoeff(), 1e-7);
  }
  const MatrixXd covariance = posterior->covariance(0, VarianceOf::latent);
  EXPECT_LT((covariance.diagonal() - posterior->variance(VarianceOf::latent).col(0)).cwiseAbs().maxCoeff(), 1e-14);
  const VectorXd weights{{0.4, 0.6}};
  const auto average = model->average(X, weights, {.joint = true});
  const auto ordinary = model->Surrogate::average(X, weights, {.joint = true});
  EXPECT_LT((average->mean() - ordinary->mean()).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT(
      (average->covariance(0, VarianceOf::latent) - ordinary->covariance(0, VarianceOf::latent)).cwiseAbs().maxCoeff(),
      1e-12);
}

}  // namespace
}  // namespace luban::surrogate
