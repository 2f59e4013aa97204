#include <cmath>

#include <gtest/gtest.h>
#include <Eigen/Cholesky>

#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/recommend/sobol.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using surrogate::VarianceOf;

std::shared_ptr<const surrogate::GaussianProcess> fitted() {
  const Eigen::MatrixXd X = Sobol(3, core::RandomKey(4)).points(0, 24);
  Eigen::VectorXd Y(24);
  core::Generator generator(3);
  for (Eigen::Index i = 0; i < 24; ++i) {
    Y(i) = std::sin(5.0 * X(i, 0)) + X(i, 1) * X(i, 2) + 0.05 * generator.normal();
  }
  const Eigen::MatrixXd bounds = (Eigen::MatrixXd(2, 3) << 0, 0, 0, 1, 1, 1).finished();
  ArrayProblem problem = box_problem(bounds);
  problem.X = X;
  problem.Y = Y;
  return surrogate::GaussianProcess::fit(array_dataset(problem), {.starts = 1}, core::RandomKey(1));
}

/// Variance after the pending runs and its gradient as they were computed once: from one joint posterior, the slope of
/// the covariance with the pending points by central differences.
std::pair<Eigen::VectorXd, Eigen::MatrixXd> by_differences(const surrogate::Surrogate& inner,
                                                           const Eigen::MatrixXd& pending, const Eigen::MatrixXd& X) {
  const Eigen::Index k = pending.rows();
  const auto cross_at = [&](const Eigen::MatrixXd& points) -> Eigen::MatrixXd {
    Eigen::MatrixXd all(points.rows() + k, points.cols());
    all << points, pending;
    const auto joint = inner.posterior(all, {.joint = true});
    return joint->covariance(0, VarianceOf::latent).topRightCorner(points.rows(), k);
  };
  const auto own = inner.posterior(pending, {.joint = true});
  Eigen::MatrixXd observed = own->covariance(0, VarianceOf::run_mean);
  observed.diagonal().array() += 1e-10 * observed.diagonal().maxCoeff() + 1e-300;
  const Eigen::MatrixXd cross = cross_at(X);
  const Eigen::MatrixXd weights = observed.llt().solve(cross.transpose()).transpose();
  const auto marginal = inner.posterior(X, {.gradients = true});
  Eigen::VectorXd variance = marginal->variance(VarianceOf::latent).col(0);
  variance -= cross.cwiseProduct(weights).rowwise().sum();
  Eigen::MatrixXd gradient = marginal->variance_gradient(0);
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    Eigen::MatrixXd up = X;
    Eigen::MatrixXd down = X;
    up.col(j).array() += 1e-4;
    down.col(j).array() -= 1e-4;
    const Eigen::MatrixXd slope = (cross_at(up) - cross_at(down)) / 2e-4;
    gradient.col(j) -= 2.0 * slope.cwiseProduct(weights).rowwise().sum();
  }
  return {variance, gradient};
}

TEST(conditioned_surrogate, keeps_its_numbers_with_exact_gradients) {
  const auto inner = fitted();
  const Eigen::MatrixXd pending = Sobol(3, core::RandomKey(5)).points(0, 3);
  const ConditionedSurrogate conditioned(inner, pending);
  const Eigen::MatrixXd X = Sobol(3, core::RandomKey(6)).points(0, 16);
  const auto posterior = conditioned.posterior(X, {.gradients = true});
  const auto [variance, gradient] = by_differences(*inner, pending, X);
  const double size = variance.maxCoeff();
  EXPECT_LT((posterior->variance(VarianceOf::latent).col(0) - variance).cwiseAbs().maxCoeff(), 1e-9 * size);
  EXPECT_LT((posterior->variance_gradient(0) - gradient).cwiseAbs().maxCoeff(), 1e-6 * size);
  const auto before = inner->posterior(X, {.gradients = true});
  EXPECT_LT((posterior->mean() - before->mean()).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_LT((posterior->mean_gradient(0) - before->mean_gradient(0)).cwiseAbs().maxCoeff(), 1e-8);
  EXPECT_LT((posterior->variance(VarianceOf::reading) - posterior->variance(VarianceOf::latent) -
             before->variance(VarianceOf::reading) + before->variance(VarianceOf::latent))
                .cwiseAbs()
                .maxCoeff(),
            1e-10);
}

TEST(conditioned_surrogate, joint_covariance_has_its_gradient) {
  const ConditionedSurrogate conditioned(fitted(), Sobol(3, core::RandomKey(5)).points(0, 3));
  const Eigen::MatrixXd X = Sobol(3, core::RandomKey(7)).points(0, 4);
  const auto joint = conditioned.posterior(X, {.gradients = true, .joint = true});
  const Eigen::MatrixXd S = joint->covariance(0, VarianceOf::latent);
  EXPECT_LT((S.diagonal() - joint->variance(VarianceOf::latent).col(0)).cwiseAbs().maxCoeff(), 1e-10);
  Eigen::MatrixXd w = Eigen::MatrixXd::Random(4, 4);
  w = (w + w.transpose()).eval();
  const Eigen::MatrixXd stated = joint->covariance_gradient(0, w);
  for (Eigen::Index i = 0; i < 4; ++i) {
    for (Eigen::Index j = 0; j < 3; ++j) {
      Eigen::MatrixXd up = X;
      Eigen::MatrixXd down = X;
      up(i, j) += 1e-5;
      down(i, j) -= 1e-5;
      const auto sum = [&](const Eigen::MatrixXd& at) {
        return conditioned.posterior(at, {.joint = true})->covariance(0, VarianceOf::latent).cwiseProduct(w).sum();
      };
      EXPECT_NEAR(stated(i, j), (sum(up) - sum(down)) / 2e-5, 1e-6);
    }
  }
}

TEST(derived_surrogate, stands_beside_fixed_points_as_in_the_joint_posterior) {
  const DerivedSurrogate derived(fitted(), {{.name = "rate", .unit = "", .sum = {{{{"x1", 1.0}, {"x2", 1.0}}, 2.0}}}});
  const Eigen::MatrixXd X = Sobol(3, core::RandomKey(7)).points(0, 3);
  const Eigen::MatrixXd fixed = Sobol(3, core::RandomKey(8)).points(0, 2);
  const auto own = derived.beside(fixed);
  const auto at = own->posterior(X, {.gradients = true, .joint = true});
  const auto twin = surrogate::joint_beside(derived, fixed);
  const auto reference = twin->posterior(X, {.gradients = true, .joint = true});
  ASSERT_EQ(at->m(), 2);
  EXPECT_LT((at->mean() - reference->mean()).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_EQ(at->cross_covariance(1), Eigen::MatrixXd::Zero(3, 2));
  for (Eigen::Index r : {0, 1}) {
    const surrogate::PullbackWeights w{.mean = Eigen::Vector3d(1.0, -2.0, 0.5),
                                       .covariance = Eigen::MatrixXd::Ones(3, 3),
                                       .cross = Eigen::MatrixXd::Constant(3, 2, 0.7)};
    EXPECT_LT((at->pullback(r, w) - reference->pullback(r, w)).cwiseAbs().maxCoeff(), 1e-8);
    EXPECT_LT((at->covariance(r, VarianceOf::run_mean) - reference->covariance(r, VarianceOf::run_mean))
                  .cwiseAbs()
                  .maxCoeff(),
              1e-10);
  }
}

}  // namespace
}  // namespace luban::recommend
