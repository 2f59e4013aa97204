#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/random.hpp>
#include <luban/recommend/detail/cholesky.hpp>
#include <luban/recommend/detail/smooth.hpp>

namespace luban::recommend::detail {
namespace {

// botorch 0.18.1, botorch.utils.safe_math: log_fatplus(x, tau=1e-6), log_fatmoid(x, tau=1e-3), fatmax(v, tau=1e-2).
TEST(smooth, equals_the_peers_numbers) {
  const std::vector<std::pair<double, double>> plus = {{-3.0, -45.9463413442232},    {-1e-3, -29.933607208922094},
                                                       {-2e-6, -15.733323090916173}, {-1e-6, -14.828142360152716},
                                                       {0.0, -14.047257032835773},   {5e-7, -13.76284507049332},
                                                       {1e-6, -13.505630429901199},  {3e-6, -12.69755739840557},
                                                       {0.2, -1.6094379124341003},   {1e3, 6.907755278982137}};
  for (const auto& [x, value] : plus) EXPECT_NEAR(log_fat_softplus(x, 1e-6).value, value, 1e-12) << x;
  const std::vector<std::pair<double, double>> sigmoid = {{-1.0, -14.222131032251529},   {-2e-3, -2.439220554333216},
                                                          {-1e-4, -0.7830816099465727},  {0.0, -0.6931471805599453},
                                                          {1e-4, -0.6106377770046909},   {5e-3, -0.020982613481436492},
                                                          {2.0, -1.6657045553487483e-07}};
  for (const auto& [x, value] : sigmoid) EXPECT_NEAR(log_fat_sigmoid(x, 1e-3).value, value, 1e-13) << x;
  Eigen::VectorXd share(4);
  EXPECT_NEAR(fat_max(Eigen::Vector4d(0.1, 0.11, -0.3, 0.105), 1e-2, share), 0.1170137214256279, 1e-14);
  EXPECT_NEAR(share.sum(), 1.0, 1e-14);
  EXPECT_NEAR(fat_max(Eigen::Vector2d(-5.0, -5.0), 1e-2, share.head(2)), -4.9930685281944, 1e-13);
  EXPECT_NEAR(share(0), 0.5, 1e-14);
}

TEST(smooth, slopes_equal_finite_differences) {
  core::Generator generator(4);
  for (int round = 0; round < 2000; ++round) {
    const double x = generator.normal() * std::pow(10.0, 3.0 * generator.normal());
    const double h = 1e-6 * (1.0 + std::abs(x));
    for (const auto& function : {log_fat_softplus, log_fat_sigmoid}) {
      const double numeric = (function(x + h, 1.0).value - function(x - h, 1.0).value) / (2.0 * h);
      const double size = std::abs(function(x, 1.0).value) / h * 1e-15;
      EXPECT_NEAR(function(x, 1.0).slope, numeric, 1e-8 + 1e-5 * std::abs(numeric) + 20.0 * size) << x;
    }
  }
  for (int round = 0; round < 200; ++round) {
    Eigen::VectorXd v(5);
    for (double& value : v) value = generator.normal();
    Eigen::VectorXd share(5);
    Eigen::VectorXd unused(5);
    const double temperature = round % 2 == 0 ? 1.0 : 0.1;
    static_cast<void>(fat_max(v, temperature, share));
    Eigen::VectorXd exp_share(5);
    static_cast<void>(log_mean_exp(v, exp_share));
    for (Eigen::Index i = 0; i < 5; ++i) {
      Eigen::VectorXd up = v;
      Eigen::VectorXd down = v;
      up(i) += 1e-6;
      down(i) -= 1e-6;
      EXPECT_NEAR(share(i), (fat_max(up, temperature, unused) - fat_max(down, temperature, unused)) / 2e-6, 1e-6);
      EXPECT_NEAR(exp_share(i), (log_mean_exp(up, unused) - log_mean_exp(down, unused)) / 2e-6, 1e-8);
    }
  }
}

TEST(smooth, is_finite_far_outside) {
  for (const double sign : {-1.0, 1.0}) {
    for (double exponent = -300.0; exponent <= 100.0; exponent += 4.0) {
      const double x = sign * std::pow(10.0, exponent);
      for (const auto& function : {log_fat_softplus, log_fat_sigmoid}) {
        for (const double temperature : {1e-6, 1e-3, 1.0}) {
          EXPECT_TRUE(std::isfinite(function(x, temperature).value)) << x;
          EXPECT_TRUE(std::isfinite(function(x, temperature).slope)) << x;
        }
      }
    }
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Eigen::VectorXd share(3);
  EXPECT_EQ(fat_max(Eigen::Vector3d::Constant(-infinity), 1e-2, share), -infinity);
  EXPECT_NEAR(fat_max(Eigen::Vector3d(1e100, -1e100, -infinity), 1e-2, share), 1e100, 1e85);
  EXPECT_TRUE(share.allFinite());
  EXPECT_EQ(log_mean_exp(Eigen::Vector3d::Constant(-infinity), share), -infinity);
  EXPECT_NEAR(log_mean_exp(Eigen::Vector3d(-1e100, 0.0, -infinity), share), -std::log(3.0), 1e-14);
}

TEST(cholesky, pullback_equals_finite_differences) {
  core::Generator generator(9);
  for (Eigen::Index q = 1; q <= 6; ++q) {
    Eigen::MatrixXd a(q, q + 2);
    Eigen::MatrixXd weights(q, q);
    for (double& value : a.reshaped()) value = generator.normal();
    for (double& value : weights.reshaped()) value = generator.normal();
    const Eigen::MatrixXd S = a * a.transpose();
    const SmallCholesky factor = small_cholesky(S, 1.0);
    ASSERT_TRUE(factor.usable);
    EXPECT_LT((factor.lower * factor.lower.transpose() - S).cwiseAbs().maxCoeff(), 1e-9 * S.cwiseAbs().maxCoeff());
    const Eigen::MatrixXd stated = cholesky_pullback(factor.lower, weights);
    const auto sum = [&](const Eigen::MatrixXd& m) {
      const Eigen::MatrixXd lower = small_cholesky(m, 1.0).lower;
      return lower.cwiseProduct(weights).sum();
    };
    for (Eigen::Index i = 0; i < q; ++i) {
      for (Eigen::Index j = 0; j <= i; ++j) {
        constexpr double h = 1e-6;
        Eigen::MatrixXd up = S;
        Eigen::MatrixXd down = S;
        up(i, j) += h;
        down(i, j) -= h;
        if (i != j) {
          up(j, i) += h;
          down(j, i) -= h;
        }
        const double numeric = (sum(up) - sum(down)) / (2.0 * h);
        EXPECT_NEAR((i == j ? 1.0 : 2.0) * stated(i, j), numeric, 1e-6 * (1.0 + std::abs(numeric)));
      }
    }
  }
}

TEST(cholesky, climbs_the_ladder_and_gives_up) {
  EXPECT_EQ(small_cholesky(Eigen::MatrixXd::Ones(3, 3), 1.0).nugget, 1e-10);
  EXPECT_GT(small_cholesky(Eigen::Vector2d(1.0, -1e-7).asDiagonal(), 1.0).nugget, 1e-8);
  EXPECT_FALSE(small_cholesky(Eigen::Vector2d(1.0, -1.0).asDiagonal(), 1.0).usable);
  EXPECT_FALSE(small_cholesky(Eigen::Matrix2d::Constant(NAN), 1.0).usable);
}

}  // namespace
}  // namespace luban::recommend::detail
