#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate {
namespace {

using detail::padded_doubles;
using detail::simd_table;
using detail::SimdTable;

double units_apart(double a, double b) {
  const double unit = std::max(std::abs(a), std::abs(b)) * std::numeric_limits<double>::epsilon();
  return unit == 0.0 ? 0.0 : std::abs(a - b) / unit;
}

std::vector<double> arguments(double low, double high, std::size_t count) {
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = low + (high - low) * static_cast<double>(i) / static_cast<double>(count - 1);
  return out;
}

class EveryLevel : public testing::TestWithParam<SimdLevel> {};

TEST_P(EveryLevel, exp_is_the_librarys_to_two_units) {
  const std::vector<double> x = arguments(-708.0, 709.0, 20011);
  std::vector<double> y(x.size());
  simd_table(GetParam()).exp(x.size(), x.data(), y.data());
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_LE(units_apart(y[i], std::exp(x[i])), 2.0) << x[i];
}

TEST_P(EveryLevel, exp_is_exact_at_zero_and_zero_far_below) {
  const std::vector<double> x{0.0, -0.0, -1e4, -709.0, -std::numeric_limits<double>::infinity()};
  std::vector<double> y(x.size());
  simd_table(GetParam()).exp(x.size(), x.data(), y.data());
  EXPECT_EQ(y, (std::vector<double>{1.0, 1.0, 0.0, 0.0, 0.0}));
}

TEST_P(EveryLevel, kernels_are_their_formulas) {
  const std::vector<double> r2 = arguments(0.0, 60.0, 1009);
  std::vector<double> rbf(r2.size());
  std::vector<double> matern(r2.size());
  std::vector<double> slope(r2.size());
  const SimdTable& loops = simd_table(GetParam());
  loops.rbf(r2.size(), r2.data(), rbf.data());
  loops.matern52(r2.size(), r2.data(), matern.data(), slope.data());
  for (std::size_t i = 0; i < r2.size(); ++i) {
    const double s = std::sqrt(5.0 * r2[i]);
    EXPECT_LE(units_apart(rbf[i], std::exp(-0.5 * r2[i])), 4.0);
    EXPECT_LE(units_apart(matern[i], (1.0 + s + s * s / 3.0) * std::exp(-s)), 12.0);
    EXPECT_LE(units_apart(slope[i], -5.0 / 6.0 * (1.0 + s) * std::exp(-s)), 12.0);
  }
}

TEST_P(EveryLevel, agrees_with_the_baseline) {
  const std::vector<double> r2 = arguments(0.0, 300.0, 4099);
  const SimdTable& loops = simd_table(GetParam());
  const SimdTable& reference = simd_table(SimdLevel::baseline);
  std::vector<double> value(r2.size()), slope(r2.size()), value_0(r2.size()), slope_0(r2.size());
  loops.matern52(r2.size(), r2.data(), value.data(), slope.data());
  reference.matern52(r2.size(), r2.data(), value_0.data(), slope_0.data());
  for (std::size_t i = 0; i < r2.size(); ++i) {
    ASSERT_LE(units_apart(value[i], value_0[i]), 8.0);
    ASSERT_LE(units_apart(slope[i], slope_0[i]), 8.0);
  }
}

TEST_P(EveryLevel, the_rougher_matern_kernels_are_their_formulas) {
  const std::vector<double> r2 = arguments(0.0, 60.0, 1009);
  std::vector<double> value(r2.size());
  std::vector<double> slope(r2.size());
  const SimdTable& loops = simd_table(GetParam());
  loops.matern12(r2.size(), r2.data(), value.data(), slope.data());
  EXPECT_EQ(slope[0], 0.0);
  for (std::size_t i = 1; i < r2.size(); ++i) {
    const double r = std::sqrt(r2[i]);
    EXPECT_LE(units_apart(value[i], std::exp(-r)), 12.0);
    EXPECT_LE(units_apart(slope[i], -0.5 * std::exp(-r) / r), 12.0);
  }
  loops.matern32(r2.size(), r2.data(), value.data(), slope.data());
  for (std::size_t i = 0; i < r2.size(); ++i) {
    const double s = std::sqrt(3.0 * r2[i]);
    EXPECT_LE(units_apart(value[i], (1.0 + s) * std::exp(-s)), 12.0);
    EXPECT_LE(units_apart(slope[i], -1.5 * std::exp(-s)), 12.0);
  }
}

// n points of c coordinates in a larger array, one point to compare with, and weights.
struct Cloud {
  std::size_t n, c, stride;
  std::vector<double> z, here, m;
  Cloud(std::size_t points, std::size_t coordinates) : n(points), c(coordinates), stride(points + 3) {
    core::Generator generator(n * 100 + c);
    for (std::size_t i = 0; i < stride * c; ++i) z.push_back(generator.normal());
    for (std::size_t i = 0; i < c; ++i) here.push_back(generator.normal());
    for (std::size_t i = 0; i < n; ++i) m.push_back(generator.normal());
  }
};

TEST_P(EveryLevel, loops_over_points_equal_plain_ones) {
  const SimdTable& loops = simd_table(GetParam());
  for (const std::size_t n : {1U, 7U, 8U, 33U, 100U}) {
    for (const std::size_t c : {1U, 3U, 11U}) {
      const Cloud cloud(n, c);
      std::vector<double> distance(n), spread(c, 0.5), pull(c, -0.5);
      loops.squared_distances(n, c, cloud.z.data(), cloud.stride, cloud.here.data(), distance.data());
      loops.spread(n, c, cloud.z.data(), cloud.stride, cloud.here.data(), cloud.m.data(), spread.data());
      loops.pull(n, c, cloud.z.data(), cloud.stride, cloud.here.data(), cloud.m.data(), pull.data());
      std::vector<double> plain_distance(n, 0.0), plain_spread(c, 0.5), plain_pull(c, -0.5);
      for (std::size_t k = 0; k < c; ++k) {
        for (std::size_t i = 0; i < n; ++i) {
          const double d = cloud.z[i + k * cloud.stride] - cloud.here[k];
          plain_distance[i] += d * d;
          plain_spread[k] += cloud.m[i] * d * d;
          plain_pull[k] -= cloud.m[i] * d;
        }
      }
      for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(distance[i], plain_distance[i], 1e-12);
      for (std::size_t k = 0; k < c; ++k) {
        ASSERT_NEAR(spread[k], plain_spread[k], 1e-11);
        ASSERT_NEAR(pull[k], plain_pull[k], 1e-11);
      }
    }
  }
}

TEST_P(EveryLevel, weights_of_a_gradients_column_equal_plain_ones) {
  const SimdTable& loops = simd_table(GetParam());
  for (const std::size_t n : {1U, 7U, 16U, 33U, 100U}) {
    const Cloud cloud(n, 4);  // its coordinates serve as any numbers
    const double* alpha = cloud.z.data();
    const double* inverse = alpha + cloud.stride;
    const double* value = inverse + cloud.stride;
    const double* slope = value + cloud.stride;
    std::vector<double> m(n);
    const double sum = loops.weigh(n, 0.7, alpha, inverse, value, slope, m.data());
    double plain_sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      const double w = (i == 0 ? 0.5 : 1.0) * (0.7 * alpha[i] - inverse[i]);
      plain_sum += w * value[i];
      ASSERT_NEAR(m[i], w * slope[i], 1e-13);
    }
    ASSERT_NEAR(sum, plain_sum, 1e-12);
  }
}

TEST_P(EveryLevel, a_distance_to_itself_is_nothing) {
  const Cloud cloud(20, 4);
  std::vector<double> here(4), distance(20);
  for (std::size_t k = 0; k < 4; ++k) here[k] = cloud.z[13 + k * cloud.stride];
  simd_table(GetParam()).squared_distances(20, 4, cloud.z.data(), cloud.stride, here.data(), distance.data());
  EXPECT_EQ(distance[13], 0.0);
}

TEST_P(EveryLevel, few_products_equal_plain_ones_and_each_column_stands_alone) {
  const SimdTable& loops = simd_table(GetParam());
  for (const std::size_t n : {1U, 9U, 64U, 101U}) {
    for (const std::size_t q : {1U, 2U, 3U, 5U, 6U, 13U}) {
      const Cloud left(n, 10), right(n, q);
      std::vector<double> y(10 * q), alone(10);
      loops.few_products(n, 10, q, left.z.data(), left.stride, right.z.data(), right.stride, y.data(), 10);
      for (std::size_t j = 0; j < q; ++j) {
        loops.few_products(n, 10, 1, left.z.data(), left.stride, right.z.data() + j * right.stride, right.stride,
                           alone.data(), 10);
        for (std::size_t r = 0; r < 10; ++r) {
          double plain = 0.0;
          for (std::size_t i = 0; i < n; ++i) plain += left.z[i + r * left.stride] * right.z[i + j * right.stride];
          ASSERT_NEAR(y[r + 10 * j], plain, 1e-12 * static_cast<double>(n));
          ASSERT_EQ(y[r + 10 * j], alone[r]);
        }
      }
    }
  }
}

TEST_P(EveryLevel, factors_and_inverses_of_padded_copies_equal_eigens) {
  const SimdTable& loops = simd_table(GetParam());
  for (const Eigen::Index n : {1, 24, 104, 448, 1000, 1012, 1024}) {  // among them strides that need more padding
    const auto size = static_cast<std::size_t>(n);
    core::Generator generator(static_cast<std::uint64_t>(n));
    Eigen::MatrixXd a = Eigen::MatrixXd::Identity(n, n);
    for (Eigen::Index j = 0; j < n; ++j) {
      for (Eigen::Index i = j + 1; i < n; ++i) a(i, j) = a(j, i) = 0.4 / static_cast<double>(n) * generator.normal();
    }
    std::vector<double> memory(2 * padded_doubles(size) + 1, -7.0);
    double* const y = memory.data() + padded_doubles(size);
    loops.pad_lower(size, a.data(), size, memory.data());
    const std::size_t middle = size < 96 ? size : 96;
    ASSERT_TRUE(loops.factor_diagonal(size, memory.data(), 0, middle));
    if (middle < size) {
      loops.factor_strips(size, memory.data(), 0, middle, middle, size);
      ASSERT_TRUE(loops.factor_diagonal(size, memory.data(), middle, size));
    }
    loops.invert_strips(size, memory.data(), y, 0, size);
    Eigen::MatrixXd lower = a;
    Eigen::MatrixXd inverse = a;
    loops.unpad_lower(size, memory.data(), lower.data(), size);
    loops.square_columns(size, y, inverse.data(), size, 0, size);
    const Eigen::LLT<Eigen::MatrixXd> expected(a);
    const Eigen::MatrixXd expected_lower = expected.matrixL();
    const Eigen::MatrixXd expected_inverse = expected.solve(Eigen::MatrixXd::Identity(n, n));
    const auto difference = [](const Eigen::MatrixXd& left, const Eigen::MatrixXd& right) {
      const Eigen::MatrixXd both = left - right;
      return Eigen::MatrixXd(both.triangularView<Eigen::Lower>()).cwiseAbs().maxCoeff();
    };
    EXPECT_LT(difference(lower, expected_lower), 1e-12) << n;
    EXPECT_LT(difference(inverse, expected_inverse), 1e-12) << n;
    EXPECT_EQ(memory.back(), -7.0) << "written beyond the padding, n = " << n;
  }
}

INSTANTIATE_TEST_SUITE_P(levels, EveryLevel, testing::ValuesIn(available_simd_levels()),
                         [](const auto& level) { return std::string(name(level.param)); });

TEST(simd, the_level_in_use_is_available) {
  const std::vector<SimdLevel> levels = available_simd_levels();
  EXPECT_EQ(levels.front(), SimdLevel::baseline);
  EXPECT_NE(std::find(levels.begin(), levels.end(), simd_level()), levels.end());
}

}  // namespace
}  // namespace luban::surrogate
