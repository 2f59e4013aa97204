// The part of SearchRegion that brings points onto nonlinear relations.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/feasible_set.hpp>
#include <luban/recommend/detail/restore.hpp>
#include <luban/recommend/search_region.hpp>
#include <luban/recommend/sobol.hpp>

namespace luban::recommend {
namespace {

constexpr Eigen::Index most_draws_per_point =
    32;                                          ///< Sobol points tried for each one that keeps the relations as it is
constexpr int most_failures = 100;               ///< in a row, of points that could not be brought onto them
constexpr Eigen::Index combination_starts = 16;  ///< from which a combination of discrete columns is judged
constexpr int most_level_steps = 20;
constexpr int most_walks = 8;
constexpr int most_shrinkages = 16;

/// The coded value among levels that is nearest.
double nearest_level(const std::vector<double>& levels, double value) {
  return *std::min_element(levels.begin(), levels.end(),
                           [&](double a, double b) { return std::abs(a - value) < std::abs(b - value); });
}

/// Columns that are numbers on levels and take part in a relation.
std::vector<Eigen::Index> stepped_columns(const SearchRegion& region) {
  std::vector<Eigen::Index> out;
  const std::vector<Eigen::Index>& related = region.signomials()->columns();
  for (const Eigen::Index column : region.discrete()) {
    if (std::find(related.begin(), related.end(), column) != related.end()) out.push_back(column);
  }
  return out;
}

/// Hit and run: steps in random directions, either way, each shortened until it keeps everything. Projections end on
/// the border of a set, its inside is wanted too.
void wander(const SearchRegion& region, core::Generator& generator, Eigen::VectorXd& x) {
  for (int walk = 0; walk < most_walks; ++walk) {
    Eigen::VectorXd step = Eigen::VectorXd::Zero(x.size());
    for (const Eigen::Index column : region.continuous()) {
      step(column) = (region.high(column) - region.low(column)) * generator.normal();
    }
    double back = -1.0;
    double forth = 1.0;
    for (int shrinkage = 0; shrinkage < most_shrinkages; ++shrinkage) {
      const double length = back + generator.uniform() * (forth - back);
      const Eigen::VectorXd next = x + length * step;
      if (region.contains(next, 0.0) && region.signomials()->violation(next) <= 0.0) {
        x = next;
        break;
      }
      (length < 0.0 ? back : forth) = length;
    }
  }
}

}  // namespace

SearchRegion SearchRegion::with(const std::vector<process::SignomialConstraint>& signomials) const {
  if (signomials.empty()) return *this;
  for (const process::SignomialConstraint& constraint : signomials) {
    if (const std::string name = detail::stranger_in(constraint.sum, encoder_); !name.empty()) {
      throw core::ConfigurationError({.where = "recommend.search_region",
                                      .expected = "numeric parameters in a constraint",
                                      .received = core::quoted(name),
                                      .place = constraint.text(),
                                      .hint = {}});
    }
  }
  SearchRegion out = *this;
  const Eigen::VectorXd centre = 0.5 * (low_ + high_);
  out.signomials_ = std::make_shared<const detail::SignomialSet>(encoder_, signomials, centre);
  return out;
}

/// Whether some point of this combination of discrete columns is found to keep the relations.
bool SearchRegion::reachable() const {
  Eigen::VectorXd x = fixed_;
  if (project(x)) return true;
  const auto free = static_cast<int>(continuous_.size() + discrete_.size());
  if (signomials_ == nullptr || free == 0) return false;
  const Eigen::MatrixXd unit = Sobol(free, core::RandomKey(0)).points(0, combination_starts);
  for (Eigen::Index i = 0; i < unit.rows(); ++i) {
    x = detail::from_unit(*this, fixed_, unit.row(i).transpose());
    if (project(x)) return true;
  }
  return false;
}

bool SearchRegion::settle(Eigen::VectorXd& x) const {
  if (project(x)) return true;
  if (signomials_ == nullptr) return false;
  const std::vector<Eigen::Index> stepped = stepped_columns(*this);
  if (stepped.empty()) return false;
  SearchRegion ranges = *this;  // first as if there were no levels, then level by level
  for (const Eigen::Index column : stepped) {
    ranges.levels_[column].clear();
    std::erase(ranges.discrete_, column);
    ranges.continuous_.push_back(column);
  }
  std::sort(ranges.continuous_.begin(), ranges.continuous_.end());
  Eigen::VectorXd smooth = x;
  static_cast<void>(ranges.project(smooth));
  for (const Eigen::Index column : stepped) smooth(column) = nearest_level(levels_[column], smooth(column));
  if (project(smooth)) return x = std::move(smooth), true;
  double least = signomials_->violation(smooth);
  for (int step = 0; step < most_level_steps; ++step) {
    Eigen::VectorXd best;
    for (const Eigen::Index column : stepped) {
      const std::vector<double>& levels = levels_[column];
      const auto here = std::lower_bound(levels.begin(), levels.end(), smooth(column) - 1e-9) - levels.begin();
      for (const std::ptrdiff_t next : {here - 1, here + 1}) {
        if (next < 0 || next >= std::ssize(levels)) continue;
        Eigen::VectorXd tried = smooth;
        tried(column) = levels[static_cast<std::size_t>(next)];
        if (project(tried)) return x = std::move(tried), true;
        if (const double broken = signomials_->violation(tried); broken < least) {
          least = broken;
          best = std::move(tried);
        }
      }
    }
    if (best.size() == 0) break;
    smooth = std::move(best);
  }
  if (signomials_->violation(smooth) < signomials_->violation(x)) x = std::move(smooth);
  return false;
}

Eigen::MatrixXd SearchRegion::sample_signomials(Eigen::Index count, core::RandomKey key) const {
  Eigen::MatrixXd rows(count, p());
  if (count == 0) return rows;
  const Sobol sobol(static_cast<int>(continuous_.size() + discrete_.size()), key.child("sobol"));
  const bool open = equalities_ == 0 && signomials_->equalities() == 0;
  Eigen::Index kept = 0;
  std::uint32_t drawn = 0;
  const auto draw = [&] { return detail::from_unit(*this, fixed_, sobol.points(drawn++, 1).row(0).transpose()); };
  const auto most = static_cast<std::uint32_t>(most_draws_per_point * count);
  while (open && kept < count && drawn < most) {
    const Eigen::VectorXd x = draw();
    if (contains(x, 0.0) && signomials_->violation(x) <= 0.0) rows.row(kept++) = x.transpose();
  }
  core::Generator generator = key.child("walk").generator();
  Eigen::VectorXd nearest;
  double least = std::numeric_limits<double>::infinity();
  for (int failures = 0; kept < count && failures < most_failures;) {
    Eigen::VectorXd x = draw();
    if (settle(x)) {
      if (open) wander(*this, generator, x);
      rows.row(kept++) = x.transpose();
      continue;
    }
    ++failures;
    const double broken = signomials_->violation(x);
    if (nearest.size() == 0 || broken < least) {
      least = broken;
      nearest = std::move(x);
    }
  }
  if (kept == 0) return rows.rowwise() = nearest.transpose(), rows;
  for (Eigen::Index i = kept; i < count; ++i) {  // few are found: the others have the levels of one of these
    const Eigen::VectorXd from = rows.row(static_cast<Eigen::Index>(generator.below(static_cast<std::uint64_t>(kept))));
    Eigen::VectorXd x = draw();
    for (const Eigen::Index column : discrete_) x(column) = from(column);
    if (!project(x)) x = from;
    if (open) wander(*this, generator, x);
    rows.row(i) = x.transpose();
  }
  return rows;
}

}  // namespace luban::recommend
