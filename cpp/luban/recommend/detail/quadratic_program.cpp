#include <luban/recommend/detail/quadratic_program.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Cholesky>
#include <Eigen/QR>

#include <luban/core/error.hpp>

namespace luban::recommend::detail {
namespace {

constexpr double violation_tolerance = 1e-12;  ///< of a row scaled to unit length, relative to 1 + |b|
constexpr double dependence_tolerance = 1e-9;  ///< a normal with less than this outside the active span depends on it
constexpr double infinity = std::numeric_limits<double>::infinity();

[[noreturn]] void fail(const char* received) {
  throw core::NumericalError({.where = "recommend.solve_quadratic",
                              .expected = "a positive definite matrix and consistent arithmetic",
                              .received = received,
                              .place = {},
                              .hint = "scale the parameters of the constraints more evenly"});
}

constexpr Eigen::Index few = 16;  ///< unknowns that are solved for in plain loops
using FewUnknowns = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::ColMajor, few, 1>;

/// Solution of A(chosen, chosen) x = b(chosen), A symmetric positive definite, by Cholesky's method in plain loops: for
/// so few unknowns a library's blocks take longer than the arithmetic. @return false where A is not positive definite
bool solve_few(const Eigen::MatrixXd& A, const Eigen::VectorXd& b, const std::vector<Eigen::Index>& chosen,
               FewUnknowns& x) {
  const auto n = std::ssize(chosen);
  Eigen::Matrix<double, few, few> l;
  x.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    double right = b(chosen[i]);
    for (Eigen::Index j = 0; j <= i; ++j) {
      double sum = A(chosen[i], chosen[j]);
      for (Eigen::Index k = 0; k < j; ++k) sum -= l(k, i) * l(k, j);
      if (j < i) {
        l(j, i) = sum * l(j, j);  // of the diagonal the inverse is kept
        right -= l(j, i) * x(j);
      } else if (sum > 0.0) {
        l(i, i) = 1.0 / std::sqrt(sum);
      } else {
        return false;
      }
    }
    x(i) = right * l(i, i);
  }
  for (Eigen::Index i = n - 1; i >= 0; --i) {
    for (Eigen::Index k = i + 1; k < n; ++k) x(i) -= l(i, k) * x(k);
    x(i) *= l(i, i);
  }
  return true;
}

/// The same for any number of unknowns. @throws NumericalError where A is not positive definite
Eigen::VectorXd solve_chosen(const Eigen::MatrixXd& A, const Eigen::VectorXd& b,
                             const std::vector<Eigen::Index>& chosen) {
  if (std::ssize(chosen) <= few) {
    FewUnknowns x;
    if (!solve_few(A, b, chosen, x)) fail("a matrix that is not");
    return x;
  }
  const Eigen::LLT<Eigen::MatrixXd> factor(A(chosen, chosen));
  if (factor.info() != Eigen::Success) fail("a matrix that is not");
  return factor.solve(b(chosen));
}

class DualActiveSet {
 public:
  DualActiveSet(const Eigen::MatrixXd& G, const Eigen::VectorXd& g, const LinearRows& rows)
      : rows_(rows), factor_(G), scale_(rows.a.rows()), active_flag_(rows.a.rows(), false) {
    if (factor_.info() != Eigen::Success) fail("a matrix that is not");
    x_ = -factor_.solve(g);
    for (Eigen::Index i = 0; i < scale_.size(); ++i) {
      const double length = rows_.a.row(i).norm();
      scale_(i) = length > 0.0 ? 1.0 / length : 1.0;
    }
  }

  QuadraticSolution solve() {
    const Eigen::Index most = 50 * (rows_.a.rows() + x_.size() + 1);
    for (Eigen::Index step = 0; step < most; ++step) {
      const Eigen::Index entering = most_violated();
      if (entering < 0) return finish();
      if (!add(entering)) return {false, x_, {}, clash_};
    }
    fail("a cycle of active sets");
  }

 private:
  [[nodiscard]] double slack(Eigen::Index i) const { return scale_(i) * (rows_.a.row(i).dot(x_) - rows_.b(i)); }

  /// Equalities first, then the inequality furthest outside; −1 when all hold.
  [[nodiscard]] Eigen::Index most_violated() const {
    Eigen::Index worst = -1;
    double worst_slack = 0.0;
    for (Eigen::Index i = 0; i < rows_.a.rows(); ++i) {
      if (active_flag_[i]) continue;
      const double tolerance = violation_tolerance * (1.0 + scale_(i) * std::abs(rows_.b(i)));
      const double s = slack(i);
      if (i < rows_.equalities && std::abs(s) > tolerance) return i;
      if (s < -tolerance && s < worst_slack) {
        worst = i;
        worst_slack = s;
      }
    }
    return worst;
  }

  /// Step directions for a new normal: z in x (zero when the normal depends on the active ones), r in the multipliers.
  struct Directions {
    Eigen::VectorXd z;
    Eigen::VectorXd r;
    double z_normal = 0.0;
  };
  [[nodiscard]] Directions directions(const Eigen::VectorXd& normal) const {
    const auto count = static_cast<Eigen::Index>(active_.size());
    Directions result;
    Eigen::VectorXd whitened = factor_.matrixL().solve(normal);
    Eigen::VectorXd rest = whitened;
    if (count > 0) {
      Eigen::MatrixXd active_normals(x_.size(), count);
      for (Eigen::Index k = 0; k < count; ++k)
        active_normals.col(k) = sign_[k] * scale_(active_[k]) * rows_.a.row(active_[k]);
      factor_.matrixL().solveInPlace(active_normals);
      const Eigen::HouseholderQR<Eigen::MatrixXd> qr(active_normals);
      Eigen::VectorXd rotated = qr.householderQ().adjoint() * whitened;
      result.r = qr.matrixQR().topRows(count).triangularView<Eigen::Upper>().solve(rotated.head(count));
      rotated.head(count).setZero();
      rest = qr.householderQ() * rotated;
    }
    const double kept = rest.norm();
    if (kept > dependence_tolerance * whitened.norm()) {
      result.z = factor_.matrixU().solve(rest);
      result.z_normal = kept * kept;
    }
    return result;
  }

  /// Adds one row to the active set, dropping what blocks it; false when the rows contradict each other.
  bool add(Eigen::Index entering) {
    const double sign = slack(entering) > 0.0 ? -1.0 : 1.0;  // an equality overshot from above enters mirrored
    const Eigen::VectorXd normal = sign * scale_(entering) * rows_.a.row(entering).transpose();
    double multiplier = 0.0;
    while (true) {
      const Directions direction = directions(normal);
      double dual_step = infinity;
      Eigen::Index blocking = -1;
      for (Eigen::Index k = 0; k < direction.r.size(); ++k) {
        if (active_[k] < rows_.equalities || direction.r(k) <= 0.0) continue;
        if (const double ratio = u_[k] / direction.r(k); ratio < dual_step) {
          dual_step = ratio;
          blocking = k;
        }
      }
      const bool moves = direction.z.size() > 0;
      const double primal_step = moves ? -sign * slack(entering) / direction.z_normal : infinity;
      const double step = std::min(dual_step, primal_step);
      if (!std::isfinite(step)) {
        record_clash(entering, direction.r);
        return false;
      }
      if (moves) x_ += step * direction.z;
      for (Eigen::Index k = 0; k < direction.r.size(); ++k) u_[k] -= step * direction.r(k);
      multiplier += step;
      if (primal_step <= dual_step) {
        active_.push_back(entering);
        sign_.push_back(sign);
        u_.push_back(multiplier);
        active_flag_[entering] = true;
        return true;
      }
      drop(blocking);
    }
  }

  void drop(Eigen::Index k) {
    active_flag_[active_[k]] = false;
    active_.erase(active_.begin() + k);
    sign_.erase(sign_.begin() + k);
    u_.erase(u_.begin() + k);
  }

  void record_clash(Eigen::Index entering, const Eigen::VectorXd& r) {
    clash_ = {entering};
    for (Eigen::Index k = 0; k < r.size(); ++k) {
      if (std::abs(r(k)) > dependence_tolerance) clash_.push_back(active_[k]);
    }
  }

  [[nodiscard]] QuadraticSolution finish() const {
    // A row that nothing compares with is kept by no comparison either: what overflowed is no answer.
    if (!x_.allFinite()) return {false, x_, {}, {}};
    QuadraticSolution solution{true, x_, Eigen::VectorXd::Zero(rows_.a.rows()), {}};
    for (std::size_t k = 0; k < active_.size(); ++k) {
      solution.multipliers(active_[k]) = sign_[k] * u_[k] * scale_(active_[k]);
    }
    return solution;
  }

  const LinearRows& rows_;
  Eigen::LLT<Eigen::MatrixXd> factor_;
  Eigen::VectorXd scale_;
  std::vector<bool> active_flag_;
  Eigen::VectorXd x_;
  std::vector<Eigen::Index> active_;
  std::vector<double> sign_;
  std::vector<double> u_;
  std::vector<Eigen::Index> clash_;
};

}  // namespace

QuadraticSolution solve_quadratic(const Eigen::MatrixXd& G, const Eigen::VectorXd& g, const LinearRows& rows) {
  return DualActiveSet(G, g, rows).solve();
}

Eigen::VectorXd solve_box_quadratic(const Eigen::MatrixXd& G, const Eigen::VectorXd& g, const Eigen::VectorXd& low,
                                    const Eigen::VectorXd& high) {
  const Eigen::Index d = g.size();
  Eigen::VectorXd x = Eigen::VectorXd::Zero(d);
  std::vector<bool> held(static_cast<std::size_t>(d), false);
  for (Eigen::Index i = 0; i < d; ++i) held[i] = (low(i) == 0.0 && g(i) > 0.0) || (high(i) == 0.0 && g(i) < 0.0);
  Eigen::VectorXd slope = g;
  std::vector<Eigen::Index> free;
  free.reserve(static_cast<std::size_t>(d));
  for (Eigen::Index round = 0; round < 50 * (d + 1); ++round) {
    free.clear();
    for (Eigen::Index i = 0; i < d; ++i) {
      if (!held[i]) free.push_back(i);
    }
    const Eigen::VectorXd step = -solve_chosen(G, slope, free);
    double length = 1.0;
    Eigen::Index blocking = -1;
    double bound = 0.0;
    for (std::size_t k = 0; k < free.size(); ++k) {
      const double move = step(static_cast<Eigen::Index>(k));
      const double nearest = move < 0.0 ? low(free[k]) : high(free[k]);
      if (std::abs(move) * length > std::abs(nearest - x(free[k]))) {
        length = (nearest - x(free[k])) / move;
        blocking = free[k];
        bound = nearest;
      }
    }
    x(free) += length * step;
    slope = g + G * x;
    if (blocking >= 0) {
      x(blocking) = bound;
      held[blocking] = true;
      continue;
    }
    Eigen::Index leaving = -1;  // the bound whose slope points inside most
    double most = 1e-12 * (1.0 + g.cwiseAbs().maxCoeff());
    for (Eigen::Index i = 0; i < d; ++i) {
      const double inward = x(i) == low(i) ? -slope(i) : slope(i);
      if (!held[i] || low(i) == high(i) || inward <= most) continue;
      most = inward;
      leaving = i;
    }
    if (leaving < 0) return x;
    held[leaving] = false;
  }
  fail("a cycle of active sets");
}

}  // namespace luban::recommend::detail
