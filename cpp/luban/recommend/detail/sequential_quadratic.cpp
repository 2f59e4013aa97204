#include <luban/recommend/detail/sequential_quadratic.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace luban::recommend::detail {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int most_trials = 25;
constexpr double most_unequal = 2.0;  ///< logarithm of a length's ratio to their mean that is believed
constexpr int steps_to_learn = 3;     ///< before promises are looked at: the first ones go by a guessed curvature

/// Curvatures go with the inverse squares of the lengths.
Eigen::VectorXd expected_shape(const Eigen::VectorXd& lengths, Eigen::Index d) {
  if (lengths.size() == 0) return Eigen::VectorXd::Ones(d);
  const Eigen::ArrayXd logs = lengths.array().log();
  return (-2.0 * (logs - logs.mean()).max(-most_unequal).min(most_unequal)).exp();
}

/// What each constraint is broken by.
Eigen::VectorXd broken(const Eigen::VectorXd& constraints, Eigen::Index equalities) {
  Eigen::VectorXd out = constraints.cwiseMax(0.0);
  if (equalities > 0) out.head(equalities) = constraints.head(equalities).cwiseAbs();
  return out;
}

double violation_of(const SmoothValue& at) {
  return at.constraints.size() == 0 ? 0.0 : broken(at.constraints, at.equalities).maxCoeff();
}

double total_violation(const SmoothValue& at) {
  return broken(at.constraints, at.equalities).sum();
}

/// Sum of the violations that the linearised constraints predict after the whole step.
double linear_violation(const SmoothValue& at, const Eigen::VectorXd& direction) {
  if (at.constraints.size() == 0) return 0.0;
  return broken(at.constraints + at.jacobian * direction, at.equalities).sum();
}

}  // namespace

SequentialSearch::SequentialSearch(FeasibleSet set, Eigen::VectorXd start, SequentialOptions options)
    : set_(std::move(set)),
      options_(options),
      row_tolerance_(1e-11 * (set_.rows.a.cwiseAbs().rowwise().sum() + set_.rows.b.cwiseAbs())),
      shape_(expected_shape(options_.lengths, start.size())),
      asked_(std::move(start)),
      still_violation_(infinity) {}

void SequentialSearch::tell(SmoothValue value) {
  remember(value);
  if (x_.size() == 0) {
    x_ = asked_;
    now_ = std::move(value);
    // A first step of about a tenth of the range, whatever the function's scale.
    const double slope = std::max(now_.gradient.norm(), 1e-8);
    curvature_ = guessed_curvature(slope / 0.1);
    begin_iteration();
    return;
  }
  const double merit = now_.value + penalty_ * total_violation(now_);
  const double next_merit = value.value + penalty_ * total_violation(value);
  if (!std::isfinite(next_merit) || next_merit > merit - 1e-4 * length_ * decrease_) {
    done_ = ++trial_ >= most_trials;
    double shorter = 0.5;
    if (std::isfinite(next_merit)) {  // minimum of the parabola through both values and the slope
      const double curvature = next_merit - merit + length_ * decrease_;
      if (curvature > 0.0) shorter = std::clamp(0.5 * length_ * decrease_ / curvature, 0.1, 0.5);
    }
    length_ *= shorter;
    if (!done_) asked_ = restored(x_ + length_ * step_.direction);
    return;
  }
  Eigen::VectorXd change = value.gradient - now_.gradient;
  if (step_.multipliers.size() > 0) change += (value.jacobian - now_.jacobian).transpose() * step_.multipliers;
  update(asked_ - x_, std::move(change));
  x_ = asked_;
  now_ = std::move(value);
  begin_iteration();
}

void SequentialSearch::tighten(double value_tolerance) {
  options_.value_tolerance = value_tolerance;
  if (x_.size() > 0) begin_iteration();
}

double SequentialSearch::outlook(double hope) const noexcept {
  if (iteration_ <= steps_to_learn || violation_of(now_) > 0.0) return -infinity;
  return now_.value - hope * decrease_;
}

/// Keeps the best point seen.
void SequentialSearch::remember(const SmoothValue& value) {
  ++best_.evaluations;
  const double violation = violation_of(value);
  const bool keeps = violation <= options_.constraint_tolerance;
  const bool best_keeps = best_.violation <= options_.constraint_tolerance;
  const bool better = best_.x.size() == 0 || (keeps && (!best_keeps || value.value < best_.value)) ||
                      (!keeps && !best_keeps && violation < best_.violation);
  if ((std::isfinite(value.value) && better) || best_.x.size() == 0) {
    best_ = {asked_, value.value, violation, best_.evaluations};
  }
}

/// Decides on the next step, or that there is none.
void SequentialSearch::begin_iteration() {
  done_ = true;
  if (x_.size() == 0 || iteration_++ >= options_.max_iterations) return;
  step_ = quadratic_step();
  if (step_.multipliers.size() > 0) {
    // Powell's rule: a weight that an early step asked for fades, or the search would creep along the constraint.
    const double needed = 1.5 * step_.multipliers.cwiseAbs().maxCoeff() + 1e-8;
    penalty_ = std::max(needed, 0.5 * (penalty_ + needed));
  }
  decrease_ = -now_.gradient.dot(step_.direction) +
              penalty_ * (total_violation(now_) - linear_violation(now_, step_.direction));
  const bool still = step_.direction.cwiseAbs().maxCoeff() < options_.step_tolerance ||
                     decrease_ < options_.value_tolerance * (1.0 + std::abs(now_.value));
  if (!step_.direction.allFinite() || !std::isfinite(decrease_)) return;
  // A curved constraint is reached from outside: the last small steps are what brings it within its tolerance. Where
  // they no longer halve what is left, no admissible point is near.
  const double violation = violation_of(now_);
  if (still && (violation <= options_.constraint_tolerance || violation > 0.5 * still_violation_)) return;
  if (still) still_violation_ = violation;
  length_ = 1.0;
  trial_ = 0;
  asked_ = restored(x_ + step_.direction);
  done_ = false;
}

/// The rows of the subproblem in the step p: equalities, linearised equalities, inequalities, bounds, linearised
/// constraints. Elastic: each equality as two inequalities, and one common slack t ≥ 0 lets contradictory
/// linearisations be kept as well as they can.
LinearRows SequentialSearch::step_rows(const Eigen::VectorXd& x, const SmoothValue& now, bool elastic,
                                       bool x_is_inside) const {
  const Eigen::Index d = x.size();
  const Eigen::Index fixed = set_.rows.equalities;
  const Eigen::Index free = set_.rows.a.rows() - fixed;
  const Eigen::Index curved = now.equalities;
  const Eigen::Index k = now.constraints.size() - curved;
  LinearRows rows;
  rows.equalities = fixed + (elastic ? 0 : curved);
  rows.a = Eigen::MatrixXd::Zero(fixed + free + 2 * d + k + (elastic ? 2 * curved + 1 : curved), d + (elastic ? 1 : 0));
  rows.b = Eigen::VectorXd::Zero(rows.a.rows());
  const Eigen::VectorXd room = set_.rows.b - set_.rows.a * x;
  Eigen::Index at = 0;
  const auto put = [&](const auto& a, const auto& b, bool soft) {
    rows.a.block(at, 0, a.rows(), d) = a;
    if (soft && elastic) rows.a.block(at, d, a.rows(), 1).setOnes();
    rows.b.segment(at, a.rows()) = b;
    at += a.rows();
  };
  // The start keeps fixed rows and bounds up to rounding; p = 0 must stay admissible.
  const double most = x_is_inside ? 0.0 : infinity;
  put(set_.rows.a.topRows(fixed), x_is_inside ? Eigen::VectorXd(Eigen::VectorXd::Zero(fixed)) : room.head(fixed),
      false);
  if (curved > 0) put(-now.jacobian.topRows(curved), now.constraints.head(curved), true);
  if (curved > 0 && elastic) put(now.jacobian.topRows(curved), -now.constraints.head(curved), true);
  put(set_.rows.a.bottomRows(free), room.tail(free).cwiseMin(most), false);
  put(Eigen::MatrixXd::Identity(d, d), (set_.low - x).cwiseMin(most), false);
  put(-Eigen::MatrixXd::Identity(d, d), (x - set_.high).cwiseMin(most), false);
  if (k > 0) put(-now.jacobian.bottomRows(k), now.constraints.tail(k), true);
  if (elastic) rows.a(at, d) = 1.0;
  return rows;
}

SequentialSearch::Step SequentialSearch::quadratic_step() const {
  const Eigen::Index k = now_.constraints.size();
  if (k == 0 && set_.rows.a.rows() == 0) {
    return {
        solve_box_quadratic(curvature_, now_.gradient, (set_.low - x_).cwiseMin(0.0), (set_.high - x_).cwiseMax(0.0)),
        {}};
  }
  const QuadraticSolution solution = solve_quadratic(curvature_, now_.gradient, step_rows(x_, now_, false));
  if (!solution.feasible) return elastic_step();
  const Eigen::Index curved = now_.equalities;
  Step step{solution.x, Eigen::VectorXd(k)};
  step.multipliers.head(curved) = solution.multipliers.segment(set_.rows.equalities, curved);
  step.multipliers.tail(k - curved) = solution.multipliers.tail(k - curved);
  return step;
}

SequentialSearch::Step SequentialSearch::elastic_step() const {
  const Eigen::Index d = x_.size();
  const Eigen::Index k = now_.constraints.size();
  const double stiffness = std::max(curvature_.diagonal().maxCoeff(), now_.gradient.norm());
  Eigen::MatrixXd wide = Eigen::MatrixXd::Zero(d + 1, d + 1);
  wide.topLeftCorner(d, d) = curvature_;
  wide(d, d) = stiffness;
  Eigen::VectorXd wide_gradient(d + 1);
  wide_gradient << now_.gradient, 100.0 * stiffness;
  const QuadraticSolution solution = solve_quadratic(wide, wide_gradient, step_rows(x_, now_, true));
  if (!solution.feasible) return {Eigen::VectorXd::Zero(d), Eigen::VectorXd::Zero(k)};
  const Eigen::Index curved = now_.equalities;
  const Eigen::Index first = set_.rows.equalities;
  Step step{solution.x.head(d), Eigen::VectorXd(k)};
  step.multipliers.head(curved) =
      solution.multipliers.segment(first, curved) - solution.multipliers.segment(first + curved, curved);
  step.multipliers.tail(k - curved) = solution.multipliers.tail(k - curved + 1).head(k - curved);
  return step;
}

/// Takes rounding back: a step solved with an ill-conditioned B may leave the rows by more than can be allowed.
Eigen::VectorXd SequentialSearch::restored(const Eigen::VectorXd& x) const {
  Eigen::VectorXd inside = x.cwiseMax(set_.low).cwiseMin(set_.high);
  if (set_.rows.a.rows() == 0) return inside;
  const Eigen::VectorXd slack = set_.rows.a * inside - set_.rows.b;
  const Eigen::Index equalities = set_.rows.equalities;
  const bool holds =
      (slack.head(equalities).array().abs() <= row_tolerance_.head(equalities).array()).all() &&
      (slack.tail(slack.size() - equalities).array() >= -row_tolerance_.tail(slack.size() - equalities).array()).all();
  if (holds) return inside;
  SmoothValue distance;
  distance.gradient = Eigen::VectorXd::Zero(x.size());
  const QuadraticSolution nearest = solve_quadratic(Eigen::MatrixXd::Identity(x.size(), x.size()), distance.gradient,
                                                    step_rows(inside, distance, false, false));
  return nearest.feasible ? (inside + nearest.x).cwiseMax(set_.low).cwiseMin(set_.high) : inside;
}

Eigen::MatrixXd SequentialSearch::guessed_curvature(double size) const {
  return (size * shape_).asDiagonal();
}

void SequentialSearch::update(const Eigen::VectorXd& s, Eigen::VectorXd y) {
  Eigen::MatrixXd& B = curvature_;
  const double ss = s.squaredNorm();
  if (ss < 1e-30) return;
  if (!scaled_ && s.dot(y) > 1e-12 * ss) {  // the first curvature seen replaces the guessed scale
    B = guessed_curvature(y.dot(y.cwiseQuotient(shape_)) / s.dot(y));
    scaled_ = true;
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

SequentialResult minimise_sequential(const SmoothFunction& function, const FeasibleSet& set,
                                     const Eigen::VectorXd& start, const SequentialOptions& options) {
  SequentialSearch search(set, start, options);
  while (!search.done()) search.tell(function(search.point()));
  return search.result();
}

}  // namespace luban::recommend::detail
