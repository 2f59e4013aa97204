#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <Eigen/Cholesky>

#include <luban/core/error.hpp>
#include <luban/features/reduction.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

double log_normal_density(const Eigen::VectorXd& y, const Eigen::MatrixXd& covariance) {
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  const Eigen::VectorXd whitened = factor.matrixL().solve(y);
  return -0.5 * whitened.squaredNorm() - factor.matrixLLT().diagonal().array().log().sum() -
         0.5 * static_cast<double>(y.size()) * std::log(2.0 * std::numbers::pi);
}

/// The factor that the header states.
double left_out_factor(const Reduction& reduction, double variance) {
  const auto u = static_cast<double>(reduction.mean.size());
  return -0.5 * ((static_cast<double>(reduction.n) - u) * std::log(2.0 * std::numbers::pi * variance) +
                 reduction.within_ss / variance - reduction.log_weight_sum + reduction.weight.array().log().sum());
}

TEST(Reduction, KeepsTheLikelihoodOfAllReadings) {
  for (std::uint64_t trial = 0; trial < 20; ++trial) {
    core::Generator random = core::RandomKey(trial).generator();
    auto rows = testing::grid(2, 2, 4, [&](int, int, int, int) { return 3.0 + random.normal(); });
    rows.roughness[3] = process::no_number;
    const Dataset data = testing::dataset_of(rows);
    Eigen::VectorXd weights(data.n());
    for (double& weight : weights) weight = random.uniform() < 0.1 ? 0.0 : 0.05 + random.uniform();
    const Reduction reduction = reduce(data, 0, weights);
    const Eigen::Index u = reduction.mean.size();
    ASSERT_EQ(u, 2 * 2 * 2 * 3);

    Eigen::MatrixXd root(u, u);  // any covariance between cells: kernel and run effects alike
    for (double& entry : root.reshaped()) entry = random.normal();
    const Eigen::MatrixXd between = root * root.transpose() / static_cast<double>(u);
    const double variance = 0.1 + random.uniform();

    std::vector<Eigen::Index> kept;
    std::vector<Eigen::Index> cell;
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      if (weights(i) == 0.0) continue;
      kept.push_back(i);
      for (Eigen::Index c = 0; c < u; ++c) {
        if (reduction.run[static_cast<std::size_t>(c)] == data.run[static_cast<std::size_t>(i)] &&
            reduction.X.row(c) == data.X.row(i)) {
          cell.push_back(c);
        }
      }
    }
    ASSERT_EQ(kept.size(), cell.size());
    ASSERT_EQ(static_cast<Eigen::Index>(kept.size()), reduction.n);
    Eigen::MatrixXd full = between(cell, cell);
    full.diagonal() += (variance / weights(kept).array()).matrix();
    const double of_readings = log_normal_density(data.Y.col(0)(kept), full);

    Eigen::MatrixXd reduced = between;
    reduced.diagonal() += (variance / reduction.weight.array()).matrix();
    const double of_means = log_normal_density(reduction.mean, reduced) + left_out_factor(reduction, variance);
    EXPECT_NEAR(of_means, of_readings, 1e-8 * std::abs(of_readings));
  }
}

TEST(Reduction, LeavesOutCellsThatLoseAllReadings) {
  const auto rows = testing::grid(1, 1, 2, [](int, int, int, int) { return 1.0; });
  const Dataset data = testing::dataset_of(rows);
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(data.n());
  weights.head(2).setZero();
  const Reduction reduction = reduce(data, 0, weights);
  EXPECT_EQ(reduction.mean.size(), 5);
  EXPECT_EQ(reduction.n, data.n() - 2);
}

TEST(Reduction, RefusesWhatItCannotUse) {
  const Dataset data = testing::dataset_of(testing::grid(1, 1, 2, [](int, int, int, int) { return 1.0; }));
  EXPECT_THROW((void)reduce(data, 0, Eigen::VectorXd::Zero(data.n())), core::DataError);
  EXPECT_THROW((void)reduce(data, 0, Eigen::VectorXd::Ones(3)), core::DataError);
  EXPECT_THROW((void)reduce(data, 0, -Eigen::VectorXd::Ones(data.n())), core::DataError);
}

}  // namespace
}  // namespace luban::features
