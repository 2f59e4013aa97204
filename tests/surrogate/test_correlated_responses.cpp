// Several responses learned as tasks of one process.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double common(double x) {
  return std::sin(7.0 * x) + x;
}

// The second response, in a unit of its own, follows the first and was measured in six runs alone.
features::Dataset few_of_the_second() {
  features::Dataset data = test::make({.variables = {test::numeric("feed")}, .runs = 40, .responses = 2});
  core::Generator generator(4);
  for (Index i = 0; i < data.n(); ++i) {
    data.Y(i, 0) = 1000.0 + 50.0 * (common(data.X(i, 0)) + 0.05 * generator.normal());
    data.Y(i, 1) = i < 6 ? -3.0 + 0.2 * (common(data.X(i, 0)) + 0.05 * generator.normal()) : nan;
  }
  return data;
}

GaussianProcessOptions options() {
  return {.preset = "matern_legacy", .robust = false};
}

TEST(correlated_responses, one_with_few_values_borrows_from_one_with_many) {
  const features::Dataset data = few_of_the_second();
  const auto together = CorrelatedResponses::fit(data, options(), core::RandomKey(1));
  const auto apart = GaussianProcess::fit(data, options(), core::RandomKey(1));
  const MatrixXd X = VectorXd::LinSpaced(50, 0.0, 1.0);
  const VectorXd truth = X.col(0).unaryExpr([](double x) { return -3.0 + 0.2 * common(x); });
  const auto error = [&](const Surrogate& one) { return (one.posterior(X)->mean().col(1) - truth).norm(); };
  EXPECT_LT(error(*together), 0.5 * error(*apart));
  const MatrixXd correlations = together->correlations();
  EXPECT_NEAR(correlations(0, 0), 1.0, 1e-12);
  EXPECT_NEAR(correlations(0, 1), correlations(1, 0), 1e-12);
  EXPECT_GT(correlations(0, 1), 0.5);
}

TEST(correlated_responses, of_units_that_change_say_the_same) {
  features::Dataset data = few_of_the_second();
  const auto before = CorrelatedResponses::fit(data, options(), core::RandomKey(1));
  data.Y.col(1) = (1e6 * data.Y.col(1)).array() + 5.0;
  const auto after = CorrelatedResponses::fit(data, options(), core::RandomKey(1));
  const MatrixXd X = VectorXd::LinSpaced(5, 0.0, 1.0);
  const auto a = before->posterior(X);
  const auto b = after->posterior(X);
  EXPECT_LT((1e6 * a->mean().col(1) - (b->mean().col(1).array() - 5.0).matrix()).cwiseAbs().maxCoeff(), 1.0);
  EXPECT_LT((a->mean().col(0) - b->mean().col(0)).cwiseAbs().maxCoeff(), 1e-3);
}

TEST(correlated_responses, gradients_are_those_of_finite_differences) {
  const auto fitted = CorrelatedResponses::fit(
      test::make({.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("material", 2)},
                  .runs = 12,
                  .repeats = 2,
                  .responses = 3}),
      {.starts = 1, .max_iterations = 20}, core::RandomKey(1));
  const MatrixXd X = test::random_inputs(fitted->encoder(), 4, 2);
  const auto at = fitted->posterior(X, {.gradients = true, .joint = true});
  ASSERT_EQ(at->m(), 3);
  MatrixXd w = MatrixXd::Ones(4, 4);
  w(1, 2) = w(2, 1) = -2.0;
  for (Index r = 0; r < 3; ++r) {
    const double size = at->covariance(r, VarianceOf::latent).cwiseAbs().maxCoeff();
    const MatrixXd stated = at->covariance_gradient(r, w);
    ASSERT_EQ(stated.cols(), 3);
    for (Index i = 0; i < 4; ++i) {
      for (const Index column : {0, 1}) {
        const auto moved = [&](double step) {
          MatrixXd there = X;
          there(i, column) += step;
          return fitted->posterior(there, {.joint = true});
        };
        const auto up = moved(1e-5);
        const auto down = moved(-1e-5);
        EXPECT_NEAR(at->mean_gradient(r)(i, column), (up->mean()(i, r) - down->mean()(i, r)) / 2e-5,
                    1e-4 * std::sqrt(size));
        const auto sum = [&](const Posterior& one) {
          return one.covariance(r, VarianceOf::latent).cwiseProduct(w).sum();
        };
        EXPECT_NEAR(stated(i, column), (sum(*up) - sum(*down)) / 2e-5, 1e-4 * size);
      }
    }
  }
}

TEST(correlated_responses, come_back_from_a_file_and_can_be_left_out) {
  const auto fitted = CorrelatedResponses::fit(few_of_the_second(), options(), core::RandomKey(1));
  Artefact artefact;
  fitted->write(artefact);
  const auto again = CorrelatedResponses::read(artefact);
  const MatrixXd X = VectorXd::LinSpaced(5, 0.0, 1.0);
  EXPECT_EQ(again->posterior(X)->mean(), fitted->posterior(X)->mean());
  EXPECT_EQ(again->posterior(X)->variance(VarianceOf::reading), fitted->posterior(X)->variance(VarianceOf::reading));
  EXPECT_EQ(fitted->only({1})->posterior(X)->mean(), fitted->posterior(X)->mean().col(1));
  artefact.tensors.erase("correlated_responses/scale");
  EXPECT_THROW(static_cast<void>(CorrelatedResponses::read(artefact)), core::IntegrityError);
}

TEST(correlated_responses, refuse_one_response_and_none_with_values) {
  EXPECT_THROW(static_cast<void>(CorrelatedResponses::fit(test::make({}), options(), core::RandomKey(1))),
               core::ConfigurationError);
  features::Dataset data = few_of_the_second();
  data.Y.col(1).setConstant(nan);
  EXPECT_THROW(static_cast<void>(CorrelatedResponses::fit(data, options(), core::RandomKey(1))), core::DataError);
}

}  // namespace
}  // namespace luban::surrogate
