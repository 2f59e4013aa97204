#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

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

const std::vector<process::Tolerance> tolerances{{.parameter = "x1", .sd = 0.05}, {.parameter = "x2", .sd = 0.1}};
const RiskColumn worst{.response = 0, .measure = {.level = 0.7}};

/// @param utility of the first response, or of its risk.
void expect_gradients(Utility utility, const std::optional<PathScatter>& scatter) {
  const auto process = fitted();
  const PathLandscape landscape(*process, utility,
                                {{.response = 1, .lower = 0.4, .upper = 1.2}, {.response = 0, .upper = 0.9}},
                                Eigen::Vector2d(0.5, 2.0), core::RandomKey(3), scatter);
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

TEST(path_landscape, gradients_equal_finite_differences) {
  const features::Encoder encoder = fitted()->encoder();
  expect_gradients({.response = 0}, {});
  expect_gradients({.response = 0}, path_scatter(encoder, tolerances, {}));
  expect_gradients({.response = 2}, path_scatter(encoder, tolerances, {worst}));
}

TEST(path_landscape, looks_at_what_settings_scatter_to) {
  const auto process = fitted();
  const Eigen::MatrixXd x = (Eigen::MatrixXd(1, 2) << 0.4, 0.6).finished();
  const auto of = [&](Eigen::Index response, const std::optional<PathScatter>& scatter, const Eigen::MatrixXd& X) {
    const Utility utility{.response = response, .goal = process::Goal::maximize};
    return PathLandscape(*process, utility, {}, Eigen::Vector2d::Ones(), core::RandomKey(3), scatter)
        .evaluate(X, false)
        .value;
  };
  core::Generator generator(5);
  Eigen::MatrixXd nodes = x.replicate(20000, 1);
  for (Eigen::Index i = 0; i < nodes.rows(); ++i) {
    nodes(i, 0) += tolerances[0].sd * generator.normal();
    nodes(i, 1) += tolerances[1].sd * generator.normal();
  }
  Eigen::VectorXd values = of(0, {}, nodes);
  const double average = of(0, path_scatter(process->encoder(), tolerances, {}), x)(0);
  EXPECT_NEAR(average, values.mean(), 0.01);
  std::sort(values.begin(), values.end());
  const double risk = of(2, path_scatter(process->encoder(), tolerances, {worst}), x)(0);
  EXPECT_NEAR(risk, values.tail(6001).mean(), 0.06);  // sampled at few deviations
  EXPECT_GT(risk, average);
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
