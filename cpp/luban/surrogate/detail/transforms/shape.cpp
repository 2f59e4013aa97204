#include <algorithm>
#include <cmath>
#include <limits>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr double small = 1e-5;  // of shape · log(1 + u): below, a series has more digits
constexpr int grid = 24;        // the likelihood has one hill in all but contrived data; the grid finds the highest
constexpr int most_halvings = 60;

struct Likelihood {
  double value;
  double slope;
};

Likelihood likelihood(const Shaped& shaped, double shape, double slope_sum) {
  const auto n = static_cast<double>(shaped.z.size());
  double mean = 0.0;
  for (const double z : shaped.z) mean += z / n;
  double square = 0.0;
  double cross = 0.0;
  for (std::size_t i = 0; i < shaped.z.size(); ++i) {
    square += (shaped.z[i] - mean) * (shaped.z[i] - mean);
    cross += (shaped.z[i] - mean) * shaped.by_shape[i];
  }
  return {.value = -0.5 * n * std::log(square / n) + shape * slope_sum, .slope = -n * cross / square + slope_sum};
}

}  // namespace

double power(double shape, double log_one_plus) {
  const double exponent = shape * log_one_plus;
  if (std::abs(exponent) < small) return log_one_plus * (1.0 + exponent * (0.5 + exponent / 6.0));
  return std::expm1(exponent) / shape;
}

double power_by_shape(double shape, double log_one_plus) {
  const double exponent = shape * log_one_plus;
  if (std::abs(exponent) < small) {
    return log_one_plus * log_one_plus * (0.5 + exponent * (1.0 / 3.0 + exponent / 8.0));
  }
  return (log_one_plus * std::exp(exponent) - std::expm1(exponent) / shape) / shape;
}

double inverse_power(double shape, double value) {
  const double product = shape * value;
  if (std::abs(product) < small) return value * (1.0 - product * (0.5 - product / 3.0));
  return std::log1p(product) / shape;
}

double most_likely_shape(const std::function<Shaped(double)>& shaped, double slope_sum) {
  const double step = (greatest_shape - least_shape) / grid;
  double best = 1.0;
  double most = -std::numeric_limits<double>::infinity();
  for (int k = 0; k <= grid; ++k) {
    const double shape = least_shape + k * step;
    const double value = likelihood(shaped(shape), shape, slope_sum).value;
    if (value > most) {
      most = value;
      best = shape;
    }
  }
  double low = std::max(best - step, least_shape);
  double high = std::min(best + step, greatest_shape);
  const auto slope = [&](double shape) { return likelihood(shaped(shape), shape, slope_sum).slope; };
  if (!(slope(low) > 0.0)) return low;  // the hill's top lies at a bound
  if (!(slope(high) < 0.0)) return high;
  for (int k = 0; k < most_halvings && high - low > 1e-12; ++k) {
    const double middle = 0.5 * (low + high);
    (slope(middle) > 0.0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace luban::surrogate::detail
