// A local Gaussian process beside the exact one at the same hyperparameters.
#include <cmath>

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

test::Plan plan(int runs) {
  return {.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("material", 2),
                        test::categorical("position", 2, features::Role::noise)},
          .runs = runs,
          .points = 2,
          .repeats = 2,
          .responses = 2};
}

std::shared_ptr<const LocalGaussianProcess> local(const features::Dataset& data, Index neighbours,
                                                  const std::string& preset = "matern") {
  return LocalGaussianProcess::fit(
      data, {.process = {.preset = preset, .starts = 1}, .neighbours = neighbours, .learned_from = 60},
      core::RandomKey(3));
}

// The exact process at hyperparameters found elsewhere.
std::shared_ptr<const GaussianProcess> exact(const features::Dataset& data, const LocalGaussianProcess& like,
                                             const std::string& preset = "matern") {
  Artefact artefact;
  GaussianProcess::fit(data, {.preset = preset, .starts = 1, .max_iterations = 1}, core::RandomKey(3))->write(artefact);
  for (std::size_t r = 0; r < like.reports().size(); ++r) {
    const VectorXd& theta = like.reports()[r].hyperparameters;
    artefact.tensors["gaussian_process/" + std::to_string(r) + "/theta"] = {
        .shape = {theta.size()}, .values = std::vector<double>(theta.begin(), theta.end())};
  }
  return GaussianProcess::read(artefact);
}

TEST(local_gaussian_process, of_all_neighbours_is_the_exact_one) {
  const features::Dataset data = test::make(plan(40));
  for (const char* preset : {"matern", "luban"}) {
    const auto near = local(data, 500, preset);
    const auto whole = exact(data, *near, preset);
    const MatrixXd X = test::random_inputs(data.encoder, 6, 5);
    const PosteriorRequest all{.gradients = true, .joint = true};
    const auto a = near->posterior(X, all);
    const auto b = whole->posterior(X, all);
    const MatrixXd w = MatrixXd::Ones(6, 6) + MatrixXd(VectorXd::LinSpaced(6, -1.0, 2.0).asDiagonal());
    for (Index r : {0, 1}) {
      EXPECT_LT((a->mean() - b->mean()).cwiseAbs().maxCoeff(), 1e-8);
      EXPECT_LT((a->variance(VarianceOf::reading) - b->variance(VarianceOf::reading)).cwiseAbs().maxCoeff(), 1e-8);
      EXPECT_LT((a->covariance(r, VarianceOf::latent) - b->covariance(r, VarianceOf::latent)).cwiseAbs().maxCoeff(),
                1e-8);
      EXPECT_LT((a->mean_gradient(r) - b->mean_gradient(r)).cwiseAbs().maxCoeff(), 1e-7);
      EXPECT_LT((a->variance_gradient(r) - b->variance_gradient(r)).cwiseAbs().maxCoeff(), 1e-7);
      EXPECT_LT((a->covariance_gradient(r, w) - b->covariance_gradient(r, w)).cwiseAbs().maxCoeff(), 1e-6);
    }
    const VectorXd weights{{0.4, 0.6}};
    MatrixXd levels(4, 4);
    levels << 0.2, 0.3, 1, 0, 0.2, 0.3, 1, 1, 0.7, 0.9, 0, 0, 0.7, 0.9, 0, 1;
    const auto c = near->average(levels, weights, all);
    const auto d = whole->average(levels, weights, all);
    const MatrixXd pairs = w.topLeftCorner(2, 2);
    EXPECT_LT((c->covariance_gradient(1, pairs) - d->covariance_gradient(1, pairs)).cwiseAbs().maxCoeff(), 1e-6);
    EXPECT_LT((c->mean() - d->mean()).cwiseAbs().maxCoeff(), 1e-8);
    EXPECT_LT((c->variance(VarianceOf::reading) - d->variance(VarianceOf::reading)).cwiseAbs().maxCoeff(), 1e-8);
    EXPECT_LT((c->variance_gradient(1) - d->variance_gradient(1)).cwiseAbs().maxCoeff(), 1e-7);
  }
}

TEST(local_gaussian_process, of_few_neighbours_is_near_the_exact_one) {
  const features::Dataset data = test::make(plan(150));
  const auto near = local(data, 60);
  const auto whole = exact(data, *near);
  const MatrixXd X = test::random_inputs(data.encoder, 100, 5);
  const auto a = near->posterior(X);
  const auto b = whole->posterior(X);
  const MatrixXd sd = b->variance(VarianceOf::run_mean).cwiseSqrt();
  EXPECT_LT(std::sqrt(((a->mean() - b->mean()).array() / sd.array()).square().mean()), 0.25);
  EXPECT_GT((a->variance(VarianceOf::latent) - b->variance(VarianceOf::latent)).minCoeff(), -1e-9)
      << "less is known from fewer points";
}

TEST(local_gaussian_process, joint_gradients_are_those_of_finite_differences) {
  const features::Dataset data = test::make(plan(60));
  const auto near = local(data, 12);
  MatrixXd X = test::random_inputs(data.encoder, 4, 5);
  X.row(1) = X.row(0);
  X(1, 0) += 0.02;  // neighbours in common
  MatrixXd w = MatrixXd::Ones(4, 4);
  w(0, 1) = w(1, 0) = -0.7;
  const MatrixXd covariance = near->posterior(X, {.joint = true})->covariance(0, VarianceOf::latent);
  EXPECT_GT(Eigen::SelfAdjointEigenSolver<MatrixXd>(covariance).eigenvalues().minCoeff(), -1e-9);
  const MatrixXd stated = near->posterior(X, {.gradients = true, .joint = true})->covariance_gradient(0, w);
  for (Index i = 0; i < X.rows(); ++i) {
    for (const Index column : {0, 1}) {
      const auto at = [&](double step) {
        MatrixXd moved = X;
        moved(i, column) += step;
        return near->posterior(moved, {.joint = true})->covariance(0, VarianceOf::latent).cwiseProduct(w).sum();
      };
      EXPECT_NEAR(stated(i, column), (at(1e-6) - at(-1e-6)) / 2e-6, 1e-4 * covariance.cwiseAbs().maxCoeff());
    }
  }
}

TEST(local_gaussian_process, is_the_same_for_any_number_of_threads_and_from_a_file) {
  const features::Dataset data = test::make(plan(50));
  const auto near = local(data, 15);
  LocalGaussianProcessOptions options{
      .process = {.preset = "matern", .starts = 1, .threads = 1}, .neighbours = 15, .learned_from = 60};
  const auto one = LocalGaussianProcess::fit(data, options, core::RandomKey(3));
  const MatrixXd X = test::random_inputs(data.encoder, 20, 5);
  EXPECT_EQ(one->posterior(X)->mean(), near->posterior(X)->mean());
  Artefact artefact;
  near->write(artefact);
  const auto again = LocalGaussianProcess::read(artefact);
  EXPECT_EQ(again->posterior(X)->mean(), near->posterior(X)->mean());
  EXPECT_EQ(again->posterior(X)->variance(VarianceOf::reading), near->posterior(X)->variance(VarianceOf::reading));
  EXPECT_EQ(near->only({1})->posterior(X)->mean(), near->posterior(X)->mean().col(1));
  EXPECT_EQ(again->reports()[0].points, near->reports()[0].points);
}

TEST(local_gaussian_process, refuses_options_out_of_range) {
  const features::Dataset data = test::make(plan(20));
  for (const LocalGaussianProcessOptions& wrong :
       {LocalGaussianProcessOptions{.neighbours = 4}, LocalGaussianProcessOptions{.neighbours = 501},
        LocalGaussianProcessOptions{.learned_from = 49}, LocalGaussianProcessOptions{.process = {.starts = 0}},
        LocalGaussianProcessOptions{.process = {.preset = "nothing"}}}) {
    EXPECT_THROW(static_cast<void>(LocalGaussianProcess::fit(data, wrong, core::RandomKey(1))),
                 core::ConfigurationError);
  }
}

}  // namespace
}  // namespace luban::surrogate
