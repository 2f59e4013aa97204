#include <cmath>
#include <numbers>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::surrogate {
namespace {

GaussianPosterior::Moments moments() {
  GaussianPosterior::Moments out;
  out.mean = Eigen::Vector2d(1.0, -2.0);
  out.variance = Eigen::Vector2d(0.5, 0.25);
  out.covariance.resize(2, 2);
  out.covariance << 0.5, 0.3, 0.3, 0.25;
  out.between_variance = Eigen::Vector2d(0.1, 0.1);
  out.within_variance = Eigen::Vector2d(0.2, 0.4);
  return out;
}

TEST(posterior, each_variance_includes_the_one_before) {
  const GaussianPosterior posterior({moments()});
  EXPECT_NEAR(posterior.variance(VarianceOf::latent)(1, 0), 0.25, 1e-15);
  EXPECT_NEAR(posterior.variance(VarianceOf::run_mean)(1, 0), 0.35, 1e-15);
  EXPECT_NEAR(posterior.variance(VarianceOf::reading)(1, 0), 0.75, 1e-15);
  const Eigen::MatrixXd joint = posterior.covariance(0, VarianceOf::reading);
  EXPECT_NEAR(joint(0, 1), 0.3, 1e-15);
  EXPECT_NEAR(joint(0, 0), 0.8, 1e-15);
}

TEST(posterior, quantiles_and_densities_are_the_normal_distributions) {
  const GaussianPosterior posterior({moments()});
  EXPECT_NEAR(posterior.quantile(0.975, VarianceOf::latent)(1, 0), -2.0 + 1.959963984540054 * 0.5, 1e-12);
  const Eigen::MatrixXd y = Eigen::Vector2d(1.5, std::numeric_limits<double>::quiet_NaN());
  const Eigen::MatrixXd density = posterior.log_density(y, VarianceOf::latent);
  EXPECT_NEAR(density(0, 0), -0.5 * (0.25 / 0.5 + std::log(2.0 * std::numbers::pi * 0.5)), 1e-14);
  EXPECT_TRUE(std::isnan(density(1, 0)));
}

TEST(posterior, samples_have_the_stated_moments) {
  const GaussianPosterior posterior({moments()});
  const auto samples = posterior.sample(20000, core::RandomKey(3), VarianceOf::latent);
  Eigen::Vector2d mean = Eigen::Vector2d::Zero();
  for (const auto& one : samples) mean += one.col(0) / 20000.0;
  Eigen::Matrix2d spread = Eigen::Matrix2d::Zero();
  for (const auto& one : samples) spread += (one.col(0) - mean) * (one.col(0) - mean).transpose() / 20000.0;
  EXPECT_NEAR(mean(0), 1.0, 0.02);
  EXPECT_NEAR(mean(1), -2.0, 0.02);
  EXPECT_LT((spread - posterior.covariance(0, VarianceOf::latent)).cwiseAbs().maxCoeff(), 0.02);
  EXPECT_EQ(posterior.sample(1, core::RandomKey(3), VarianceOf::latent)[0], samples[0]);
}

TEST(posterior, what_was_not_asked_for_is_refused) {
  GaussianPosterior::Moments marginal = moments();
  marginal.covariance.resize(0, 0);
  const GaussianPosterior posterior({marginal});
  EXPECT_THROW(static_cast<void>(posterior.covariance(0, VarianceOf::latent)), core::LifecycleError);
  EXPECT_THROW(static_cast<void>(posterior.sample(1, core::RandomKey(1), VarianceOf::latent)), core::LifecycleError);
  EXPECT_THROW(static_cast<void>(posterior.mean_gradient(0)), core::LifecycleError);
  EXPECT_THROW(static_cast<void>(posterior.quantile(1.0, VarianceOf::latent)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(posterior.log_density(Eigen::MatrixXd(3, 1), VarianceOf::latent)), core::DataError);
}

}  // namespace
}  // namespace luban::surrogate
