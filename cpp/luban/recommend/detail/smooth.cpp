#include <luban/recommend/detail/smooth.hpp>

#include <algorithm>
#include <cmath>

namespace luban::recommend::detail {
namespace {

constexpr double cauchy_share = 0.1;
constexpr double softplus_exact_from = 40.0;   ///< above it ln(1 + eᵘ) is u to the last digit
constexpr double softplus_gone_below = -45.0;  ///< below it eᵘ is lost beside the Cauchy tail's 0.1 / u²
constexpr double square_overflows_from = 1e150;

/// ln(1 + u²) and its derivative by u, also where u² overflows.
Smooth log_one_plus_square(double u) {
  if (std::abs(u) > square_overflows_from) return {2.0 * std::log(std::abs(u)), 2.0 / u};
  return {std::log1p(u * u), 2.0 * u / (1.0 + u * u)};
}

}  // namespace

Smooth fat_softplus(double x, double temperature) {
  const double u = x / temperature;
  const double inverse = std::abs(u) < square_overflows_from ? 1.0 / (1.0 + u * u) : 0.0;
  const double cauchy = cauchy_share * inverse;
  const double cauchy_slope = -2.0 * u * inverse * cauchy;
  if (u < softplus_gone_below) return {temperature * cauchy, cauchy_slope};
  if (u > softplus_exact_from) return {temperature * (u + cauchy), 1.0 + cauchy_slope};
  const double e = std::exp(-std::abs(u));
  const double sigmoid = (u > 0.0 ? 1.0 : e) / (1.0 + e);
  return {temperature * (std::max(u, 0.0) + std::log1p(e) + cauchy), sigmoid + cauchy_slope};
}

Smooth log_fat_softplus(double x, double temperature) {
  if (x / temperature < -square_overflows_from) {
    const Smooth tail = log_one_plus_square(x / temperature);
    return {std::log(cauchy_share * temperature) - tail.value, -tail.slope / temperature};
  }
  const Smooth plain = fat_softplus(x, temperature);
  return {std::log(plain.value), plain.slope / plain.value};
}

Smooth log_fat_sigmoid(double x, double temperature) {
  // Two tails of Cauchy's density joined at their inflections, √⅓ from their modes.
  constexpr double inflection = 0.57735026918962576451;
  const double u = x / temperature;
  const Smooth tail = log_one_plus_square(std::abs(u) + inflection);
  const double log_tail = std::log(2.0 / 3.0) - tail.value;
  if (u < 0.0) return {log_tail, tail.slope / temperature};
  const double rest = std::exp(log_tail);
  return {std::log1p(-rest), rest * tail.slope / ((1.0 - rest) * temperature)};
}

FatMaximum fat_maximum(const double* v, Eigen::Index count, double temperature, double* share) {
  Eigen::Index top = 0;
  for (Eigen::Index i = 1; i < count; ++i) {
    if (v[i] > v[top]) top = i;
  }
  const double most = v[top];
  if (!std::isfinite(most)) {  // all −∞, or a value that no maximum can mend
    std::fill(share, share + count, 1.0 / static_cast<double>(count));
    return {most, 1.0};
  }
  const double inverse = 1.0 / temperature;
  double sum = 0.0;
  double others = 0.0;
  for (Eigen::Index i = 0; i < count; ++i) {
    const double z = (most - v[i]) * inverse;
    const double value = z < square_overflows_from ? 2.0 / (2.0 + z * (2.0 + z)) : 0.0;
    sum += value;
    share[i] = value == 0.0 ? 0.0 : (1.0 + z) * value * value;  // −d value / dz
    others += i == top ? 0.0 : share[i];
  }
  const double scale = 1.0 / sum;
  for (Eigen::Index i = 0; i < count; ++i) share[i] *= scale;
  share[top] = 1.0 - others * scale;
  return {most, sum};
}

double fat_max(const Eigen::Ref<const Eigen::VectorXd>& v, double temperature, Eigen::Ref<Eigen::VectorXd> share) {
  const FatMaximum parts = fat_maximum(v.data(), v.size(), temperature, share.data());
  return parts.most + temperature * std::log(parts.sum);
}

double log_mean_exp(const Eigen::Ref<const Eigen::VectorXd>& v, Eigen::Ref<Eigen::VectorXd> share) {
  const double most = v.maxCoeff();
  const double count = static_cast<double>(v.size());
  if (!std::isfinite(most)) {
    share.setConstant(1.0 / count);
    return most;
  }
  share = (v.array() - most).exp();
  const double sum = share.sum();
  share /= sum;
  return most + std::log(sum / count);
}

}  // namespace luban::recommend::detail
