#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <luban/core/error.hpp>
#include <luban/evaluation/scores.hpp>

namespace luban::evaluation {
namespace {

Predictions constant(Eigen::Index n, double mean, double half_width) {
  Predictions out;
  out.mean = Eigen::VectorXd::Constant(n, mean);
  out.sd = Eigen::VectorXd::Ones(n);
  out.log_density = Eigen::VectorXd::Constant(n, -1.5);
  out.lower = Eigen::MatrixXd(n, 3);
  for (Eigen::Index level = 0; level < 3; ++level) {
    out.lower.col(level).setConstant(mean - half_width * static_cast<double>(level + 1));
  }
  out.upper = (2.0 * mean - out.lower.array()).matrix();
  out.training_mean = Eigen::VectorXd::Zero(n);
  return out;
}

TEST(Scores, AreWhatTheirNamesSay) {
  const Eigen::VectorXd y = (Eigen::VectorXd(4) << 1.0, 2.0, 3.0, 6.0).finished();
  const Scores scores = score(y, constant(4, 2.0, 1.0), Eigen::VectorXd::Ones(4));
  EXPECT_EQ(scores.readings, 4.0);
  EXPECT_DOUBLE_EQ(scores.rmse, std::sqrt((1.0 + 0.0 + 1.0 + 16.0) / 4.0));
  EXPECT_DOUBLE_EQ(scores.mae, 1.5);
  EXPECT_DOUBLE_EQ(scores.r2, 1.0 - 18.0 / 50.0);
  EXPECT_DOUBLE_EQ(scores.log_density, -1.5);
  EXPECT_DOUBLE_EQ(scores.coverage_50, 0.75);
  EXPECT_DOUBLE_EQ(scores.coverage_90, 0.75);
  EXPECT_DOUBLE_EQ(scores.width_50, 2.0);
  EXPECT_DOUBLE_EQ(scores.width_90, 6.0);
}

TEST(Scores, LeaveOutWhatIsMissingOrOfNoWeight) {
  const Eigen::VectorXd y = (Eigen::VectorXd(4) << 1.0, process::no_number, 1000.0, 3.0).finished();
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(4);
  weights(2) = 0.0;
  Predictions predictions = constant(4, 2.0, 1.0);
  predictions.mean(3) = process::no_number;  // in no fold
  const Scores scores = score(y, predictions, weights);
  EXPECT_EQ(scores.readings, 1.0);
  EXPECT_DOUBLE_EQ(scores.rmse, 1.0);
  const Scores nothing = score(y, predictions, Eigen::VectorXd::Zero(4));
  EXPECT_EQ(nothing.readings, 0.0);
  EXPECT_TRUE(std::isnan(nothing.rmse));
}

TEST(Scores, RefuseOtherLengths) {
  EXPECT_THROW((void)score(Eigen::VectorXd::Ones(3), constant(4, 0.0, 1.0), Eigen::VectorXd::Ones(3)), core::DataError);
  EXPECT_THROW((void)score(Eigen::VectorXd::Ones(4), constant(4, 0.0, 1.0), Eigen::VectorXd::Ones(3)), core::DataError);
}

TEST(GaussianCrps, EqualsItsDefinition) {
  // ∫ (Φ((x − mean) / sd) − 1{x ≥ y})² dx by the midpoint rule.
  for (const double y : {-3.0, 0.2, 1.0, 4.5}) {
    const double mean = 1.0;
    const double sd = 0.7;
    const double step = 1e-4;
    double integral = 0.0;
    for (double x = -12.0 + 0.5 * step; x < 14.0; x += step) {
      const double probability = 0.5 * std::erfc((mean - x) / (sd * std::numbers::sqrt2));
      integral += std::pow(probability - (x >= y ? 1.0 : 0.0), 2.0) * step;
    }
    EXPECT_NEAR(gaussian_crps(y, mean, sd), integral, 2e-4);
  }
  EXPECT_DOUBLE_EQ(gaussian_crps(3.0, 1.0, 0.0), 2.0);
}

}  // namespace
}  // namespace luban::evaluation
