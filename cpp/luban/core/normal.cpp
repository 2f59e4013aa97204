#include <luban/core/normal.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace luban::core {
namespace {

constexpr double half_log_two_pi = 0.91893853320467274178;
constexpr double sqrt_half_pi = 1.25331413731550025121;
/// Beyond this the asymptotic series of Mills' ratio is exact to double precision.
constexpr double mills_series_from = 20.0;

/// 1 − v·M(v), M = Mills' ratio at v ≥ 20: Σ (−1)^k (2k+1)!! / v^(2k+2).
double one_minus_v_mills_series(double v) {
  const double inverse_square = 1.0 / (v * v);
  double term = inverse_square;
  double sum = 0.0;
  for (int k = 0; k < 10; ++k) {
    sum += term;
    term *= -(2.0 * k + 3.0) * inverse_square;
  }
  return sum;
}

template <std::size_t count>
double polynomial(const std::array<double, count>& coefficients, double x) {
  double sum = 0.0;
  for (const double coefficient : coefficients) sum = sum * x + coefficient;
  return sum;
}

/// Acklam's rational approximations of the quantile for p up to 1/2, relative error 1.2e-9.
double quantile_start(double p) {
  constexpr std::array a{-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                         1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr std::array b{-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                         6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
  constexpr std::array c{-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                         -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr std::array d{7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00,
                         1.0};
  if (p < 0.02425) {
    const double q = std::sqrt(-2.0 * std::log(p));
    return polynomial(c, q) / polynomial(d, q);
  }
  const double q = p - 0.5;
  return polynomial(a, q * q) * q / polynomial(b, q * q);
}

}  // namespace

double erfcx(double x) {
  if (x < 25.0) {
    // exp(x²) is taken at the exact square: the part lost in rounding x·x is put back to first order.
    const double square = x * x;
    const double lost = std::fma(x, x, -square);
    return std::exp(square) * (1.0 + lost) * std::erfc(x);
  }
  const double y = 0.5 / (x * x);
  const double series =
      1.0 - y * (1.0 - 3.0 * y * (1.0 - 5.0 * y * (1.0 - 7.0 * y * (1.0 - 9.0 * y * (1.0 - 11.0 * y)))));
  return series * std::numbers::inv_sqrtpi / x;
}

double log_normal_cdf(double u) {
  if (u > 0.0) return std::log1p(-0.5 * std::erfc(u / std::numbers::sqrt2));
  if (u > -1.0) return std::log(0.5 * std::erfc(-u / std::numbers::sqrt2));
  return -0.5 * u * u + std::log(0.5 * erfcx(-u / std::numbers::sqrt2));
}

double log_normal_density(double u) {
  return -0.5 * u * u - half_log_two_pi;
}

double normal_quantile(double p) {
  if (p > 0.5) return -normal_quantile(1.0 - p);
  const double x = quantile_start(p);
  if (!std::isfinite(x)) return x;
  const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
  const double step = error * std::exp(0.5 * x * x + half_log_two_pi);
  return x - step / (1.0 + 0.5 * x * step);
}

double log1mexp(double x) {
  return x > -std::numbers::ln2 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

LogH log_h(double u) {
  if (u > -1.0) {
    const double cdf = 0.5 * std::erfc(-u / std::numbers::sqrt2);
    const double h = std::exp(log_normal_density(u)) + u * cdf;
    return {std::log(h), cdf / h};
  }
  const double v = -u;
  const double mills = sqrt_half_pi * erfcx(v / std::numbers::sqrt2);
  const double kept = v < mills_series_from ? 1.0 - v * mills : one_minus_v_mills_series(v);
  return {log_normal_density(u) + std::log(kept), mills / kept};
}

}  // namespace luban::core
