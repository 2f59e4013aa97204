#include <luban/recommend/detail/restore.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/recommend/detail/feasible_set.hpp>

namespace luban::recommend::detail {
namespace {

constexpr int most_steps = 40;
constexpr int most_halvings = 12;
constexpr double goal = 1e-11;                      ///< of the merit: steps beyond it only stir rounding
constexpr double enough = 1e-9;                     ///< of an equality, where they stall before
constexpr double inside = 2.0 * constraint_margin;  ///< how far within inequalities to end, so that they surely hold

/// Equalities as they are, inequalities c + inside above 0.
double merit(const SignomialSet& relations, const Eigen::VectorXd& c) {
  const Eigen::Index equalities = relations.equalities();
  const double out =
      c.head(equalities).cwiseAbs().sum() + (c.tail(c.size() - equalities).array() + inside).cwiseMax(0.0).sum();
  return std::isfinite(out) ? out : std::numeric_limits<double>::infinity();
}

/// Rows of a step p from x: linear equalities, linearised equalities, linear inequalities, bounds, linearised
/// inequalities. Elastic: one slack t ≥ 0, to be kept small, lets a contradictory linearisation be kept in part.
LinearRows rows_of(const SignomialSet& relations, const FeasibleSet& set, const Eigen::VectorXd& inner,
                   const Eigen::VectorXd& c, const Eigen::MatrixXd& J, bool elastic) {
  const Eigen::Index d = inner.size();
  const Eigen::Index linear = set.rows.a.rows();
  const Eigen::Index e0 = set.rows.equalities;
  const Eigen::Index e1 = relations.equalities();
  const Eigen::Index k = c.size() - e1;
  const Eigen::Index width = d + (elastic ? 1 : 0);
  LinearRows rows;
  rows.equalities = e0 + (elastic ? 0 : e1);
  rows.a = Eigen::MatrixXd::Zero(linear + (elastic ? 2 * e1 + 1 : e1) + 2 * d + k, width);
  rows.b = Eigen::VectorXd::Zero(rows.a.rows());
  const Eigen::VectorXd room = set.rows.b - set.rows.a * inner;
  Eigen::Index at = 0;
  const auto put = [&](const Eigen::MatrixXd& a, const Eigen::VectorXd& b, bool soft) {
    rows.a.block(at, 0, a.rows(), d) = a;
    if (soft && elastic) rows.a.block(at, d, a.rows(), 1).setOnes();
    rows.b.segment(at, a.rows()) = b;
    at += a.rows();
  };
  put(set.rows.a.topRows(e0), Eigen::VectorXd::Zero(e0), false);
  put(-J.topRows(e1), c.head(e1), true);
  if (elastic) put(J.topRows(e1), -c.head(e1), true);
  put(set.rows.a.bottomRows(linear - e0), room.tail(linear - e0).cwiseMin(0.0), false);
  put(Eigen::MatrixXd::Identity(d, d), (set.low - inner).cwiseMin(0.0), false);
  put(-Eigen::MatrixXd::Identity(d, d), (inner - set.high).cwiseMin(0.0), false);
  put(-J.bottomRows(k), (c.tail(k).array() + inside).matrix(), true);
  if (elastic) rows.a(at, d) = 1.0;
  return rows;
}

/// The shortest step to where the linearised relations hold; as far as they can where they contradict each other.
Eigen::VectorXd step_of(const SignomialSet& relations, const FeasibleSet& set, const Eigen::VectorXd& inner,
                        const Eigen::VectorXd& c, const Eigen::MatrixXd& J) {
  const Eigen::Index d = inner.size();
  const QuadraticSolution exact = solve_quadratic(Eigen::MatrixXd::Identity(d, d), Eigen::VectorXd::Zero(d),
                                                  rows_of(relations, set, inner, c, J, false));
  if (exact.feasible) return exact.x;
  Eigen::VectorXd slope = Eigen::VectorXd::Zero(d + 1);
  slope(d) = 100.0;
  const QuadraticSolution some =
      solve_quadratic(Eigen::MatrixXd::Identity(d + 1, d + 1), slope, rows_of(relations, set, inner, c, J, true));
  return some.feasible ? some.x.head(d) : Eigen::VectorXd(Eigen::VectorXd::Zero(d));
}

bool kept(const SignomialSet& relations, const Eigen::VectorXd& c) {
  const Eigen::Index equalities = relations.equalities();
  return (c.head(equalities).array().abs() <= enough).all() && (c.tail(c.size() - equalities).array() <= 0.0).all();
}

}  // namespace

bool restore(const SignomialSet& relations, const FeasibleSet& set, const std::vector<Eigen::Index>& columns,
             Eigen::VectorXd& x) {
  Eigen::VectorXd c = relations.constraints(x);
  double broken = merit(relations, c);
  for (int round = 0; round < most_steps && broken > goal && std::isfinite(broken) && !columns.empty(); ++round) {
    const Eigen::VectorXd inner = x(columns);
    const Eigen::MatrixXd J = relations.jacobian(x)(Eigen::all, columns);
    if (!J.allFinite()) break;
    const Eigen::VectorXd step = step_of(relations, set, inner, c, J);
    double length = 1.0;
    bool moved = false;
    for (int halving = 0; halving < most_halvings && !moved; ++halving, length *= 0.5) {
      Eigen::VectorXd next = x;
      next(columns) = (inner + length * step).cwiseMax(set.low).cwiseMin(set.high);
      Eigen::VectorXd next_c = relations.constraints(next);
      const double next_broken = merit(relations, next_c);
      moved = next_broken <= (1.0 - 0.1 * length) * broken;
      if (!moved) continue;
      x = std::move(next);
      c = std::move(next_c);
      broken = next_broken;
    }
    if (!moved) break;
  }
  return kept(relations, c);
}

}  // namespace luban::recommend::detail
