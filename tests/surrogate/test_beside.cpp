#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/beside.hpp>

#include "many_surrogates.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

VectorXd some(Index count, std::uint64_t seed) {
  core::Generator generator(seed);
  VectorXd out(count);
  for (double& value : out) value = generator.normal();
  return out;
}

PullbackWeights random_weights(Index q, Index b) {
  return {.mean = some(q, 1),
          .variance = some(q, 2),
          .covariance = test::random_symmetric(q, 3),
          .cross = some(q * b, 4).reshaped(q, b)};
}

double weighed(const PosteriorBeside& at, Index response, const PullbackWeights& w) {
  double sum = w.mean.dot(at.mean().col(response));
  sum += w.variance.dot(at.variance(VarianceOf::latent).col(response));
  sum += w.covariance.cwiseProduct(at.covariance(response, VarianceOf::latent)).sum();
  return sum + w.cross.cwiseProduct(at.cross_covariance(response)).sum();
}

TEST(beside, is_the_joint_posterior_cut_in_two) {
  for (const test::Named& one : test::many_surrogates()) {
    const features::Encoder& encoder = one.surrogate->encoder();
    const MatrixXd X = test::random_inputs(encoder, 4, 11);
    const MatrixXd fixed = test::random_inputs(encoder, 6, 12);
    const auto own = one.surrogate->beside(fixed);
    const auto twin = joint_beside(*one.surrogate, fixed);
    const PosteriorRequest everything{.gradients = true, .joint = true};
    const auto at = own->posterior(X, everything);
    const auto reference = twin->posterior(X, everything);
    ASSERT_EQ(at->q(), 4);
    ASSERT_EQ(at->b(), 6);
    ASSERT_EQ(at->m(), 2);
    for (Index r = 0; r < 2; ++r) {
      const double size = reference->covariance(r, VarianceOf::reading).cwiseAbs().maxCoeff();
      EXPECT_LT((at->mean().col(r) - reference->mean().col(r)).cwiseAbs().maxCoeff(), 1e-9) << one.name;
      for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
        EXPECT_LT((at->variance(of) - reference->variance(of)).col(r).cwiseAbs().maxCoeff(), 1e-10 * size) << one.name;
        EXPECT_LT((at->covariance(r, of) - reference->covariance(r, of)).cwiseAbs().maxCoeff(), 1e-10 * size)
            << one.name;
      }
      EXPECT_LT((at->cross_covariance(r) - reference->cross_covariance(r)).cwiseAbs().maxCoeff(), 1e-10 * size)
          << one.name;
      EXPECT_EQ(own->fixed().covariance(r, VarianceOf::latent), twin->fixed().covariance(r, VarianceOf::latent));
      const PullbackWeights w = random_weights(4, 6);
      const MatrixXd pulled = at->pullback(r, w);
      EXPECT_LT((pulled - reference->pullback(r, w)).cwiseAbs().maxCoeff(),
                1e-8 * (size + pulled.cwiseAbs().maxCoeff()))
          << one.name;
    }
  }
}

TEST(beside, pullback_equals_finite_differences) {
  for (const test::Named& one : test::many_surrogates()) {
    const features::Encoder& encoder = one.surrogate->encoder();
    const MatrixXd X = test::random_inputs(encoder, 3, 31);
    const auto beside = one.surrogate->beside(test::random_inputs(encoder, 5, 32));
    const PullbackWeights w = random_weights(3, 5);
    const MatrixXd stated = beside->posterior(X, {.gradients = true, .joint = true})->pullback(0, w);
    constexpr double h = 1e-5;
    for (Index i = 0; i < X.rows(); ++i) {
      for (Index j = 0; j < X.cols(); ++j) {
        if (!encoder.variables()[static_cast<std::size_t>(j)].is_numeric()) continue;
        MatrixXd up = X;
        MatrixXd down = X;
        up(i, j) += h;
        down(i, j) -= h;
        const double numeric = (weighed(*beside->posterior(up, {.joint = true}), 0, w) -
                                weighed(*beside->posterior(down, {.joint = true}), 0, w)) /
                               (2.0 * h);
        EXPECT_NEAR(stated(i, j), numeric, 1e-5 * (1.0 + std::abs(numeric))) << one.name;
      }
    }
  }
}

TEST(beside, empty_weights_count_as_zero_and_marginals_need_no_joint) {
  for (const test::Named& one : test::many_surrogates()) {
    const features::Encoder& encoder = one.surrogate->encoder();
    const MatrixXd X = test::random_inputs(encoder, 4, 41);
    const auto at = one.surrogate->beside(test::random_inputs(encoder, 2, 42))->posterior(X, {.gradients = true});
    EXPECT_EQ(at->pullback(0, {}), MatrixXd::Zero(4, encoder.p())) << one.name;
    const auto marginal = one.surrogate->posterior(X, {.gradients = true});
    const VectorXd ones = VectorXd::Ones(4);
    const double tolerance = 1e-8 * (1.0 + marginal->mean_gradient(0).cwiseAbs().maxCoeff());
    EXPECT_LT((at->pullback(0, {.mean = ones}) - marginal->mean_gradient(0)).cwiseAbs().maxCoeff(), tolerance);
    EXPECT_LT((at->pullback(0, {.variance = ones}) - marginal->variance_gradient(0)).cwiseAbs().maxCoeff(), tolerance);
    EXPECT_THROW(static_cast<void>(at->covariance(0, VarianceOf::latent)), core::LifecycleError) << one.name;
    EXPECT_THROW(static_cast<void>(at->pullback(0, {.covariance = MatrixXd::Identity(4, 4)})), core::LifecycleError);
    EXPECT_THROW(static_cast<void>(at->pullback(0, {.mean = VectorXd::Ones(3)})), core::DataError) << one.name;
    const auto plain = one.surrogate->beside(X.topRows(1))->posterior(X, {.joint = true});
    EXPECT_THROW(static_cast<void>(plain->pullback(0, {.mean = ones})), core::LifecycleError) << one.name;
  }
}

TEST(beside, no_fixed_points_leave_the_posterior_alone) {
  for (const test::Named& one : test::many_surrogates()) {
    const features::Encoder& encoder = one.surrogate->encoder();
    const MatrixXd X = test::random_inputs(encoder, 4, 51);
    const auto beside = one.surrogate->beside(MatrixXd(0, encoder.p()));
    const auto at = beside->posterior(X, {.gradients = true, .joint = true});
    EXPECT_EQ(at->b(), 0);
    EXPECT_EQ(beside->fixed().q(), 0);
    EXPECT_EQ(at->cross_covariance(1).size(), 0) << one.name;
    const MatrixXd joint = one.surrogate->posterior(X, {.joint = true})->covariance(0, VarianceOf::latent);
    EXPECT_LT((at->covariance(0, VarianceOf::latent) - joint).cwiseAbs().maxCoeff(), 1e-9) << one.name;
    EXPECT_TRUE(at->pullback(0, {.mean = VectorXd::Ones(4), .covariance = MatrixXd::Ones(4, 4)}).allFinite());
  }
}

// Hardly any noise and close points: the covariance of the data has a condition number far above 1e6.
TEST(beside, keeps_its_digits_where_the_data_are_all_but_exact) {
  test::Plan plan = test::mixed_plan();
  plan.variables = {test::numeric("feed"), test::numeric("speed")};
  plan.responses = 1;
  plan.run_sd = 0.0;
  plan.reading_sd = 1e-7;
  plan.runs = 60;
  plan.points = plan.repeats = 1;
  const auto process = test::process("vizier", plan);
  const MatrixXd X = test::random_inputs(process->encoder(), 4, 61);
  const MatrixXd fixed = test::random_inputs(process->encoder(), 3, 62);
  const auto at = process->beside(fixed)->posterior(X, {.gradients = true, .joint = true});
  const auto reference = joint_beside(*process, fixed)->posterior(X, {.gradients = true, .joint = true});
  const MatrixXd S = at->covariance(0, VarianceOf::latent);
  const double prior = process->prior(X)->variance(VarianceOf::latent).maxCoeff();
  EXPECT_LT((S - reference->covariance(0, VarianceOf::latent)).cwiseAbs().maxCoeff(), 1e-6 * prior);
  EXPECT_LT((at->cross_covariance(0) - reference->cross_covariance(0)).cwiseAbs().maxCoeff(), 1e-6 * prior);
  const PullbackWeights w = random_weights(4, 3);
  const MatrixXd pulled = at->pullback(0, w);
  EXPECT_LT((pulled - reference->pullback(0, w)).cwiseAbs().maxCoeff(), 1e-5 * pulled.cwiseAbs().maxCoeff());
}

TEST(beside, refuses_what_is_no_coded_input) {
  const auto process = test::process("hvarfner");
  EXPECT_THROW(static_cast<void>(process->beside(MatrixXd::Zero(2, 1))), core::DataError);
  const auto beside = process->beside(MatrixXd::Zero(1, 4));
  EXPECT_THROW(static_cast<void>(beside->posterior(MatrixXd::Constant(1, 4, std::nan("")), {})), core::DataError);
}

}  // namespace
}  // namespace luban::surrogate
