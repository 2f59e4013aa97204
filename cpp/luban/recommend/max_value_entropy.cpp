#include <luban/recommend/max_value_entropy.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>

namespace luban::recommend {
namespace {

constexpr double asymptotic_below = -100.0;
constexpr double nothing_above = 40.0;  ///< φ underflows
constexpr int halvings = 100;

void require_one_sided(Utility utility, bool sound) {
  if (sound && utility.goal != process::Goal::target) return;
  throw core::ConfigurationError({.where = "recommend.max_value_entropy",
                                  .expected = "a response to minimize or maximize, and finite maxima or candidates",
                                  .received = sound ? "a target" : "none, or one that is not finite",
                                  .place = {},
                                  .hint = {}});
}

/// g φ / (2 Φ) − ln Φ and its derivative by g.
std::pair<double, double> information(double g) {
  if (g > nothing_above) return {0.0, 0.0};
  if (g < asymptotic_below) {  // both parts are g²/2: what is left of them, from the series of Mills' ratio
    const double inverse = 1.0 / g;
    const double value = std::log(-g) + 0.5 * std::log(2.0 * std::numbers::pi) - 0.5 + 2.0 * inverse * inverse;
    return {value, inverse - 4.0 * inverse * inverse * inverse};
  }
  const double log_cdf = core::log_normal_cdf(g);
  const double ratio = std::exp(core::log_normal_density(g) - log_cdf);
  return {0.5 * g * ratio - log_cdf, -0.5 * ratio * (1.0 + g * (g + ratio))};
}

}  // namespace

Eigen::VectorXd gumbel_maxima(const surrogate::Posterior& candidates, Utility utility, Eigen::Index count,
                              core::RandomKey key) {
  require_one_sided(utility, candidates.q() > 0 && count > 0);
  require_response(utility.response, candidates.m());
  const Eigen::VectorXd mean = utility.slope(0.0) * candidates.mean().col(utility.response);
  const Eigen::VectorXd sd =
      candidates.variance(surrogate::VarianceOf::latent).col(utility.response).cwiseMax(1e-300).cwiseSqrt();
  const auto quantile = [&](double probability) {
    double low = (mean - 10.0 * sd).maxCoeff();
    double high = (mean + 10.0 * sd).maxCoeff();
    for (int step = 0; step < halvings && low < high; ++step) {
      const double middle = low + 0.5 * (high - low);
      if (middle <= low || middle >= high) break;
      double log_below = 0.0;
      for (Eigen::Index i = 0; i < mean.size(); ++i) log_below += core::log_normal_cdf((middle - mean(i)) / sd(i));
      (log_below < std::log(probability) ? low : high) = middle;
    }
    return low + 0.5 * (high - low);
  };
  // Gumbel: P(Y ≤ y) = exp(−exp(−(y − a) / b)).
  const double b = (quantile(0.75) - quantile(0.25)) / (std::log(std::log(4.0)) - std::log(std::log(4.0 / 3.0)));
  const double a = quantile(0.5) + b * std::log(std::log(2.0));
  core::Generator generator = key.generator();
  Eigen::VectorXd out(count);
  for (double& value : out) value = a - b * std::log(-std::log(std::clamp(generator.uniform(), 1e-300, 1.0 - 1e-16)));
  return out;
}

MaxValueEntropy::MaxValueEntropy(Utility utility, Eigen::VectorXd maxima)
    : utility_(utility), maxima_(std::move(maxima)) {
  require_one_sided(utility, maxima_.size() > 0 && maxima_.allFinite());
}

AcquisitionValue MaxValueEntropy::evaluate(const surrogate::Posterior& posterior, bool gradients) const {
  const Eigen::Index r = utility_.response;
  require_response(r, posterior.m());
  const double sign = utility_.slope(0.0);
  const Eigen::VectorXd mean = posterior.mean().col(r);
  const Eigen::VectorXd sd = posterior.variance(surrogate::VarianceOf::latent).col(r).cwiseMax(1e-300).cwiseSqrt();
  AcquisitionValue out;
  out.value = Eigen::VectorXd::Zero(mean.size());
  Eigen::VectorXd by_mean = Eigen::VectorXd::Zero(mean.size());
  Eigen::VectorXd by_variance = Eigen::VectorXd::Zero(mean.size());
  const auto count = static_cast<double>(maxima_.size());
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    for (const double maximum : maxima_) {
      const double g = (maximum - sign * mean(i)) / sd(i);
      const auto [value, slope] = information(g);
      out.value(i) += value / count;
      by_mean(i) -= sign * slope / (sd(i) * count);
      by_variance(i) -= 0.5 * slope * g / (sd(i) * sd(i) * count);
    }
  }
  if (gradients) {
    out.gradient = by_mean.asDiagonal() * posterior.mean_gradient(r);
    out.gradient += by_variance.asDiagonal() * posterior.variance_gradient(r);
  }
  return out;
}

}  // namespace luban::recommend
