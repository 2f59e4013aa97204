#include <luban/monitor/detail/distributions.hpp>

#include <cmath>
#include <initializer_list>
#include <numbers>

namespace luban::monitor::detail {

namespace {

constexpr double tiny = 1e-300;
constexpr double precise = 1e-16;

/// The x in [low, high] where the increasing f passes `value`, as close as doubles allow.
template <typename F>
double where(const F& f, double value, double low, double high) {
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (f(middle) < value ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function (DLMF 8.17.22).
double beta_fraction(double a, double b, double x) {
  double c = 1.0;
  double d = 1.0 - (a + b) * x / (a + 1.0);
  if (std::abs(d) < tiny) d = tiny;
  d = 1.0 / d;
  double out = d;
  for (int m = 1; m <= 10000; ++m) {
    for (const double term : {m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
                              -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))}) {
      d = 1.0 + term * d;
      if (std::abs(d) < tiny) d = tiny;
      c = 1.0 + term / c;
      if (std::abs(c) < tiny) c = tiny;
      d = 1.0 / d;
      out *= d * c;
    }
    if (std::abs(d * c - 1.0) < precise) break;
  }
  return out;
}

}  // namespace

double normal_cdf(double u) {
  return 0.5 * std::erfc(-u / std::numbers::sqrt2);
}

double gamma_p(double a, double x) {
  if (x <= 0.0) return 0.0;
  const double scale = std::exp(a * std::log(x) - x - std::lgamma(a));
  if (x < a + 1.0) {  // series (DLMF 8.11.4)
    double term = 1.0 / a;
    double sum = term;
    for (int n = 1; n < 100000 && std::abs(term) > precise * std::abs(sum); ++n) {
      term *= x / (a + n);
      sum += term;
    }
    return sum * scale;
  }
  double b = x + 1.0 - a;  // continued fraction of the other tail (DLMF 8.9.2)
  double c = 1.0 / tiny;
  double d = 1.0 / b;
  double out = d;
  for (int n = 1; n < 100000; ++n) {
    const double term = -n * (n - a);
    b += 2.0;
    d = term * d + b;
    if (std::abs(d) < tiny) d = tiny;
    c = b + term / c;
    if (std::abs(c) < tiny) c = tiny;
    d = 1.0 / d;
    out *= d * c;
    if (std::abs(d * c - 1.0) < precise) break;
  }
  return 1.0 - out * scale;
}

double chi_squared_quantile(double p, double freedom) {
  const auto cdf = [freedom](double x) { return gamma_p(0.5 * freedom, 0.5 * x); };
  double high = freedom + 10.0;
  while (cdf(high) < p) high *= 2.0;
  return where(cdf, p, 0.0, high);
}

double beta_i(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
  return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

double beta_quantile(double p, double a, double b) {
  return where([a, b](double x) { return beta_i(a, b, x); }, p, 0.0, 1.0);
}

double c4(int n) {
  return std::sqrt(2.0 / (n - 1.0)) * std::exp(std::lgamma(0.5 * n) - std::lgamma(0.5 * (n - 1.0)));
}

}  // namespace luban::monitor::detail
