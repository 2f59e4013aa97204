#include <luban/surrogate/detail/normal.hpp>

#include <array>
#include <cmath>
#include <numbers>

namespace luban::surrogate::detail {

namespace {

template <std::size_t count>
double polynomial(const std::array<double, count>& coefficients, double x) {
  double sum = 0.0;
  for (const double coefficient : coefficients) sum = sum * x + coefficient;
  return sum;
}

double rational_start(double probability) {
  constexpr std::array a{-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                         1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr std::array b{-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                         6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
  constexpr std::array c{-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                         -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr std::array d{7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00,
                         1.0};
  constexpr double tail = 0.02425;
  if (probability < tail) {
    const double q = std::sqrt(-2.0 * std::log(probability));
    return polynomial(c, q) / polynomial(d, q);
  }
  if (probability > 1.0 - tail) {
    const double q = std::sqrt(-2.0 * std::log1p(-probability));
    return -polynomial(c, q) / polynomial(d, q);
  }
  const double q = probability - 0.5;
  return polynomial(a, q * q) * q / polynomial(b, q * q);
}

}  // namespace

double normal_quantile(double probability) {
  const double x = rational_start(probability);
  const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - probability;
  const double step = error * std::sqrt(2.0 * std::numbers::pi) * std::exp(0.5 * x * x);
  return x - step / (1.0 + 0.5 * x * step);
}

}  // namespace luban::surrogate::detail
