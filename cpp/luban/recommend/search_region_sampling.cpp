// The half of SearchRegion that makes points: projection, sampling, discrete combinations.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/QR>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/feasible_set.hpp>
#include <luban/recommend/detail/quadratic_program.hpp>
#include <luban/recommend/detail/restore.hpp>
#include <luban/recommend/search_region.hpp>
#include <luban/recommend/sobol.hpp>

namespace luban::recommend {
namespace {

constexpr Eigen::Index most_draws_per_point = 32;  ///< Sobol points tried for each one kept before walking instead

/// One hit-and-run step along `direction`: uniform on the chord that bounds and inequality rows leave.
void walk(Eigen::VectorXd& x, const Eigen::VectorXd& direction, const detail::FeasibleSet& set,
          core::Generator& generator) {
  double from = -std::numeric_limits<double>::infinity();
  double to = std::numeric_limits<double>::infinity();
  const auto cut = [&](double slope, double room) {  // slope · t ≥ −room, room ≥ 0
    const double kept = std::max(room, 0.0);
    if (slope > 0.0) from = std::max(from, -kept / slope);
    if (slope < 0.0) to = std::min(to, -kept / slope);
  };
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    cut(direction(j), x(j) - set.low(j));
    cut(-direction(j), set.high(j) - x(j));
  }
  for (Eigen::Index i = set.rows.equalities; i < set.rows.a.rows(); ++i) {
    cut(set.rows.a.row(i).dot(direction), set.rows.a.row(i).dot(x) - set.rows.b(i));
  }
  if (to > from) x += (from + generator.uniform() * (to - from)) * direction;
}

/// Orthonormal directions that keep the equality rows; columns of the result.
Eigen::MatrixXd equality_null_space(const detail::LinearRows& rows, Eigen::Index d) {
  if (rows.equalities == 0) return Eigen::MatrixXd::Identity(d, d);
  const Eigen::MatrixXd transposed = rows.a.topRows(rows.equalities).transpose();
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(transposed);
  const Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(d, d);
  return q.rightCols(d - qr.rank());
}

}  // namespace

namespace detail {

Eigen::VectorXd from_unit(const SearchRegion& region, const Eigen::VectorXd& base, const Eigen::VectorXd& unit) {
  Eigen::VectorXd x = base;
  Eigen::Index k = 0;
  for (const Eigen::Index column : region.continuous()) {
    x(column) = region.low(column) + unit(k++) * (region.high(column) - region.low(column));
  }
  for (const Eigen::Index column : region.discrete()) {
    const std::vector<double>& levels = region.levels(column);
    const auto count = static_cast<double>(levels.size());
    x(column) = levels[static_cast<std::size_t>(std::min(std::floor(unit(k++) * count), count - 1.0))];
  }
  return x;
}

FeasibleSet continuous_set(const SearchRegion& region, const Eigen::VectorXd& x) {
  const std::vector<Eigen::Index>& columns = region.continuous();
  const auto d = static_cast<Eigen::Index>(columns.size());
  FeasibleSet set{Eigen::VectorXd(d), Eigen::VectorXd(d), {}};
  set.rows.a = region.relation_rows()(Eigen::all, columns);
  set.rows.equalities = region.equalities();
  Eigen::VectorXd others = x;
  for (Eigen::Index k = 0; k < d; ++k) {
    set.low(k) = region.low(columns[k]);
    set.high(k) = region.high(columns[k]);
    others(columns[k]) = 0.0;
  }
  set.rows.b = region.relation_bounds() - region.relation_rows() * others;
  return set;
}

std::vector<Eigen::VectorXd> neighbours(const SearchRegion& region, const Eigen::VectorXd& x) {
  std::vector<Eigen::VectorXd> result;
  for (const Eigen::Index column : region.discrete()) {
    const std::vector<double>& levels = region.levels(column);
    const bool named = region.encoder().variables()[column].kind == process::VariableKind::categorical;
    const auto here = std::lower_bound(levels.begin(), levels.end(), x(column) - 1e-9) - levels.begin();
    for (std::ptrdiff_t k = 0; k < std::ssize(levels); ++k) {
      if (k == here || (!named && std::abs(k - here) > 1)) continue;
      Eigen::VectorXd next = x;
      next(column) = levels[k];
      if (region.project(next)) result.push_back(std::move(next));
    }
  }
  return result;
}

}  // namespace detail

std::int64_t SearchRegion::combination_count(std::int64_t most) const noexcept {
  std::int64_t count = 1;
  for (const Eigen::Index column : discrete_) {
    count *= static_cast<std::int64_t>(levels_[column].size());
    if (count >= most) return most;
  }
  return count;
}

void SearchRegion::restrict_to(Eigen::Index column, double value) {
  fixed_(column) = low_(column) = high_(column) = value;
  levels_[column].clear();
  std::erase(discrete_, column);
}

std::vector<SearchRegion> SearchRegion::combinations() const {
  std::vector<SearchRegion> regions{*this};
  for (const Eigen::Index column : discrete_) {
    std::vector<SearchRegion> next;
    for (const SearchRegion& region : regions) {
      for (const double level : levels_[column]) {
        next.push_back(region);
        next.back().restrict_to(column, level);
      }
    }
    regions = std::move(next);
  }
  const auto unreachable = [](const SearchRegion& region) { return !region.reachable(); };
  // Where nothing keeps the nonlinear relations, every combination may come nearest to it.
  if (signomials_ != nullptr && std::all_of(regions.begin(), regions.end(), unreachable)) return regions;
  std::erase_if(regions, unreachable);
  return regions;
}

bool SearchRegion::contains(const Eigen::VectorXd& x, double slack) const {
  for (const Eigen::Index column : parameters_) {
    if (x(column) < low_(column) - slack || x(column) > high_(column) + slack) return false;
    const std::vector<double>& levels = levels_[column];
    if (!levels.empty() && std::none_of(levels.begin(), levels.end(),
                                        [&](double level) { return std::abs(level - x(column)) <= slack; })) {
      return false;
    }
  }
  for (Eigen::Index i = 0; i < relations_.rows(); ++i) {
    const double room = relations_.row(i).dot(x) - relation_bounds_(i);
    const double allowed = slack * std::max(relations_.row(i).cwiseAbs().sum(), 1e-300);
    if (room < -allowed || (i < equalities_ && room > allowed)) return false;
  }
  return signomials_ == nullptr || signomials_->violation(x) <= detail::SignomialSet::tolerance;
}

bool SearchRegion::project(Eigen::VectorXd& x) const {
  const detail::FeasibleSet set = detail::continuous_set(*this, x);
  const Eigen::Index d = set.low.size();
  if (d == 0) return contains(x);
  detail::LinearRows rows;
  const Eigen::Index relations = set.rows.a.rows();
  rows.equalities = set.rows.equalities;
  rows.a = Eigen::MatrixXd::Zero(relations + 2 * d, d);
  rows.a.topRows(relations) = set.rows.a;
  rows.a.middleRows(relations, d).setIdentity();
  rows.a.bottomRows(d) = -Eigen::MatrixXd::Identity(d, d);
  rows.b.resize(relations + 2 * d);
  rows.b << set.rows.b, set.low, -set.high;
  const Eigen::VectorXd wanted = x(continuous_);
  const detail::QuadraticSolution solution = detail::solve_quadratic(Eigen::MatrixXd::Identity(d, d), -wanted, rows);
  if (!solution.feasible) return false;
  x(continuous_) = solution.x.cwiseMax(set.low).cwiseMin(set.high);
  return signomials_ == nullptr || detail::restore(*signomials_, set, continuous_, x);
}

Eigen::MatrixXd SearchRegion::sample(Eigen::Index count, core::RandomKey key) const {
  Eigen::MatrixXd rows(count, p());
  const auto free = static_cast<int>(continuous_.size() + discrete_.size());
  if (free == 0) return rows.rowwise() = fixed_.transpose(), rows;
  if (signomials_ != nullptr) return sample_signomials(count, key);
  const Sobol sobol(free, key.child("sobol"));
  Eigen::Index kept = 0;
  Eigen::Index drawn = 0;
  const Eigen::Index most = relations_.rows() == 0 ? count : most_draws_per_point * count;
  while (equalities_ == 0 && kept < count && drawn < most) {
    const Eigen::MatrixXd unit = sobol.points(static_cast<std::uint32_t>(drawn), std::min(count, most - drawn));
    drawn += unit.rows();
    for (Eigen::Index i = 0; i < unit.rows() && kept < count; ++i) {
      const Eigen::VectorXd x = detail::from_unit(*this, fixed_, unit.row(i).transpose());
      if (relations_.rows() == 0 || contains(x, 0.0)) rows.row(kept++) = x.transpose();
    }
  }
  if (kept < count) fill_by_walking(rows, kept, key.child("walk"));
  return rows;
}

void SearchRegion::fill_by_walking(Eigen::MatrixXd& rows, Eigen::Index from, core::RandomKey key) const {
  const Sobol sobol(static_cast<int>(continuous_.size() + discrete_.size()), key.child("start"));
  core::Generator generator = key.child("steps").generator();
  const auto d = static_cast<Eigen::Index>(continuous_.size());
  // Within one combination the walk starts from a mean of projections, a point of the relative interior.
  Eigen::VectorXd x = fixed_;
  std::uint32_t next = 0;
  const auto start = [&] {
    Eigen::VectorXd mean = Eigen::VectorXd::Zero(d);
    const Eigen::Index points = 4 * d + 8;
    for (Eigen::Index k = 0; k < points; ++k) {
      Eigen::VectorXd y = detail::from_unit(*this, fixed_, sobol.points(next++, 1).row(0).transpose());
      for (const Eigen::Index column : discrete_) y(column) = x(column);
      static_cast<void>(project(y));  // feasible: x has just been projected with the same discrete values
      mean += y(continuous_) / static_cast<double>(points);
    }
    x(continuous_) = mean;
  };
  const Eigen::Index steps = 10 + 5 * d;
  int failures = 0;
  for (Eigen::Index i = from; i < rows.rows();) {
    if (i == from || !discrete_.empty()) {
      x = detail::from_unit(*this, fixed_, sobol.points(next++, 1).row(0).transpose());
      if (!project(x)) {
        if (++failures > 2000) {
          throw core::InfeasibleError({.where = "recommend.search_region",
                                       .expected = "settings that keep every constraint",
                                       .received = "none among 2000 combinations of whole numbers and categories",
                                       .place = {},
                                       .hint = "relax a constraint that involves whole-number parameters"});
        }
        continue;
      }
      start();
    }
    const detail::FeasibleSet set = detail::continuous_set(*this, x);
    const Eigen::MatrixXd basis = equality_null_space(set.rows, d);
    Eigen::VectorXd inner = x(continuous_);
    for (Eigen::Index step = 0; step < steps && basis.cols() > 0; ++step) {
      Eigen::VectorXd weights(basis.cols());
      for (double& weight : weights) weight = generator.normal();
      walk(inner, basis * weights, set, generator);
    }
    x(continuous_) = inner;
    static_cast<void>(project(x));  // takes rounding of the equalities back
    rows.row(i++) = x.transpose();
  }
}

}  // namespace luban::recommend
