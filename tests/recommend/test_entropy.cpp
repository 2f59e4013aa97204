#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/max_value_entropy.hpp>
#include <luban/recommend/sobol.hpp>
#include <luban/recommend/upper_confidence_bound.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using process::Goal;
using surrogate::VarianceOf;
using test::AnalyticSurrogate;

double hills(const Eigen::VectorXd& x) {
  return std::sin(5.0 * x(0)) + std::cos(4.0 * x(1)) + x(0) * x(1);
}

std::shared_ptr<const surrogate::Surrogate> line(const Eigen::MatrixXd& X) {
  return std::make_shared<AnalyticSurrogate>(features::Encoder({test::numeric("a"), test::numeric("b")}),
                                             std::vector<std::string>{"y"}, std::vector<test::Function>{hills}, X,
                                             AnalyticSurrogate::Options{.lengthscale = 0.4, .noise_sd = 0.05});
}

surrogate::GaussianPosterior point(double mean, double sd) {
  surrogate::GaussianPosterior::Moments moments;
  moments.mean = Eigen::VectorXd::Constant(1, mean);
  moments.variance = Eigen::VectorXd::Constant(1, sd * sd);
  moments.between_variance = moments.within_variance = Eigen::VectorXd::Zero(1);
  moments.mean_gradient = Eigen::RowVector2d(1.0, 0.0);
  moments.variance_gradient = Eigen::RowVector2d(0.0, 1.0);
  return surrogate::GaussianPosterior({moments});
}

void check_gradient(const AcquisitionFunction& acquisition, const surrogate::Surrogate& surrogate) {
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(8)).points(0, 24);
  const Eigen::MatrixXd stated = acquisition.evaluate(*surrogate.posterior(X, {.gradients = true}), true).gradient;
  for (Eigen::Index j = 0; j < 2; ++j) {
    Eigen::MatrixXd up = X;
    Eigen::MatrixXd down = X;
    up.col(j).array() += 1e-6;
    down.col(j).array() -= 1e-6;
    const Eigen::VectorXd numeric = (acquisition.evaluate(*surrogate.posterior(up), false).value -
                                     acquisition.evaluate(*surrogate.posterior(down), false).value) /
                                    2e-6;
    for (Eigen::Index i = 0; i < X.rows(); ++i)
      EXPECT_NEAR(stated(i, j), numeric(i), 2e-5 * (1.0 + std::abs(numeric(i))));
  }
}

TEST(confidence_bound, equals_its_formula_and_the_peers_number) {
  const Eigen::MatrixXd X = (Eigen::MatrixXd(5, 2) << 0.1, 0.2, 0.8, 0.3, 0.4, 0.9, 0.6, 0.55, 0.95, 0.85).finished();
  const auto surrogate = line(X);
  // botorch 0.18.1 UpperConfidenceBound(beta = 0.2) of the same process at (0.3, 0.5), with its gradient.
  const auto at = UpperConfidenceBound({0, Goal::maximize}, 0.2)
                      .evaluate(*surrogate->posterior(Eigen::RowVector2d(0.3, 0.5), {.gradients = true}), true);
  EXPECT_NEAR(at.value(0), 0.972875586787, 1e-8);
  EXPECT_NEAR(at.gradient(0, 0), -2.501654556, 1e-7);
  EXPECT_NEAR(at.gradient(0, 1), -0.7468983276, 1e-7);
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    check_gradient(UpperConfidenceBound({0, goal, 5.0}, 2.0), *surrogate);
  }
  EXPECT_NEAR(UpperConfidenceBound({0, Goal::minimize}, 4.0).evaluate(point(3.0, 0.5), false).value(0), -2.0, 1e-12);
  EXPECT_THROW(UpperConfidenceBound({0, Goal::maximize}, -1.0), core::ConfigurationError);
}

TEST(max_value_entropy, equals_the_naive_form_where_that_is_valid) {
  const Eigen::VectorXd maxima = Eigen::Vector3d(0.7, 1.1, 2.0);
  const MaxValueEntropy acquisition({0, Goal::maximize}, maxima);
  for (const double mean : {-1.0, 0.0, 0.9, 1.5, 3.0}) {
    double naive = 0.0;
    for (const double maximum : maxima) {
      const double g = (maximum - mean) / 0.6;
      const double density = std::exp(-0.5 * g * g) / std::sqrt(2.0 * M_PI);
      const double below = 0.5 * std::erfc(-g / M_SQRT2);
      naive += (0.5 * g * density / below - std::log(below)) / 3.0;
    }
    EXPECT_NEAR(acquisition.evaluate(point(mean, 0.6), false).value(0), naive, 1e-10);
    const MaxValueEntropy mirrored({0, Goal::minimize}, maxima);
    EXPECT_NEAR(mirrored.evaluate(point(-mean, 0.6), false).value(0), naive, 1e-10);
  }
}

TEST(max_value_entropy, gradients_equal_finite_differences) {
  const auto surrogate = line(Sobol(2, core::RandomKey(2)).points(0, 9));
  check_gradient(MaxValueEntropy({0, Goal::maximize}, Eigen::Vector2d(1.9, 2.4)), *surrogate);
  check_gradient(MaxValueEntropy({0, Goal::minimize}, Eigen::Vector2d(1.9, 0.4)), *surrogate);
}

TEST(max_value_entropy, is_finite_and_smooth_far_outside) {
  double last = 0.0;
  for (double exponent = -2.0; exponent <= 100.0; exponent += 2.0) {
    for (const double sign : {-1.0, 1.0}) {
      const MaxValueEntropy acquisition({0, Goal::maximize}, Eigen::VectorXd::Constant(1, 0.0));
      const auto at = acquisition.evaluate(point(sign * std::pow(10.0, exponent), 1.0), true);
      EXPECT_TRUE(std::isfinite(at.value(0)));
      EXPECT_TRUE(at.gradient.allFinite());
      if (sign > 0.0) {  // the further the mean above the maximum, the more a value tells
        EXPECT_GT(at.value(0), last);
        last = at.value(0);
      }
    }
  }
  // Where the exact form hands over to the series both agree, in value and slope.
  const MaxValueEntropy acquisition({0, Goal::maximize}, Eigen::VectorXd::Constant(1, 0.0));
  const auto inside = acquisition.evaluate(point(99.999999, 1.0), true);
  const auto outside = acquisition.evaluate(point(100.000001, 1.0), true);
  EXPECT_NEAR(inside.value(0), outside.value(0), 1e-6);
  EXPECT_NEAR(inside.gradient(0, 0), outside.gradient(0, 0), 1e-6);
}

TEST(max_value_entropy, gumbel_maxima_follow_the_largest_of_independent_values) {
  // Many independent values: the Gumbel limit is close, and quantiles of plain draws say what to expect.
  surrogate::GaussianPosterior::Moments moments;
  moments.mean = Eigen::VectorXd::LinSpaced(200, -1.0, 0.0);
  moments.variance = Eigen::VectorXd::Constant(200, 0.25);
  moments.between_variance = moments.within_variance = Eigen::VectorXd::Zero(200);
  const surrogate::GaussianPosterior candidates({moments});
  core::Generator generator(5);
  std::vector<double> plain;
  for (int i = 0; i < 4000; ++i) {
    double most = -1e300;
    for (Eigen::Index k = 0; k < 200; ++k) most = std::max(most, moments.mean(k) + 0.5 * generator.normal());
    plain.push_back(most);
  }
  Eigen::VectorXd drawn = gumbel_maxima(candidates, {0, Goal::maximize}, 4000, core::RandomKey(1));
  std::sort(plain.begin(), plain.end());
  std::sort(drawn.begin(), drawn.end());
  for (const int at : {1000, 2000, 3000}) EXPECT_NEAR(drawn(at), plain[static_cast<std::size_t>(at)], 0.03);
  // For Goal::minimize the utility is the response with its sign changed.
  moments.mean = -moments.mean;
  const Eigen::VectorXd mirrored =
      gumbel_maxima(surrogate::GaussianPosterior({moments}), {0, Goal::minimize}, 4000, core::RandomKey(1));
  EXPECT_NEAR(mirrored.mean(), drawn.mean(), 1e-12);
}

TEST(max_value_entropy, refuses_targets_and_nothing) {
  EXPECT_THROW(MaxValueEntropy({0, Goal::target}, Eigen::VectorXd::Ones(1)), core::ConfigurationError);
  EXPECT_THROW(MaxValueEntropy({0, Goal::maximize}, Eigen::VectorXd(0)), core::ConfigurationError);
  EXPECT_THROW(MaxValueEntropy({0, Goal::maximize}, Eigen::VectorXd::Constant(1, NAN)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(gumbel_maxima(point(0.0, 1.0), {0, Goal::target}, 3, core::RandomKey(1))),
               core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
