#include <luban/surrogate/detail/lbfgs.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

namespace luban::surrogate::detail {

namespace {

struct Pair {
  Eigen::VectorXd step;
  Eigen::VectorXd change;  ///< of the gradient
};

struct Point {
  Eigen::VectorXd x;
  double value = std::numeric_limits<double>::infinity();
  Eigen::VectorXd gradient;
};

class Minimiser {
 public:
  Minimiser(const Differentiable& function, const Eigen::VectorXd& low, const Eigen::VectorXd& high,
            const LbfgsOptions& options)
      : function_(function), low_(low), high_(high), options_(options) {}

  LbfgsResult run(Eigen::VectorXd start, const core::CallControl& control) {
    Point now = at(start.cwiseMax(low_).cwiseMin(high_));
    LbfgsResult out;
    while (std::isfinite(now.value) && out.iterations < options_.max_iterations) {
      control.check("surrogate.minimise");
      mark_free(now);
      if (largest_free(now.gradient) <= options_.gradient_tolerance) {
        out.converged = true;
        break;
      }
      ++out.iterations;
      std::optional<Point> next = line_search(now, direction(now.gradient));
      if (!next && !pairs_.empty()) {  // stale curvature: once more along the gradient
        pairs_.clear();
        next = line_search(now, direction(now.gradient));
      }
      if (!next) {
        out.converged = true;  // no decrease left that double precision can see
        break;
      }
      remember(now, *next);
      const double decrease = now.value - next->value;
      now = std::move(*next);
      if (decrease <= options_.value_tolerance * std::max(std::abs(now.value), 1.0)) {
        out.converged = true;
        break;
      }
    }
    out.x = now.x;
    out.value = now.value;
    out.evaluations = evaluations_;
    return out;
  }

 private:
  Point at(Eigen::VectorXd x) {
    Point out;
    out.gradient = Eigen::VectorXd::Zero(x.size());
    out.value = function_(x, out.gradient);
    out.x = std::move(x);
    ++evaluations_;
    if (!out.gradient.allFinite()) out.value = std::numeric_limits<double>::infinity();
    return out;
  }

  // A variable is held when it sits on a bound and the gradient pushes it outwards.
  void mark_free(const Point& point) {
    free_ = Eigen::VectorXd::Ones(point.x.size());
    for (Eigen::Index i = 0; i < point.x.size(); ++i) {
      const bool held = (point.x(i) <= low_(i) && point.gradient(i) > 0.0) ||
                        (point.x(i) >= high_(i) && point.gradient(i) < 0.0) || low_(i) == high_(i);
      if (held) free_(i) = 0.0;
    }
  }

  [[nodiscard]] double largest_free(const Eigen::VectorXd& gradient) const {
    return gradient.size() == 0 ? 0.0 : gradient.cwiseProduct(free_).cwiseAbs().maxCoeff();
  }

  // Two-loop recursion on the free variables.
  Eigen::VectorXd direction(const Eigen::VectorXd& gradient) const {
    Eigen::VectorXd d = -gradient.cwiseProduct(free_);
    std::vector<std::pair<double, double>> used(pairs_.size());  // (1 / curvature, weight)
    double scale = 0.0;
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      const Eigen::VectorXd change = pairs_[i].change.cwiseProduct(free_);
      const double curvature = pairs_[i].step.dot(change);
      if (curvature <= 1e-10 * change.squaredNorm()) continue;
      used[i] = {1.0 / curvature, pairs_[i].step.cwiseProduct(free_).dot(d) / curvature};
      d -= used[i].second * change;
      if (scale == 0.0) scale = curvature / change.squaredNorm();
    }
    if (scale == 0.0) return d * std::min(1.0, 1.0 / gradient.cwiseProduct(free_).norm());
    d *= scale;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (used[i].first == 0.0) continue;
      const double weight = used[i].first * pairs_[i].change.cwiseProduct(free_).dot(d);
      d += (used[i].second - weight) * pairs_[i].step.cwiseProduct(free_);
    }
    return d;
  }

  std::optional<Point> line_search(const Point& from, const Eigen::VectorXd& d) {
    constexpr double sufficient = 1e-4;
    constexpr int tries = 25;
    double step = 1.0;
    for (int i = 0; i < tries; ++i) {
      Point next = at((from.x + step * d).cwiseMax(low_).cwiseMin(high_));
      const double predicted = from.gradient.dot(next.x - from.x);
      if (predicted >= 0.0 && next.x != from.x) return std::nullopt;  // the projection turned it uphill
      if (next.value <= from.value + sufficient * predicted && next.value < from.value) return next;
      if (next.x == from.x) return std::nullopt;
      step *= shrink(from.value, predicted, next);
    }
    return std::nullopt;
  }

  // Minimum of the parabola through value and slope at 0 and value at 1, kept within [0.1, 0.5].
  static double shrink(double value, double slope, const Point& next) {
    if (!std::isfinite(next.value)) return 0.2;
    const double best = -slope / (2.0 * (next.value - value - slope));
    return std::clamp(std::isfinite(best) ? best : 0.5, 0.1, 0.5);
  }

  void remember(const Point& from, const Point& to) {
    Pair pair{to.x - from.x, to.gradient - from.gradient};
    if (pair.step.dot(pair.change) <= 1e-10 * pair.change.squaredNorm()) return;
    pairs_.push_back(std::move(pair));
    if (pairs_.size() > static_cast<std::size_t>(options_.memory)) pairs_.pop_front();
  }

  const Differentiable& function_;
  const Eigen::VectorXd& low_;
  const Eigen::VectorXd& high_;
  const LbfgsOptions& options_;
  Eigen::VectorXd free_;
  std::deque<Pair> pairs_;
  int evaluations_ = 0;
};

}  // namespace

LbfgsResult minimise(const Differentiable& function, Eigen::VectorXd start, const Eigen::VectorXd& low,
                     const Eigen::VectorXd& high, const LbfgsOptions& options, const core::CallControl& control) {
  return Minimiser(function, low, high, options).run(std::move(start), control);
}

}  // namespace luban::surrogate::detail
