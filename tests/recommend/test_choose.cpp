#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/choose.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

using process::Goal;

Eigen::MatrixXd candidates() {
  Eigen::MatrixXd X = Eigen::MatrixXd::Zero(15, 3);
  X.leftCols(2) = Sobol(2, core::RandomKey(30)).points(0, 15);
  return X;
}

TEST(ChooseAmong, takes_the_best_expected_response) {
  const Basis basis = test::turning_basis();
  const Eigen::MatrixXd X = candidates();
  const Choice least = choose_among(*basis.surrogate, X, {0, Goal::minimize});
  const Choice most = choose_among(*basis.surrogate, X, {0, Goal::maximize});
  const Choice near = choose_among(*basis.surrogate, X, {0, Goal::target, 1.8});
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    EXPECT_LE(least.mean(least.index), least.mean(i));
    EXPECT_GE(most.mean(most.index), most.mean(i));
    EXPECT_LE(std::abs(near.mean(near.index) - 1.8), std::abs(near.mean(i) - 1.8));
  }
  EXPECT_TRUE(std::isnan(least.gain));
}

TEST(ChooseAmong, gain_comes_from_the_joint_posterior) {
  const Basis basis = test::turning_basis();
  const Eigen::MatrixXd X = candidates();
  const Choice choice = choose_among(*basis.surrogate, X, {0, Goal::minimize}, 4);
  EXPECT_NEAR(choice.gain, choice.mean(4) - choice.mean(choice.index), 1e-12);
  const Eigen::MatrixXd covariance =
      basis.surrogate->posterior(X, {.gradients = false, .joint = true})->covariance(0, surrogate::VarianceOf::latent);
  const double variance = covariance(4, 4) + covariance(choice.index, choice.index) - 2.0 * covariance(4, choice.index);
  EXPECT_NEAR(choice.gain_sd, std::sqrt(variance), 1e-6);
  EXPECT_GT(choice.probability_better, 0.5);
  const Choice itself = choose_among(*basis.surrogate, X, {0, Goal::minimize}, choice.index);
  EXPECT_EQ(itself.gain, 0.0);
  EXPECT_EQ(itself.probability_better, 0.0);
}

TEST(ChooseAmong, respects_bounds_and_falls_back_to_the_most_likely) {
  const Basis basis = test::turning_basis();
  const Eigen::MatrixXd X = candidates();
  const OutcomeBound bound{.response = 0, .upper = 1.5, .probability = 0.9};
  const Choice most = choose_among(*basis.surrogate, X, {0, Goal::maximize}, std::nullopt, {bound});
  EXPECT_TRUE(most.admissible);
  EXPECT_LT(most.mean(most.index), 1.5);
  const OutcomeBound hopeless{.response = 0, .upper = -50.0, .probability = 0.9};  // every probability underflows
  const Choice none = choose_among(*basis.surrogate, X, {0, Goal::maximize}, std::nullopt, {hopeless});
  EXPECT_FALSE(none.admissible);
  const auto posterior = basis.surrogate->posterior(X);
  const Eigen::MatrixXd variance = posterior->variance(surrogate::VarianceOf::run_mean);
  const auto log_probability = [&](Eigen::Index i) {
    return hopeless.log_probability(posterior->mean()(i, 0), std::sqrt(variance(i, 0))).value;
  };
  for (Eigen::Index i = 0; i < X.rows(); ++i) EXPECT_GE(log_probability(none.index), log_probability(i));
}

TEST(ChooseAmong, refuses_nothing_to_choose_from) {
  const Basis basis = test::turning_basis();
  EXPECT_THROW(static_cast<void>(choose_among(*basis.surrogate, Eigen::MatrixXd(0, 3), {})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(choose_among(*basis.surrogate, candidates(), {}, 15)), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
