#include <luban/surrogate/detail/normal_moments.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

namespace luban::surrogate::detail {

namespace {

using Kind = ClosedForm::Kind;
using Expansion = NormalMoments::Expansion;

// Measured against adaptive quadrature (tests/surrogate/test_normal_moments.cpp): mean and variance to 1e-9 of the
// spread, latent variances and covariances to 1e-5 in the worst case, a kink in the middle.
constexpr Eigen::Index summed = 40;            // orders that are summed one by one
constexpr Eigen::Index computed = summed + 3;  // 0 … summed, and two more for derivatives
constexpr double reach = 12.0;                 // standard deviations; what is beyond has no weight
constexpr Eigen::Index panels = 8;
constexpr Eigen::Index nodes = 16;  // of each panel
constexpr double no_spread = 1e-7;  // of z, whose unit is the spread of the data: g is a line there
constexpr int most_steps = 200;

struct GaussLegendre {
  std::array<double, nodes> x{};
  std::array<double, nodes> weight{};
};

/// Newton's method on the Legendre polynomial, from the usual cosine starts.
GaussLegendre gauss_legendre() {
  GaussLegendre out;
  for (Eigen::Index i = 0; i < nodes; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (static_cast<double>(nodes) + 0.5));
    double slope = 1.0;
    for (int step = 0; step < 20; ++step) {
      double before = 1.0;
      double value = x;
      for (Eigen::Index k = 2; k <= nodes; ++k) {
        const auto degree = static_cast<double>(k);
        const double next = ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree;
        before = value;
        value = next;
      }
      slope = static_cast<double>(nodes) * (x * value - before) / (x * x - 1.0);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) < 1e-16) break;
    }
    out.x[static_cast<std::size_t>(i)] = x;
    out.weight[static_cast<std::size_t>(i)] = 2.0 / ((1.0 - x * x) * slope * slope);
  }
  return out;
}

/// he_{k + 1} = (x he_k − √k he_{k − 1}) / √(k + 1)
struct Recurrence {
  std::array<double, computed> by_last{};
  std::array<double, computed> by_before{};

  Recurrence() {
    for (std::size_t k = 1; k < by_last.size(); ++k) {
      by_last[k] = 1.0 / std::sqrt(static_cast<double>(k + 1));
      by_before[k] = std::sqrt(static_cast<double>(k)) * by_last[k];
    }
  }
};

/// Nodes of one interval, and each order's polynomial times weight and normal density there.
struct Panel {
  Eigen::Array<double, nodes, 1> x;
  Eigen::Matrix<double, nodes, computed> polynomial;

  Panel(const GaussLegendre& rule, const Recurrence& recurrence, double low, double high, Eigen::Index orders) {
    const double half = 0.5 * (high - low);
    const Eigen::Map<const Eigen::Array<double, nodes, 1>> place(rule.x.data());
    const Eigen::Map<const Eigen::Array<double, nodes, 1>> weight(rule.weight.data());
    x = low + half * (1.0 + place);
    polynomial.col(0) = half / std::sqrt(2.0 * std::numbers::pi) * weight * (-0.5 * x.square()).exp();
    if (orders > 1) polynomial.col(1) = x * polynomial.col(0).array();
    for (Eigen::Index k = 1; k + 1 < orders; ++k) {
      const auto at = static_cast<std::size_t>(k);
      polynomial.col(k + 1) = recurrence.by_last[at] * x * polynomial.col(k).array() -
                              recurrence.by_before[at] * polynomial.col(k - 1).array();
    }
  }
};

struct Rule {
  GaussLegendre legendre = gauss_legendre();
  Recurrence recurrence;
  std::vector<Panel> whole;

  Rule() {
    const double width = 2.0 * reach / static_cast<double>(panels);
    for (Eigen::Index p = 0; p < panels; ++p) {
      const double low = -reach + width * static_cast<double>(p);
      whole.emplace_back(legendre, recurrence, low, low + width, computed);
    }
  }
};

const Rule& rule() {
  static const Rule made;
  return made;
}

/// What one panel adds to the coefficients, and to E g².
void add(const Panel& panel, const ResponseTransform& transform, double mean, double sd, Expansion& out,
         double& square) {
  Eigen::Matrix<double, nodes, 1> values;
  for (Eigen::Index i = 0; i < nodes; ++i) values(i) = transform.inverse(mean + sd * panel.x(i)) - out.mean;
  square += panel.polynomial.col(0).dot(values.cwiseAbs2());
  out.coefficient.noalias() += panel.polynomial.leftCols(out.coefficient.size()).transpose() * values;
}

double power_of(double base, Eigen::Index exponent) {
  return std::pow(base, static_cast<double>(exponent));
}

double correlation(const Expansion& a, const Expansion& b, double covariance) {
  const double sds = std::sqrt(a.z_variance) * std::sqrt(b.z_variance);
  return std::clamp(covariance / sds, -1.0, 1.0);
}

bool straight(const Expansion& a, const Expansion& b) {
  return a.straight || b.straight;
}

}  // namespace

NormalMoments::NormalMoments(std::shared_ptr<const ResponseTransform> transform)
    : transform_(std::move(transform)), form_(transform_->closed_form()), kinks_(transform_->kinks()) {
  std::sort(kinks_.begin(), kinks_.end());
}

Expansion NormalMoments::closed(double mean, double variance) const {
  Expansion out;
  out.z_variance = variance;
  if (form_.kind == Kind::linear) {
    out.mean = form_.offset + form_.scale * mean;
    out.slope = form_.scale;
    out.variance = form_.scale * form_.scale * variance;
    out.straight = true;
    return out;
  }
  const double square = form_.rate * form_.rate * variance;
  const double excess = form_.scale * std::exp(form_.rate * mean + 0.5 * square);
  out.mean = form_.offset + excess;
  out.slope = form_.rate * excess;
  out.variance = excess * excess * std::expm1(square);
  return out;
}

Expansion NormalMoments::series(double mean, double variance, Eigen::Index orders) const {
  Expansion out;
  out.z_variance = variance;
  const double sd = std::sqrt(variance);
  const double middle = transform_->inverse(mean);
  if (!(sd > no_spread)) {
    out.mean = middle;
    out.slope = transform_->inverse_slope(mean);
    out.variance = out.slope * out.slope * variance;
    out.straight = true;
    return out;
  }
  out.mean = middle;  // subtracted while summing: a large level costs no digits
  out.coefficient = Eigen::VectorXd::Zero(orders);
  double square = 0.0;
  const double width = 2.0 * reach / static_cast<double>(panels);
  for (Eigen::Index p = 0; p < panels; ++p) {
    double low = -reach + width * static_cast<double>(p);
    const double high = low + width;
    bool whole = true;
    for (const double kink : kinks_) {
      const double x = (kink - mean) / sd;
      if (!(x > low && x < high)) continue;
      add(Panel(rule().legendre, rule().recurrence, low, x, orders), *transform_, mean, sd, out, square);
      low = x;
      whole = false;
    }
    if (whole) {
      add(rule().whole[static_cast<std::size_t>(p)], *transform_, mean, sd, out, square);
    } else {
      add(Panel(rule().legendre, rule().recurrence, low, high, orders), *transform_, mean, sd, out, square);
    }
  }
  const double shift = out.coefficient(0);
  out.mean = middle + shift;
  out.coefficient(0) = out.mean;
  out.slope = out.coefficient(1) / sd;
  out.variance = std::max(square - shift * shift, 0.0);
  return out;
}

Expansion NormalMoments::expand(double mean, double variance) const {
  if (form_.kind != Kind::none) return closed(mean, variance);
  Expansion out = series(mean, variance, computed);
  if (out.straight) return out;
  const double kept = out.coefficient.segment(1, summed).squaredNorm();
  out.variance = std::max(out.variance, kept);
  out.tail = out.variance - kept;
  return out;
}

Expansion NormalMoments::smooth(double mean, double variance) const {
  return form_.kind != Kind::none ? closed(mean, variance) : series(mean, variance, 2);
}

double NormalMoments::inverse_of_smooth(double y, double variance) const {
  if (form_.kind == Kind::linear) return transform_->forward(y);
  if (form_.kind == Kind::exponential) return transform_->forward(y) - 0.5 * form_.rate * variance;
  const double start = transform_->forward(y);
  if (!std::isfinite(start) || !(variance > 0.0)) return start;
  double low = start;
  double high = start;
  const double sd = std::sqrt(variance);
  for (double step = sd; smooth(low, variance).mean > y; step *= 2.0) low -= step;
  for (double step = sd; smooth(high, variance).mean < y; step *= 2.0) high += step;
  double z = 0.5 * (low + high);
  for (int k = 0; k < most_steps && high - low > 1e-14 * (1.0 + std::abs(z)); ++k) {
    const Expansion here = smooth(z, variance);
    (here.mean < y ? low : high) = z;
    const double newton = z - (here.mean - y) / here.slope;
    if (std::abs(newton - z) <= 1e-15 * (1.0 + std::abs(z))) break;
    z = newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  return z;
}

double NormalMoments::covariance(const Expansion& a, const Expansion& b, double covariance) const {
  if (form_.kind == Kind::exponential) {
    return (a.mean - form_.offset) * (b.mean - form_.offset) * std::expm1(form_.rate * form_.rate * covariance);
  }
  if (straight(a, b)) return a.slope * b.slope * covariance;
  const double rho = correlation(a, b, covariance);
  double out = std::sqrt(a.tail * b.tail);
  for (Eigen::Index k = summed; k >= 1; --k) out = out * rho + a.coefficient(k) * b.coefficient(k);
  return out * rho;
}

NormalMoments::Partials NormalMoments::partials(const Expansion& a, const Expansion& b, double covariance) const {
  Partials out;
  if (form_.kind == Kind::exponential) {
    const double product = (a.mean - form_.offset) * (b.mean - form_.offset);
    const double square = form_.rate * form_.rate;
    const double value = product * std::expm1(square * covariance);
    out.by_covariance = square * (value + product);
    out.by_mean_a = out.by_mean_b = form_.rate * value;
    out.by_variance_a = out.by_variance_b = 0.5 * square * value;
    return out;
  }
  out.by_covariance = a.slope * b.slope;
  if (straight(a, b)) return out;
  const double rho = correlation(a, b, covariance);
  const double sd_a = std::sqrt(a.z_variance);
  const double sd_b = std::sqrt(b.z_variance);
  out.by_covariance =
      static_cast<double>(summed + 1) * std::sqrt(a.tail * b.tail) * power_of(rho, summed) / (sd_a * sd_b);
  double factor = 1.0;  // ρ^(k − 1)
  for (Eigen::Index k = 1; k <= summed; ++k, factor *= rho) {
    const auto order = static_cast<double>(k);
    out.by_covariance += order * a.coefficient(k) * b.coefficient(k) * factor / (sd_a * sd_b);
    const double power = factor * rho;
    const double once = std::sqrt(order + 1.0) * power;
    const double twice = 0.5 * std::sqrt((order + 1.0) * (order + 2.0)) * power;
    out.by_mean_a += once * a.coefficient(k + 1) * b.coefficient(k) / sd_a;
    out.by_mean_b += once * b.coefficient(k + 1) * a.coefficient(k) / sd_b;
    out.by_variance_a += twice * a.coefficient(k + 2) * b.coefficient(k) / a.z_variance;
    out.by_variance_b += twice * b.coefficient(k + 2) * a.coefficient(k) / b.z_variance;
  }
  return out;
}

NormalMoments::MeanPartials NormalMoments::mean_partials(const Expansion& a) const {
  if (form_.kind == Kind::exponential) {
    return {.by_mean = a.slope, .by_variance = 0.5 * form_.rate * a.slope};
  }
  if (a.straight) return {.by_mean = a.slope, .by_variance = 0.0};
  return {.by_mean = a.slope, .by_variance = a.coefficient(2) / (std::numbers::sqrt2 * a.z_variance)};
}

}  // namespace luban::surrogate::detail
