#include <luban/recommend/detail/sequential_quadratic.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace luban::recommend::detail {
namespace {

double violation_of(const SmoothValue& at) {
  return at.constraints.size() == 0 ? 0.0 : std::max(0.0, at.constraints.maxCoeff());
}

double total_violation(const SmoothValue& at) {
  return at.constraints.cwiseMax(0.0).sum();
}

/// Direction of one step with the multipliers of the smooth constraints.
struct Step {
  Eigen::VectorXd direction;
  Eigen::VectorXd multipliers;
};

class Search {
 public:
  Search(const SmoothFunction& function, const FeasibleSet& set, const SequentialOptions& options)
      : function_(function),
        set_(set),
        options_(options),
        row_tolerance_(1e-11 * (set.rows.a.cwiseAbs().rowwise().sum() + set.rows.b.cwiseAbs())) {}

  SequentialResult run(const Eigen::VectorXd& start) {
    Eigen::VectorXd x = start;
    SmoothValue now = evaluate(x);
    // A first step of about a tenth of the range, whatever the function's scale.
    const double slope = std::max(now.gradient.norm(), 1e-8);
    Eigen::MatrixXd B = Eigen::MatrixXd::Identity(x.size(), x.size()) * (slope / 0.1);
    bool scaled = false;
    double penalty = 0.0;
    double still_violation = std::numeric_limits<double>::infinity();
    for (int iteration = 0; iteration < options_.max_iterations; ++iteration) {
      const Step step = quadratic_step(x, now, B);
      if (step.multipliers.size() > 0) {
        // Powell's rule: a weight that an early step asked for fades, or the search would creep along the constraint.
        const double needed = 1.5 * step.multipliers.maxCoeff() + 1e-8;
        penalty = std::max(needed, 0.5 * (penalty + needed));
      }
      const double decrease =
          -now.gradient.dot(step.direction) + penalty * (total_violation(now) - linear_violation(now, step.direction));
      const bool still = step.direction.cwiseAbs().maxCoeff() < options_.step_tolerance ||
                         decrease < options_.value_tolerance * (1.0 + std::abs(now.value));
      if (!step.direction.allFinite() || !std::isfinite(decrease)) break;
      // A curved constraint is reached from outside: the last small steps are what brings it within its tolerance.
      // Where they no longer halve what is left, no admissible point is near.
      const double violation = violation_of(now);
      if (still && (violation <= options_.constraint_tolerance || violation > 0.5 * still_violation)) break;
      if (still) still_violation = violation;
      Eigen::VectorXd next_x;
      SmoothValue next;
      if (!line_search(x, now, step.direction, penalty, decrease, next_x, next)) break;
      const Eigen::VectorXd s = next_x - x;
      Eigen::VectorXd y = next.gradient - now.gradient;
      if (step.multipliers.size() > 0) y += (next.jacobian - now.jacobian).transpose() * step.multipliers;
      update(B, s, y, scaled);
      x = std::move(next_x);
      now = std::move(next);
    }
    return best_;
  }

 private:
  SmoothValue evaluate(const Eigen::VectorXd& x) {
    SmoothValue at = function_(x);
    ++best_.evaluations;
    const double violation = violation_of(at);
    const bool keeps = violation <= options_.constraint_tolerance;
    const bool best_keeps = best_.violation <= options_.constraint_tolerance;
    const bool better = best_.x.size() == 0 || (keeps && (!best_keeps || at.value < best_.value)) ||
                        (!keeps && !best_keeps && violation < best_.violation);
    if (std::isfinite(at.value) && better) {
      best_.x = x;
      best_.value = at.value;
      best_.violation = violation;
    } else if (best_.x.size() == 0) {
      best_ = {x, at.value, violation, best_.evaluations};
    }
    return at;
  }

  /// Sum of the violations that the linearised constraints predict after the whole step.
  static double linear_violation(const SmoothValue& at, const Eigen::VectorXd& direction) {
    if (at.constraints.size() == 0) return 0.0;
    return (at.constraints + at.jacobian * direction).cwiseMax(0.0).sum();
  }

  /// The rows of the subproblem in the step p: equalities, inequalities, bounds, linearised constraints.
  [[nodiscard]] LinearRows step_rows(const Eigen::VectorXd& x, const SmoothValue& now, bool elastic,
                                     bool x_is_inside = true) const {
    const Eigen::Index d = x.size();
    const Eigen::Index fixed_rows = set_.rows.a.rows();
    const Eigen::Index k = now.constraints.size();
    LinearRows rows;
    rows.equalities = set_.rows.equalities;
    rows.a = Eigen::MatrixXd::Zero(fixed_rows + 2 * d + k + (elastic ? 1 : 0), d + (elastic ? 1 : 0));
    rows.b = Eigen::VectorXd::Zero(rows.a.rows());
    rows.a.topLeftCorner(fixed_rows, d) = set_.rows.a;
    rows.b.head(fixed_rows) = set_.rows.b - set_.rows.a * x;
    rows.a.block(fixed_rows, 0, d, d).setIdentity();
    rows.b.segment(fixed_rows, d) = set_.low - x;
    rows.a.block(fixed_rows + d, 0, d, d) = -Eigen::MatrixXd::Identity(d, d);
    rows.b.segment(fixed_rows + d, d) = x - set_.high;
    // The start keeps these rows up to rounding; p = 0 must stay admissible.
    if (x_is_inside) {
      const Eigen::Index inequalities = fixed_rows - rows.equalities + 2 * d;
      rows.b.head(rows.equalities).setZero();
      rows.b.segment(rows.equalities, inequalities) = rows.b.segment(rows.equalities, inequalities).cwiseMin(0.0);
    }
    if (k > 0) {
      rows.a.block(fixed_rows + 2 * d, 0, k, d) = -now.jacobian;
      rows.b.segment(fixed_rows + 2 * d, k) = now.constraints;
    }
    if (elastic) {  // one common slack t ≥ 0 lets contradictory linearisations be kept as well as they can
      rows.a.block(fixed_rows + 2 * d, d, k, 1).setOnes();
      rows.a(rows.a.rows() - 1, d) = 1.0;
    }
    return rows;
  }

  [[nodiscard]] Step quadratic_step(const Eigen::VectorXd& x, const SmoothValue& now, const Eigen::MatrixXd& B) const {
    const Eigen::Index d = x.size();
    const Eigen::Index k = now.constraints.size();
    const Eigen::Index first = set_.rows.a.rows() + 2 * d;
    const LinearRows rows = step_rows(x, now, false);
    QuadraticSolution solution = solve_quadratic(B, now.gradient, rows);
    if (solution.feasible) return {solution.x, solution.multipliers.segment(first, k)};
    const double stiffness = std::max(B.diagonal().maxCoeff(), now.gradient.norm());
    Eigen::MatrixXd wide = Eigen::MatrixXd::Zero(d + 1, d + 1);
    wide.topLeftCorner(d, d) = B;
    wide(d, d) = stiffness;
    Eigen::VectorXd wide_gradient(d + 1);
    wide_gradient << now.gradient, 100.0 * stiffness;
    solution = solve_quadratic(wide, wide_gradient, step_rows(x, now, true));
    if (!solution.feasible) return {Eigen::VectorXd::Zero(d), Eigen::VectorXd::Zero(k)};
    return {solution.x.head(d), solution.multipliers.segment(first, k)};
  }

  /// Takes rounding back: a step solved with an ill-conditioned B may leave the rows by more than can be allowed.
  [[nodiscard]] Eigen::VectorXd restored(const Eigen::VectorXd& x) const {
    Eigen::VectorXd inside = x.cwiseMax(set_.low).cwiseMin(set_.high);
    const Eigen::VectorXd slack = set_.rows.a * inside - set_.rows.b;
    const Eigen::Index equalities = set_.rows.equalities;
    const bool holds =
        (slack.head(equalities).array().abs() <= row_tolerance_.head(equalities).array()).all() &&
        (slack.tail(slack.size() - equalities).array() >= -row_tolerance_.tail(slack.size() - equalities).array())
            .all();
    if (holds) return inside;
    SmoothValue distance;
    distance.gradient = Eigen::VectorXd::Zero(x.size());
    const QuadraticSolution nearest = solve_quadratic(Eigen::MatrixXd::Identity(x.size(), x.size()), distance.gradient,
                                                      step_rows(inside, distance, false, false));
    return nearest.feasible ? (inside + nearest.x).cwiseMax(set_.low).cwiseMin(set_.high) : inside;
  }

  bool line_search(const Eigen::VectorXd& x, const SmoothValue& now, const Eigen::VectorXd& direction, double penalty,
                   double decrease, Eigen::VectorXd& next_x, SmoothValue& next) {
    const double merit = now.value + penalty * total_violation(now);
    double length = 1.0;
    for (int trial = 0; trial < 25; ++trial) {
      next_x = restored(x + length * direction);
      next = evaluate(next_x);
      const double next_merit = next.value + penalty * total_violation(next);
      if (std::isfinite(next_merit) && next_merit <= merit - 1e-4 * length * decrease) return true;
      double shorter = 0.5;
      if (std::isfinite(next_merit)) {  // minimum of the parabola through both values and the slope
        const double curvature = next_merit - merit + length * decrease;
        if (curvature > 0.0) shorter = std::clamp(0.5 * length * decrease / curvature, 0.1, 0.5);
      }
      length *= shorter;
    }
    return false;
  }

  static void update(Eigen::MatrixXd& B, const Eigen::VectorXd& s, Eigen::VectorXd y, bool& scaled) {
    const double ss = s.squaredNorm();
    if (ss < 1e-30) return;
    if (!scaled && s.dot(y) > 1e-12 * ss) {  // the first curvature seen replaces the guessed scale
      B = Eigen::MatrixXd::Identity(s.size(), s.size()) * (y.squaredNorm() / s.dot(y));
      scaled = true;
    }
    const Eigen::VectorXd Bs = B * s;
    const double sBs = s.dot(Bs);
    if (const double sy = s.dot(y); sy < 0.2 * sBs) {
      const double theta = 0.8 * sBs / (sBs - sy);
      y = theta * y + (1.0 - theta) * Bs;
    }
    B += y * y.transpose() / s.dot(y) - Bs * Bs.transpose() / sBs;
    // Curvatures further apart than this would cost the quadratic step its digits.
    B.diagonal().array() += 1e-10 * B.diagonal().maxCoeff();
  }

  const SmoothFunction& function_;
  const FeasibleSet& set_;
  const SequentialOptions& options_;
  Eigen::VectorXd row_tolerance_;  ///< what a row may be broken by: a hundred times its rounding
  SequentialResult best_;
};

}  // namespace

SequentialResult minimise_sequential(const SmoothFunction& function, const FeasibleSet& set,
                                     const Eigen::VectorXd& start, const SequentialOptions& options) {
  return Search(function, set, options).run(start);
}

}  // namespace luban::recommend::detail
