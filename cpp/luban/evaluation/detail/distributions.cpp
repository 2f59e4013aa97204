#include <luban/evaluation/detail/distributions.hpp>

#include <cmath>
#include <numbers>

#include <luban/core/normal.hpp>

namespace luban::evaluation::detail {

namespace {

/// Solves inside(x) = level for a probability that rises with x ≥ 0.
template <typename Probability>
double half_width(double level, const Probability& inside) {
  double low = 0.0;
  double high = 1.0;
  while (inside(high) < level && high < 1e12) high *= 2.0;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (inside(middle) < level ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// P(|T| ≤ t), finite series for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).
double student_inside(double t, long degrees_of_freedom) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(degrees_of_freedom)));
  const double sine = std::sin(angle);
  const double square = std::cos(angle) * std::cos(angle);
  const bool odd = degrees_of_freedom % 2 == 1;
  double term = odd ? std::cos(angle) : 1.0;
  double sum = degrees_of_freedom == 1 ? 0.0 : term;
  for (long k = odd ? 3 : 2; k <= degrees_of_freedom - 2; k += 2) {
    term *= square * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return odd ? 2.0 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

}  // namespace

double normal_half_width(double level) {
  return core::normal_quantile(0.5 + 0.5 * level);
}

double student_half_width(double level, long degrees_of_freedom) {
  return half_width(level, [=](double x) { return student_inside(x, degrees_of_freedom); });
}

}  // namespace luban::evaluation::detail
