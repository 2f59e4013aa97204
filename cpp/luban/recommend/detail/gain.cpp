#include <luban/recommend/detail/gain.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include <luban/core/normal.hpp>

namespace luban::recommend::detail {
namespace {

constexpr double reach = 9.0;  ///< standard deviations beyond which nothing is left of a normal distribution

double normal_cdf(double u) {
  return 0.5 * std::erfc(-u / std::numbers::sqrt2);
}

/// Nodes in [−1, 1] and weights of Gauss and Legendre's rule, exact for polynomials of degree 63.
struct Rule {
  static constexpr int points = 32;
  std::array<double, points> node{};
  std::array<double, points> weight{};

  Rule() {
    for (int i = 0; i < points; ++i) {
      double x = std::cos(std::numbers::pi * (i + 0.75) / (points + 0.5));
      double slope = 0.0;
      for (int step = 0; step < 8; ++step) {  // Newton from a start good to three digits
        double value = 1.0;
        double before = 0.0;
        for (int k = 0; k < points; ++k) {  // Bonnet's recursion
          const double next = ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0);
          before = value;
          value = next;
        }
        slope = points * (x * value - before) / (x * x - 1.0);
        x -= value / slope;
      }
      node[static_cast<std::size_t>(i)] = x;
      weight[static_cast<std::size_t>(i)] = 2.0 / ((1.0 - x * x) * slope * slope);
    }
  }
};

/// |z| of a normal z.
struct Folded {
  double mean;
  double variance;
};

Folded folded(double mean, double sd) {
  if (!(sd > 0.0)) return {std::abs(mean), 0.0};
  if (std::abs(mean) > reach * sd) return {std::abs(mean), sd * sd};
  const double u = mean / sd;
  const double of =
      sd * std::sqrt(2.0 / std::numbers::pi) * std::exp(-0.5 * u * u) + mean * std::erf(u / std::numbers::sqrt2);
  return {of, std::max(0.0, mean * mean + sd * sd - of * of)};
}

/// |b| − |a|, a and b the jointly normal distances of the expected responses from the target, at x and at the
/// reference. Given b everything about a is known in closed form; what remains is an average over b.
class MissReduction {
 public:
  explicit MissReduction(const Gain& gain)
      : a_(gain.response(0) - gain.utility.target),
        b_(gain.response(1) - gain.utility.target),
        sd_a_(std::sqrt(std::max(0.0, gain.covariance(0, 0)))),
        sd_b_(std::sqrt(std::max(0.0, gain.covariance(1, 1)))) {
    slope_ = sd_b_ > 0.0 ? std::clamp(gain.covariance(0, 1) / sd_b_, -sd_a_, sd_a_) : 0.0;
    const double rounding = 1e-12 * (std::abs(a_) + std::abs(b_) + sd_a_ + sd_b_) + 1e-300;
    rest_ = std::max(std::sqrt((sd_a_ - slope_) * (sd_a_ + slope_)), rounding);
    const double apart = gain.covariance(0, 0) + gain.covariance(1, 1) - 2.0 * gain.covariance(0, 1);
    same_ = (a_ - b_) * (a_ - b_) + std::max(0.0, apart) <= 1e-14 * (sd_a_ * sd_a_ + sd_b_ * sd_b_);
  }

  /// The two settings are one up to rounding.
  [[nodiscard]] bool same() const { return same_; }

  [[nodiscard]] double mean() const { return folded(b_, sd_b_).mean - folded(a_, sd_a_).mean; }

  [[nodiscard]] double variance() const {
    const double expected = mean();
    return average(0.0, [&](double b, double a) {
      const Folded miss = folded(a, rest_);
      const double deviation = std::abs(b) - miss.mean - expected;
      return deviation * deviation + miss.variance;
    });
  }

  [[nodiscard]] double probability_above(double least) const {
    return average(least, [&](double b, double a) {
      const double within = std::abs(b) - least;
      return within > 0.0 ? normal_cdf((within - a) / rest_) - normal_cdf((-within - a) / rest_) : 0.0;
    });
  }

  /// E max(0, |b| − |a|): given b a second difference of h, as in LogExpectedImprovement.
  [[nodiscard]] double improvement() const {
    const auto h = [&](double distance) { return rest_ * std::exp(core::log_h(distance / rest_).value); };
    return average(0.0, [&](double b, double a) {
      const double m = std::abs(a);
      return std::max(0.0, h(std::abs(b) - m) - 2.0 * h(-m) + h(-std::abs(b) - m));
    });
  }

 private:
  /// E f(b, E[a | b]). Between the places where f bends or, within a few `rest`, rises, it is smooth enough for one
  /// panel of the rule each.
  template <typename Function>
  [[nodiscard]] double average(double least, const Function& f) const {
    std::vector<double> edges{-reach, reach};
    const auto bend = [&](double value, double slope, double width) {  // where value + slope·z passes 0 within ±width
      if (slope == 0.0) return;
      for (const double at : {-width, 0.0, width}) edges.push_back(std::clamp((at - value) / slope, -reach, reach));
    };
    bend(a_, slope_, reach * rest_);
    bend(b_, sd_b_, 0.0);
    for (const double side : {1.0, -1.0}) {
      bend(side * b_ - least, side * sd_b_, 0.0);
      bend(side * b_ - least - a_, side * sd_b_ - slope_, reach * rest_);
      bend(side * b_ - least + a_, side * sd_b_ + slope_, reach * rest_);
    }
    std::sort(edges.begin(), edges.end());
    const Rule rule;
    double sum = 0.0;
    for (std::size_t e = 0; e + 1 < edges.size(); ++e) {
      const double half = 0.5 * (edges[e + 1] - edges[e]);
      if (!(half > 0.0)) continue;
      for (std::size_t i = 0; i < rule.node.size(); ++i) {
        const double z = edges[e] + half * (1.0 + rule.node[i]);
        sum += half * rule.weight[i] * std::exp(core::log_normal_density(z)) * f(b_ + sd_b_ * z, a_ + slope_ * z);
      }
    }
    return sum;
  }

  double a_;
  double b_;
  double sd_a_;
  double sd_b_;
  double slope_ = 0.0;  ///< of E[a | b] by b's standardised value
  double rest_ = 0.0;   ///< standard deviation of a given b, at least rounding
  bool same_ = false;
};

}  // namespace

Gain make_gain(const Utility& utility, const Eigen::Vector2d& response, const Eigen::Matrix2d& covariance,
               double run_sd) {
  Gain gain{utility, response, covariance, 0.0, 0.0, run_sd};
  if (utility.goal == process::Goal::target) {
    const MissReduction miss(gain);
    if (miss.same()) return gain;
    gain.mean = miss.mean();
    gain.sd = std::sqrt(miss.variance());
  } else {
    gain.mean = utility.of(response(0)) - utility.of(response(1));
    const double variance = covariance(0, 0) + covariance(1, 1) - (covariance(0, 1) + covariance(1, 0));
    gain.sd = std::sqrt(std::max(0.0, variance));
  }
  return gain;
}

Gain gain_over(const surrogate::Surrogate& surrogate, const Utility& utility, const Eigen::VectorXd& x,
               const Eigen::VectorXd& reference) {
  Eigen::MatrixXd both(2, x.size());
  both << x.transpose(), reference.transpose();
  const auto posterior = surrogate.posterior(both, {.gradients = false, .joint = true});
  const Eigen::Matrix2d latent = posterior->covariance(utility.response, surrogate::VarianceOf::latent);
  const double run = posterior->variance(surrogate::VarianceOf::run_mean)(0, utility.response);
  return make_gain(utility, posterior->mean().col(utility.response), latent,
                   std::sqrt(std::max(0.0, run - latent(0, 0))));
}

double probability_above(const Gain& gain, double least) {
  const double excess = gain.mean - least;
  // Below rounding the spread says nothing: the same settings are not better than themselves.
  const double rounding = 1e-9 * (gain.response.cwiseAbs().sum() + std::abs(least)) + 1e-300;
  if (gain.sd <= rounding) return excess > rounding ? 1.0 : 0.0;
  if (gain.utility.goal == process::Goal::target) {
    return std::clamp(MissReduction(gain).probability_above(least), 0.0, 1.0);
  }
  return std::exp(core::log_normal_cdf(excess / gain.sd));
}

double expected_improvement(const Gain& gain) {
  const double rounding = 1e-9 * gain.response.cwiseAbs().sum() + 1e-300;
  if (gain.sd <= rounding) return std::max(0.0, gain.mean);
  if (gain.utility.goal == process::Goal::target) return MissReduction(gain).improvement();
  return gain.sd * std::exp(core::log_h(gain.mean / gain.sd).value);
}

}  // namespace luban::recommend::detail
