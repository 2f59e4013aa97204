#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "many_surrogates.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;

using Predict = std::function<std::unique_ptr<Posterior>(const MatrixXd&, const PosteriorRequest&)>;

// Σ_jk w_jk Σ_jk by central differences in every numeric coordinate of every point, against the stated derivative.
void check(const Predict& predict, const features::Encoder& encoder, Index response, const std::string& name) {
  const MatrixXd X = test::random_inputs(encoder, 5, 21);
  const MatrixXd w = test::random_symmetric(5, 8);
  const auto at = predict(X, {.gradients = true, .joint = true});
  const MatrixXd stated = at->covariance_gradient(response, w);
  ASSERT_EQ(stated.rows(), 5) << name;
  ASSERT_EQ(stated.cols(), encoder.p()) << name;
  const double size = at->covariance(response, VarianceOf::latent).cwiseAbs().maxCoeff();
  const auto sum = [&](const MatrixXd& points) {
    return predict(points, {.joint = true})->covariance(response, VarianceOf::latent).cwiseProduct(w).sum();
  };
  constexpr double h = 1e-5;
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) {
      double numeric = 0.0;
      if (encoder.variables()[static_cast<std::size_t>(j)].is_numeric()) {
        MatrixXd up = X;
        MatrixXd down = X;
        up(i, j) += h;
        down(i, j) -= h;
        numeric = (sum(up) - sum(down)) / (2.0 * h);
      }
      EXPECT_NEAR(stated(i, j), numeric, 2e-6 * (size + std::abs(numeric))) << name << " point " << i << " input " << j;
    }
  }
  // Diagonal weights give the gradients of the variances.
  const MatrixXd own = at->covariance_gradient(response, MatrixXd::Identity(5, 5));
  EXPECT_LT((own - at->variance_gradient(response)).cwiseAbs().maxCoeff(), 1e-9 * (size + own.cwiseAbs().maxCoeff()))
      << name;
}

TEST(covariance_gradient, equals_finite_differences_for_every_surrogate) {
  for (const test::Named& one : test::many_surrogates()) {
    const Predict predict = [&](const MatrixXd& X, const PosteriorRequest& request) {
      return one.surrogate->posterior(X, request);
    };
    for (Index response : {0, 1}) check(predict, one.surrogate->encoder(), response, one.name);
  }
}

TEST(covariance_gradient, of_a_prior) {
  for (const char* preset : {"luban", "turbo"}) {
    const auto process = test::process(preset);
    const Predict predict = [&](const MatrixXd& X, const PosteriorRequest& request) {
      return process->prior(X, request);
    };
    check(predict, process->encoder(), 0, preset);
  }
}

TEST(covariance_gradient, outlives_the_surrogate) {
  std::unique_ptr<Posterior> posterior;
  {
    const auto process = test::averaged(test::corrected(test::process("hvarfner")));
    posterior = process->posterior(test::random_inputs(process->encoder(), 3, 2), {.gradients = true, .joint = true});
  }
  EXPECT_TRUE(posterior->covariance_gradient(0, MatrixXd::Ones(3, 3)).allFinite());
}

TEST(covariance_gradient, needs_joint_and_gradients_and_fitting_weights) {
  for (const test::Named& one : test::many_surrogates()) {
    const MatrixXd X = test::random_inputs(one.surrogate->encoder(), 3, 2);
    const MatrixXd w = MatrixXd::Identity(3, 3);
    const auto gradients = one.surrogate->posterior(X, {.gradients = true});
    const auto joint = one.surrogate->posterior(X, {.joint = true});
    EXPECT_THROW(static_cast<void>(gradients->covariance_gradient(0, w)), core::LifecycleError) << one.name;
    EXPECT_THROW(static_cast<void>(joint->covariance_gradient(0, w)), core::LifecycleError) << one.name;
    const auto both = one.surrogate->posterior(X, {.gradients = true, .joint = true});
    EXPECT_THROW(static_cast<void>(both->covariance_gradient(0, MatrixXd::Identity(2, 2))), core::DataError)
        << one.name;
  }
}

}  // namespace
}  // namespace luban::surrogate
