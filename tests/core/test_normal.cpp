#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/normal.hpp>

namespace luban::core {
namespace {

struct Row {
  double x;
  double value;
};

void expect_relative(double actual, double expected, double tolerance, double at) {
  EXPECT_LE(std::abs(actual - expected), tolerance * std::abs(expected)) << "at " << at << ": " << actual;
}

// Reference values to 20 digits, computed with 60 to 1000 digits of working precision.
TEST(Normal, erfcx_table) {
  const std::vector<Row> table = {
      {-5, 144009798674.66104041},        {-1, 5.0089800807622834663},     {0, 1.0},
      {0.5, 0.61569034419292587487},      {1, 0.42758357615580700441},     {3, 0.17900115118138995042},
      {10, 0.056140992743822585858},      {24.9, 0.022639987776049506286}, {25, 0.022549572432641358944},
      {26, 0.021683584850562906616},      {100, 0.0056416137829894329036}, {100000.0, 5.6418958351954680777e-6},
      {1e150, 5.6418958354775629776e-151}};
  for (const Row& row : table) expect_relative(erfcx(row.x), row.value, 2e-15, row.x);
  EXPECT_EQ(erfcx(std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_TRUE(std::isinf(erfcx(-30.0)));
}

TEST(Normal, erfcx_is_smooth_across_its_branches) {
  for (double x = 24.0; x < 26.0; x += 0.01) {
    EXPECT_GT(erfcx(x), erfcx(x + 0.01));
  }
  EXPECT_NEAR(erfcx(std::nextafter(25.0, 0.0)) / erfcx(25.0), 1.0, 4e-15);
}

TEST(Normal, log_cdf_table) {
  const std::vector<Row> table = {
      {-1e4, -50000010.129278915181}, {-100, -5005.5242086942050886},  {-38, -726.5572160188201301},
      {-10, -53.231285150512470578},  {-5, -15.064998393988725736},    {-1.5, -2.705944400823889807},
      {-1, -1.8410216450092635058},   {-0.3, -0.96210281816885065666}, {0, -0.69314718055994530942},
      {1, -0.17275377902344988953},   {5, -2.8665161296376359338e-7},  {6, -9.8658764552437573169e-10},
      {8, -6.2209605742717860585e-16}};
  for (const Row& row : table) expect_relative(log_normal_cdf(row.x), row.value, 1e-14, row.x);
}

TEST(Normal, log_h_table) {
  struct RowH {
    double u;
    double value;
    double derivative;
  };
  const std::vector<RowH> table = {{-1e150, -4.9999999999999998084e299, 1e150},
                                   {-1e6, -500000000028.54995965, 1000000.000002},
                                   {-1000, -500014.73445209115845, 1000.001999994000042},
                                   {-50, -1258.7441828684608531, 50.039952133872654947},
                                   {-20.5, -217.09186837038312513, 20.59687586219297673},
                                   {-20, -206.91783850942509785, 20.099262811101281775},
                                   {-19.5, -196.99258561722833326, 19.601769440355081522},
                                   {-10, -55.553122036122355927, 10.194383033412553306},
                                   {-3, -7.8696860596030285171, 3.5323375176251605167},
                                   {-1.0001, -2.4853114564458833408, 1.9043434317165273539},
                                   {-1, -2.4851210257126413368, 1.9042712333296918229},
                                   {-0.9999, -2.4849306021991762998, 1.904199036177194172},
                                   {0, -0.91893853320467274178, 1.2533141373155002512},
                                   {1, 0.080026218849306940029, 0.77663872520173925975},
                                   {5, 1.6094379231264313851, 0.19999994053122004649},
                                   {40, 3.6888794541139363029, 0.025}};
  for (const RowH& row : table) {
    expect_relative(log_h(row.u).value, row.value, 1e-13, row.u);
    expect_relative(log_h(row.u).derivative, row.derivative, 2e-13, row.u);
  }
}

TEST(Normal, log_h_equals_the_naive_form_where_that_is_valid) {
  for (double u = -4.0; u < 8.0; u += 0.01) {
    const double naive = std::exp(log_normal_density(u)) + u * 0.5 * std::erfc(-u / std::sqrt(2.0));
    EXPECT_NEAR(log_h(u).value, std::log(naive), 1e-10) << u;
  }
}

TEST(Normal, log_h_stays_finite_and_rising_far_out) {
  for (double u = -1e153; u < -1e-3; u /= 3.0) {
    const LogH here = log_h(u);
    ASSERT_TRUE(std::isfinite(here.value) && std::isfinite(here.derivative)) << u;
    ASSERT_GT(here.derivative, 0.0);
    ASSERT_LT(here.value, log_h(u / 3.0).value);
  }
  EXPECT_TRUE(std::isfinite(log_h(1e300).value));
}

TEST(Normal, quantile_inverts_the_cdf) {
  const std::vector<Row> table = {
      {1e-300, -37.047096299361199237}, {1e-20, -9.2623400897984075796}, {1e-5, -4.2648907939228246102},
      {0.01, -2.3263478740408410931},   {0.025, -1.9599639845400542118}, {0.3, -0.52440051270804081597},
      {0.9, 1.2815515655446005935},     {0.95, 1.6448536269514722843},   {0.999999, 4.7534243088170877657}};
  for (const Row& row : table) expect_relative(normal_quantile(row.x), row.value, 1e-12, row.x);
  EXPECT_NEAR(normal_quantile(0.5), 0.0, 1e-15);
  for (const double p : {1e-12, 1e-6, 0.02, 0.0243, 0.3, 0.5, 0.9, 0.975, 0.99, 1.0 - 1e-9}) {
    EXPECT_NEAR(0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0)), p, 1e-15 + 1e-13 * p);
  }
}

TEST(Normal, log1mexp_keeps_digits_at_both_ends) {
  expect_relative(log1mexp(-1e-12), std::log(1e-12), 1e-13, -1e-12);
  expect_relative(log1mexp(-50.0), -std::exp(-50.0), 1e-14, -50.0);
  EXPECT_EQ(log1mexp(0.0), -std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace luban::core
