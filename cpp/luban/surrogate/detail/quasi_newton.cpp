#include <luban/surrogate/detail/quasi_newton.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>

namespace luban::surrogate::detail {

namespace {

struct Point {
  Eigen::VectorXd x;
  double value = std::numeric_limits<double>::infinity();
  Eigen::VectorXd gradient;
};

class Minimiser {
 public:
  Minimiser(const Differentiable& function, const Eigen::VectorXd& low, const Eigen::VectorXd& high,
            const QuasiNewtonOptions& options, Eigen::MatrixXd curvature)
      : function_(function),
        low_(low),
        high_(high),
        options_(options),
        curvature_(std::move(curvature)),
        trusted_(curvature_.size() > 0) {}

  QuasiNewtonResult run(Eigen::VectorXd start, const core::CallControl& control) {
    Point now = at(start.cwiseMax(low_).cwiseMin(high_));
    complete(now);
    QuasiNewtonResult out;
    double decrease = trusted_ ? 0.0 : std::numeric_limits<double>::infinity();
    while (std::isfinite(now.value) && out.iterations < options_.max_iterations) {
      control.check("surrogate.minimise");
      mark_free(now);
      if (largest_free(now.gradient) <= options_.gradient_tolerance) {
        out.converged = true;
        out.promise = 0.0;
        break;
      }
      if (curvature_.size() == 0) curvature_ = identity(now.gradient.norm());
      const Eigen::VectorXd step = direction(now.gradient);
      out.promise = -0.5 * now.gradient.dot(step);
      if (out.promise < options_.value_tolerance && decrease < options_.value_tolerance) {
        out.converged = true;
        break;
      }
      ++out.iterations;
      std::optional<Point> next = line_search(now, step);
      if (!next) {  // a curvature gone stale: once more along the gradient
        curvature_ = identity(std::max(now.gradient.norm(), curvature_.diagonal().maxCoeff()));
        next = line_search(now, direction(now.gradient));
      }
      if (!next) {
        out.converged = true;  // no decrease left that double precision can see
        break;
      }
      update(next->x - now.x, next->gradient - now.gradient);
      decrease = now.value - next->value;
      now = std::move(*next);
    }
    out.x = now.x;
    out.value = now.value;
    out.evaluations = evaluations_;
    out.curvature = curvature_.size() > 0 ? curvature_ : identity(1.0);
    return out;
  }

 private:
  [[nodiscard]] Eigen::MatrixXd identity(double scale) const {
    return Eigen::MatrixXd::Identity(low_.size(), low_.size()) * std::max(scale, 1e-8);
  }

  Point at(Eigen::VectorXd x) {
    Point out;
    out.value = function_.value(x);
    out.x = std::move(x);
    ++evaluations_;
    return out;
  }

  // With its gradient, which must be finite for a point to be usable.
  bool complete(Point& point) {
    if (!std::isfinite(point.value)) return false;
    point.gradient = function_.gradient(point.x);
    if (!point.gradient.allFinite()) point.value = std::numeric_limits<double>::infinity();
    return std::isfinite(point.value);
  }

  // A variable is held when it sits on a bound and the gradient pushes it outwards.
  void mark_free(const Point& point) {
    free_.clear();
    for (Eigen::Index i = 0; i < point.x.size(); ++i) {
      const bool held = (point.x(i) <= low_(i) && point.gradient(i) > 0.0) ||
                        (point.x(i) >= high_(i) && point.gradient(i) < 0.0) || low_(i) == high_(i);
      if (!held) free_.push_back(i);
    }
  }

  [[nodiscard]] double largest_free(const Eigen::VectorXd& gradient) const {
    double out = 0.0;
    for (const Eigen::Index i : free_) out = std::max(out, std::abs(gradient(i)));
    return out;
  }

  // Newton's step on the free variables, no longer than allowed.
  [[nodiscard]] Eigen::VectorXd direction(const Eigen::VectorXd& gradient) const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(gradient.size());
    const Eigen::LLT<Eigen::MatrixXd> factor(curvature_(free_, free_));
    out(free_) = -factor.solve(gradient(free_));
    const double longest = out.cwiseAbs().maxCoeff();
    return longest > options_.longest_step ? Eigen::VectorXd(out * (options_.longest_step / longest)) : out;
  }

  std::optional<Point> line_search(const Point& from, const Eigen::VectorXd& d) {
    constexpr double sufficient = 1e-4;
    constexpr int tries = 25;
    double step = 1.0;
    for (int i = 0; i < tries; ++i) {
      Point next = at((from.x + step * d).cwiseMax(low_).cwiseMin(high_));
      const double predicted = from.gradient.dot(next.x - from.x);
      if (predicted >= 0.0 && next.x != from.x) return std::nullopt;  // the projection turned it uphill
      const bool taken = next.value <= from.value + sufficient * predicted && next.value < from.value;
      if (taken && complete(next)) return next;
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

  void update(const Eigen::VectorXd& step, Eigen::VectorXd change) {
    const double size = step.squaredNorm();
    if (!trusted_ && step.dot(change) > 1e-10 * change.squaredNorm()) {  // the first curvature seen replaces a guess
      curvature_ = identity(change.squaredNorm() / step.dot(change));
      trusted_ = true;
    }
    const Eigen::VectorXd expected = curvature_ * step;
    const double along = step.dot(expected);
    if (!(size > 0.0) || !(along > 0.0)) return;
    if (const double seen = step.dot(change); seen < 0.2 * along) {
      const double share = 0.8 * along / (along - seen);
      change = share * change + (1.0 - share) * expected;
    }
    curvature_ += change * change.transpose() / step.dot(change) - expected * expected.transpose() / along;
    // Curvatures further apart than this would cost the step its digits.
    curvature_.diagonal().array() += 1e-12 * curvature_.diagonal().maxCoeff();
  }

  const Differentiable& function_;
  const Eigen::VectorXd& low_;
  const Eigen::VectorXd& high_;
  const QuasiNewtonOptions& options_;
  std::vector<Eigen::Index> free_;
  Eigen::MatrixXd curvature_;
  bool trusted_;  // whether the curvature has seen the function
  int evaluations_ = 0;
};

}  // namespace

QuasiNewtonResult minimise(const Differentiable& function, Eigen::VectorXd start, const Eigen::VectorXd& low,
                           const Eigen::VectorXd& high, const QuasiNewtonOptions& options, Eigen::MatrixXd curvature,
                           const core::CallControl& control) {
  return Minimiser(function, low, high, options, std::move(curvature)).run(std::move(start), control);
}

}  // namespace luban::surrogate::detail
