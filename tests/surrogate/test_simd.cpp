#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate {
namespace {

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

TEST_P(EveryLevel, distances_never_turn_negative) {
  const std::vector<double> norms{1.0, 2.0, 4.0};
  std::vector<double> inner{1.0 + 1e-12, 0.5, -1.0};
  simd_table(GetParam()).distances(3, norms.data(), 1.0, inner.data());
  EXPECT_EQ(inner, (std::vector<double>{0.0, 2.0, 7.0}));
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
