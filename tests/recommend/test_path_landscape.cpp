#include <cmath>

#include <gtest/gtest.h>

#include <luban/recommend/detail/path_landscape.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/recommend/sobol.hpp>

namespace luban::recommend::detail {
namespace {

std::shared_ptr<const surrogate::GaussianProcess> fitted() {
  ArrayProblem problem = box_problem((Eigen::MatrixXd(2, 2) << 0, 0, 1, 1).finished());
  problem.X = Sobol(2, core::RandomKey(4)).points(0, 16);
  problem.Y.resize(16, 2);
  problem.Y.col(0) = (6.0 * problem.X.col(0)).array().sin() + problem.X.col(1).array().square();
  problem.Y.col(1) = problem.X.rowwise().sum();
  return surrogate::GaussianProcess::fit(array_dataset(problem), {.starts = 1}, core::RandomKey(1));
}

TEST(path_landscape, gradients_equal_finite_differences) {
  const auto process = fitted();
  const PathLandscape landscape(*process, {.response = 0},
                                {{.response = 1, .lower = 0.4, .upper = 1.2}, {.response = 0, .upper = 0.9}},
                                Eigen::Vector2d(0.5, 2.0), core::RandomKey(3));
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(8)).points(0, 4);
  const Landscape::Value at = landscape.evaluate(X, true);
  ASSERT_EQ(at.constraints.cols(), 3);
  for (Eigen::Index j = 0; j < 2; ++j) {
    Eigen::MatrixXd up = X;
    Eigen::MatrixXd down = X;
    up.col(j).array() += 1e-5;
    down.col(j).array() -= 1e-5;
    const Landscape::Value above = landscape.evaluate(up, false);
    const Landscape::Value below = landscape.evaluate(down, false);
    EXPECT_LT((at.gradient.col(j) - (above.value - below.value) / 2e-5).norm(), 1e-5);
    for (Eigen::Index k = 0; k < 3; ++k) {
      const Eigen::VectorXd slope = (above.constraints.col(k) - below.constraints.col(k)) / 2e-5;
      EXPECT_LT((at.jacobians[static_cast<std::size_t>(k)].col(j) - slope).norm(), 1e-5);
    }
  }
}

TEST(path_landscape, is_one_function_and_another_for_another_key) {
  const auto process = fitted();
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(8)).points(0, 6);
  const auto drawn = [&](std::uint64_t seed) {
    return PathLandscape(*process, {.response = 0}, {}, Eigen::Vector2d::Ones(), core::RandomKey(seed))
        .evaluate(X, false)
        .value;
  };
  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
}

TEST(path_landscape, drawn_functions_spread_as_the_posterior) {
  const auto process = fitted();
  const Eigen::MatrixXd X = (Eigen::MatrixXd(1, 2) << 0.97, 0.03).finished();
  const auto posterior = process->posterior(X);
  Eigen::VectorXd values(400);
  for (Eigen::Index s = 0; s < values.size(); ++s) {
    values(s) = PathLandscape(*process, {.response = 0, .goal = process::Goal::maximize}, {}, Eigen::Vector2d::Ones(),
                              core::RandomKey(static_cast<std::uint64_t>(s)))
                    .evaluate(X, false)
                    .value(0);
  }
  const double sd = std::sqrt(posterior->variance(surrogate::VarianceOf::latent)(0, 0));
  EXPECT_NEAR(values.mean(), posterior->mean()(0, 0), 5.0 * sd / 20.0);
  const double seen = std::sqrt((values.array() - values.mean()).square().mean());
  EXPECT_NEAR(seen, sd, 0.25 * sd);
}

}  // namespace
}  // namespace luban::recommend::detail
