#include <luban/recommend/joint_search.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/recommend/detail/feasible_set.hpp>
#include <luban/recommend/detail/sequential_quadratic.hpp>

namespace luban::recommend {
namespace {

using detail::constraint_margin;
using detail::most_neighbour_rounds;
constexpr Eigen::Index sets_per_task = 16;  ///< fixed, so threads change nothing

void check(const JointSearchOptions& options) {
  const bool sound = options.raw_sets >= 16 && options.raw_sets <= 1'000'000 && options.restarts >= 1 &&
                     options.restarts <= 1000 && options.max_iterations >= 1 && options.boltzmann >= 0.0;
  if (sound) return;
  throw core::ConfigurationError({.where = "recommend.joint_search",
                                  .expected = "raw_sets 16 … 1e6, restarts 1 … 1000, max_iterations ≥ 1, boltzmann ≥ 0",
                                  .received = "a value outside",
                                  .place = {},
                                  .hint = {}});
}

double violation_of(const Eigen::MatrixXd& constraints) {
  return constraints.size() == 0 ? 0.0 : std::max(0.0, constraints.maxCoeff());
}

/// Admissible before inadmissible, then by value or by violation. NaN is worse than anything.
bool better(const JointSearchResult& a, const JointSearchResult& b) {
  if (b.X.size() == 0 || std::isnan(b.value)) return a.X.size() > 0 && !std::isnan(a.value);
  if (a.X.size() == 0 || std::isnan(a.value)) return false;
  if (a.admissible() != b.admissible()) return a.admissible();
  return a.admissible() ? a.value > b.value : a.violation < b.violation;
}

JointSearchResult judge(const JointLandscape& landscape, const Eigen::MatrixXd& X) {
  const JointLandscape::Value at = landscape.evaluate(X, false);
  return {X, at.value, violation_of(at.constraints), 1};
}

/// Bounds and relations of the continuous coordinates of all points, one block of coordinates for each point.
detail::FeasibleSet joint_set(const SearchRegion& region, const Eigen::MatrixXd& X) {
  const auto d = static_cast<Eigen::Index>(region.continuous().size());
  const Eigen::Index q = X.rows();
  const Eigen::Index rows = region.relation_rows().rows();
  const Eigen::Index equal = region.equalities();
  detail::FeasibleSet out{Eigen::VectorXd(q * d), Eigen::VectorXd(q * d), {}};
  out.rows.a = Eigen::MatrixXd::Zero(q * rows, q * d);
  out.rows.b.resize(q * rows);
  out.rows.equalities = q * equal;
  for (Eigen::Index i = 0; i < q; ++i) {
    const detail::FeasibleSet own = detail::continuous_set(region, X.row(i).transpose());
    out.low.segment(i * d, d) = own.low;
    out.high.segment(i * d, d) = own.high;
    // Equalities of every point stand first, then the inequalities of every point.
    out.rows.a.block(i * equal, i * d, equal, d) = own.rows.a.topRows(equal);
    out.rows.b.segment(i * equal, equal) = own.rows.b.head(equal);
    const Eigen::Index more = rows - equal;
    out.rows.a.block(q * equal + i * more, i * d, more, d) = own.rows.a.bottomRows(more);
    out.rows.b.segment(q * equal + i * more, more) = own.rows.b.tail(more);
  }
  return out;
}

detail::SmoothValue smooth_value(const JointLandscape::Value& at, const std::vector<Eigen::Index>& columns) {
  const auto d = static_cast<Eigen::Index>(columns.size());
  const Eigen::Index q = at.gradient.rows();
  const Eigen::Index k = at.constraints.cols();
  detail::SmoothValue out;
  out.value = -at.value;
  out.gradient.resize(q * d);
  out.constraints.resize(q * k);
  out.jacobian = Eigen::MatrixXd::Zero(q * k, q * d);
  for (Eigen::Index i = 0; i < q; ++i) {
    out.gradient.segment(i * d, d) = -at.gradient.row(i)(columns).transpose();
    for (Eigen::Index c = 0; c < k; ++c) {
      out.constraints(i * k + c) = at.constraints(i, c) + constraint_margin;
      out.jacobian.row(i * k + c).segment(i * d, d) = at.jacobians[static_cast<std::size_t>(c)].row(i)(columns);
    }
  }
  return out;
}

/// Quasi-Newton search over the continuous coordinates, the others as in the start.
JointSearchResult climb(const SearchRegion& region, const JointLandscape& landscape, const Eigen::MatrixXd& start,
                        int max_iterations) {
  const std::vector<Eigen::Index>& columns = region.continuous();
  if (columns.empty()) return judge(landscape, start);
  const auto d = static_cast<Eigen::Index>(columns.size());
  Eigen::MatrixXd X = start;
  const auto put = [&](const Eigen::VectorXd& inner) {
    for (Eigen::Index i = 0; i < X.rows(); ++i) X.row(i)(columns) = inner.segment(i * d, d).transpose();
  };
  Eigen::VectorXd from(X.rows() * d);
  for (Eigen::Index i = 0; i < X.rows(); ++i) from.segment(i * d, d) = X.row(i)(columns).transpose();
  const auto function = [&](const Eigen::VectorXd& inner) {
    put(inner);
    return smooth_value(landscape.evaluate(X, true), columns);
  };
  detail::SequentialOptions options;
  options.max_iterations = max_iterations;
  options.constraint_tolerance = 0.5 * constraint_margin;
  const detail::SequentialResult found = detail::minimise_sequential(function, joint_set(region, start), from, options);
  put(found.x);
  const double violation = found.violation <= constraint_margin ? 0.0 : found.violation - constraint_margin;
  return {X, -found.value, violation, found.evaluations};
}

/// One step of one point.
std::vector<Eigen::MatrixXd> neighbours(const SearchRegion& region, const Eigen::MatrixXd& X) {
  std::vector<Eigen::MatrixXd> result;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    for (const Eigen::VectorXd& next : detail::neighbours(region, X.row(i).transpose())) {
      result.push_back(X);
      result.back().row(i) = next.transpose();
    }
  }
  return result;
}

/// Alternates climbing with the best neighbouring set until neither helps.
JointSearchResult climb_mixed(const SearchRegion& region, const JointLandscape& landscape, const Eigen::MatrixXd& start,
                              int max_iterations) {
  JointSearchResult best = climb(region, landscape, start, max_iterations);
  if (region.discrete().empty()) return best;
  for (int round = 0; round < most_neighbour_rounds; ++round) {
    JointSearchResult step;
    int evaluations = 0;
    for (const Eigen::MatrixXd& X : neighbours(region, best.X)) {
      JointSearchResult found = judge(landscape, X);
      ++evaluations;
      if (better(found, step)) step = std::move(found);
    }
    if (step.X.size() == 0) break;
    JointSearchResult polished = climb(region, landscape, step.X, max_iterations);
    evaluations += polished.evaluations;
    const bool improves = better(polished, best);
    if (improves) {
      polished.evaluations = best.evaluations;
      best = std::move(polished);
    }
    best.evaluations += evaluations;
    if (!improves) break;
  }
  return best;
}

/// Which raw sets to climb from: the best one, then admissible ones drawn without replacement with Boltzmann weights
/// (largest value + Gumbel noise), then those that break the constraints least.
std::vector<std::size_t> choose_starts(const std::vector<JointSearchResult>& raw, const JointSearchOptions& options,
                                       core::RandomKey key) {
  std::vector<std::size_t> usable;
  double mean = 0.0;
  double count = 0.0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!std::isfinite(raw[i].value)) continue;
    usable.push_back(i);
    if (!raw[i].admissible()) continue;
    mean += raw[i].value;
    count += 1.0;
  }
  mean /= std::max(count, 1.0);
  double spread = 0.0;
  for (const std::size_t i : usable) {
    if (raw[i].admissible()) spread += (raw[i].value - mean) * (raw[i].value - mean) / count;
  }
  spread = std::sqrt(std::max(spread, 1e-300));
  core::Generator generator = key.generator();
  std::vector<double> priority(raw.size(), 0.0);
  std::size_t best = raw.size();
  for (const std::size_t i : usable) {
    const double gumbel = -std::log(-std::log(std::clamp(generator.uniform(), 1e-300, 1.0 - 1e-16)));
    priority[i] = raw[i].admissible() ? options.boltzmann * (raw[i].value - mean) / spread + gumbel : -raw[i].violation;
    if (best == raw.size() || better(raw[i], raw[best])) best = i;
  }
  if (best < raw.size()) priority[best] = std::numeric_limits<double>::infinity();
  std::stable_sort(usable.begin(), usable.end(), [&](std::size_t a, std::size_t b) {
    if (raw[a].admissible() != raw[b].admissible()) return raw[a].admissible();
    return priority[a] > priority[b];
  });
  usable.resize(std::min(usable.size(), static_cast<std::size_t>(options.restarts)));
  return usable;
}

std::vector<JointSearchResult> judge_raw(const SearchRegion& region, const JointLandscape& landscape,
                                         const JointSearchOptions& options, core::RandomKey key,
                                         const core::CallControl& control) {
  const Eigen::Index q = landscape.q();
  const Eigen::MatrixXd points = region.sample(options.raw_sets * q, key);
  std::vector<JointSearchResult> raw(static_cast<std::size_t>(options.raw_sets));
  const Eigen::Index tasks = (options.raw_sets + sets_per_task - 1) / sets_per_task;
  parallel::for_each_index(
      static_cast<std::size_t>(tasks),
      [&](std::size_t task) {
        const Eigen::Index first = static_cast<Eigen::Index>(task) * sets_per_task;
        const Eigen::Index end = std::min<Eigen::Index>(first + sets_per_task, options.raw_sets);
        for (Eigen::Index i = first; i < end; ++i) {
          raw[static_cast<std::size_t>(i)] = judge(landscape, points.middleRows(i * q, q));
        }
      },
      options.threads, control);
  return raw;
}

/// The start with every point projected onto the region; false when a point cannot be.
bool project(const SearchRegion& region, Eigen::MatrixXd& X) {
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    Eigen::VectorXd x = X.row(i).transpose();
    if (!region.project(x) || !region.contains(x)) return false;
    X.row(i) = x.transpose();
  }
  return true;
}

JointSearchResult climb_all(const SearchRegion& region, const JointLandscape& landscape,
                            const std::vector<Eigen::MatrixXd>& starts, const JointSearchOptions& options,
                            const core::CallControl& control) {
  std::vector<JointSearchResult> found(starts.size());
  parallel::for_each_index(
      starts.size(),
      [&](std::size_t i) { found[i] = climb_mixed(region, landscape, starts[i], options.max_iterations); },
      options.threads, control);
  JointSearchResult best;
  int evaluations = 0;
  for (JointSearchResult& result : found) {
    evaluations += result.evaluations;
    if (better(result, best)) best = std::move(result);
  }
  best.evaluations = evaluations;
  return best;
}

}  // namespace

JointSearchResult joint_search(const SearchRegion& region, const JointLandscape& landscape,
                               const std::vector<Eigen::MatrixXd>& starts, const JointSearchOptions& options,
                               core::RandomKey key, const core::CallControl& control) {
  check(options);
  const std::vector<JointSearchResult> raw = judge_raw(region, landscape, options, key.child("samples"), control);
  std::vector<Eigen::MatrixXd> from;
  for (const std::size_t i : choose_starts(raw, options, key.child("starts"))) from.push_back(raw[i].X);
  for (const Eigen::MatrixXd& start : starts) {
    if (start.rows() != landscape.q() || start.cols() != region.p()) {
      throw core::DataError({.where = "recommend.joint_search",
                             .expected = "starts of " + std::to_string(landscape.q()) + " points",
                             .received = std::to_string(start.rows()) + " × " + std::to_string(start.cols()),
                             .place = {},
                             .hint = {}});
    }
    Eigen::MatrixXd X = start;
    if (project(region, X)) from.push_back(std::move(X));
  }
  JointSearchResult best = climb_all(region, landscape, from, options, control);
  best.evaluations += options.raw_sets;
  if (best.X.size() == 0) {
    throw core::NumericalError({.where = "recommend.joint_search",
                                .expected = "at least one set with a finite value",
                                .received = "none among " + std::to_string(best.evaluations),
                                .place = {},
                                .hint = "the surrogate gives no finite prediction in this region"});
  }
  return best;
}

JointSearchResult sequential_joint_search(const SearchRegion& region, const MakeJointLandscape& make, Eigen::Index q,
                                          const JointSearchOptions& options, bool polish, core::RandomKey key,
                                          const core::CallControl& control) {
  check(options);
  Eigen::MatrixXd chosen(0, region.p());
  int evaluations = 0;
  for (Eigen::Index i = 0; i < q; ++i) {
    control.report({"propose", i + 1, q});
    const std::unique_ptr<JointLandscape> landscape = make(chosen, 1);
    const JointSearchResult one =
        joint_search(region, *landscape, {}, options, key.child(static_cast<std::uint64_t>(i)), control);
    evaluations += one.evaluations;
    chosen.conservativeResize(i + 1, region.p());
    chosen.row(i) = one.X.row(0);
  }
  const std::unique_ptr<JointLandscape> whole = make(Eigen::MatrixXd(0, region.p()), q);
  JointSearchResult best = judge(*whole, chosen);
  if (polish) {
    JointSearchResult polished = climb_mixed(region, *whole, chosen, options.max_iterations);
    best.evaluations += polished.evaluations;
    if (better(polished, best)) {
      polished.evaluations = best.evaluations;
      best = std::move(polished);
    }
  }
  best.evaluations += evaluations;
  return best;
}

}  // namespace luban::recommend
