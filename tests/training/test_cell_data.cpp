#include <luban/training/detail/cell_data.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "hand_made.hpp"

namespace luban::training::detail {
namespace {

namespace test = surrogate::test;

test::Plan plan() {
  return {.variables = {test::numeric("feed"), test::categorical("material", 2),
                        test::categorical("position", 3, features::Role::noise)},
          .runs = 9,
          .points = 2,
          .repeats = 4,
          .responses = 2};
}

/// Normal log density of all readings under one mean and variance per cell: from the readings, and from the cells.
TEST(cell_data, says_all_that_a_normal_density_needs) {
  features::Dataset data = test::make(plan());
  data.Y(5, 1) = std::numeric_limits<double>::quiet_NaN();
  const CellData cells = cell_data(data);
  const auto& scaling = cells.scaling;
  double by_readings = 0.0;
  double by_cells = 0.0;
  const auto mean_at = [](const Eigen::RowVectorXd& z) { return 0.3 * z.sum(); };
  const auto variance_at = [](const Eigen::RowVectorXd& z) { return 0.5 + 0.1 * z.squaredNorm(); };
  Eigen::MatrixXd z = scaling.inputs(data.encoder, data.X).transpose();
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    for (Eigen::Index r = 0; r < data.m(); ++r) {
      if (std::isnan(data.Y(i, r))) continue;
      const double y = (data.Y(i, r) - scaling.output_location(r)) / scaling.output_scale(r);
      by_readings += std::log(variance_at(z.row(i))) + std::pow(y - mean_at(z.row(i)), 2) / variance_at(z.row(i));
    }
  }
  for (Eigen::Index c = 0; c < cells.u(); ++c) {
    const double variance = variance_at(cells.z.row(c));
    for (Eigen::Index r = 0; r < data.m(); ++r) {
      const double away = cells.mean(c, r) - mean_at(cells.z.row(c));
      by_cells +=
          cells.count(c, r) * std::log(variance) + (cells.squares(c, r) + cells.count(c, r) * away * away) / variance;
    }
  }
  EXPECT_EQ(cells.count.sum(), static_cast<double>(2 * data.n() - 1));
  EXPECT_NEAR(by_cells, by_readings, 1e-9 * std::abs(by_readings));
}

TEST(cell_data, leaves_gross_errors_out_and_survives_constant_columns) {
  features::Dataset data = test::make(plan());
  data.X.col(0).setConstant(0.5);
  data.Y(3, 0) = 1e6;
  const CellData cells = cell_data(data);
  EXPECT_EQ(cells.count.col(0).sum(), static_cast<double>(data.n() - 1));
  EXPECT_LT(cells.mean.cwiseAbs().maxCoeff(), 10.0);
  EXPECT_TRUE(cells.z.allFinite());
}

TEST(cell_data, refuses_a_response_without_readings) {
  features::Dataset data = test::make(plan());
  data.Y.col(1).setConstant(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(static_cast<void>(cell_data(data)), core::DataError);
}

}  // namespace
}  // namespace luban::training::detail
