#include <luban/recommend/search.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/recommend/detail/feasible_set.hpp>
#include <luban/recommend/detail/lengthscales.hpp>
#include <luban/recommend/detail/related_landscape.hpp>
#include <luban/recommend/detail/sequential_quadratic.hpp>

namespace luban::recommend {
namespace {

constexpr Eigen::Index rows_per_task = 64;  ///< one block of a surrogate's products; fixed, so threads change nothing
using detail::constraint_margin;
using detail::most_neighbour_rounds;
/// Predicted gains that end a climb. Near enough to tell which is the highest top: as a share of what the best raw
/// sample is above the middle one, or of 1 + |value| if that is less. At that top: relative to 1 + |value|.
constexpr double first_tolerance = 1e-4;
constexpr double final_tolerance = 1e-10;
/// Searches whose points are evaluated together: what a surrogate's products serve at one reading of its matrix. Fixed,
/// so that threads change nothing.
constexpr std::size_t climbs_together = 20;
/// Climbs as near to each other as this, in shares of the ranges, go the same way: one of them is enough.
constexpr double met = 0.02;
/// A climb that would stay below another one's top even if it gained so many times what its next step promises is given
/// up, unless it is among the highest: what that costs shows in the benchmark's share of acquisition maxima.
constexpr double hope = 10.0;
constexpr std::size_t never_given_up = 6;

void check(const SearchOptions& options) {
  const bool sound = options.raw_samples >= 16 && options.raw_samples <= 1'000'000 && options.restarts >= 1 &&
                     options.restarts <= 1000 && options.max_iterations >= 1 && options.boltzmann >= 0.0 &&
                     options.most_combinations >= 1;
  if (!sound) {
    throw core::ConfigurationError({.where = "recommend.search",
                                    .expected = "raw_samples 16 … 1e6, restarts 1 … 1000, max_iterations ≥ 1, "
                                                "boltzmann ≥ 0, most_combinations ≥ 1",
                                    .received = "a value outside",
                                    .place = {},
                                    .hint = {}});
  }
}

double violation_of(const Landscape::Value& at, Eigen::Index row) {
  const Eigen::Index others = at.constraints.cols() - at.equalities;
  double out = others == 0 ? 0.0 : std::max(0.0, at.constraints.row(row).tail(others).maxCoeff());
  for (Eigen::Index k = 0; k < at.equalities; ++k) {
    out = std::max(out, std::abs(at.constraints(row, k)) - constraint_margin);
  }
  return out;
}

/// Admissible before inadmissible, then by value or by violation. NaN is worse than anything.
bool better(const SearchResult& a, const SearchResult& b) {
  if (b.x.size() == 0 || std::isnan(b.value)) return a.x.size() > 0 && !std::isnan(a.value);
  if (a.x.size() == 0 || std::isnan(a.value)) return false;
  if (a.admissible() != b.admissible()) return a.admissible();
  return a.admissible() ? a.value > b.value : a.violation < b.violation;
}

/// A quasi-Newton search over the continuous columns, the others as in the start.
class Climb {
 public:
  Climb(const SearchRegion& region, Eigen::VectorXd start, const SearchOptions& options, double value_tolerance)
      : region_(&region),
        columns_(&region.continuous()),
        x_(std::move(start)),
        search_(detail::continuous_set(region, x_), x_(*columns_),
                {.max_iterations = options.max_iterations,
                 .value_tolerance = value_tolerance,
                 .constraint_tolerance = 0.5 * constraint_margin,
                 .lengths = detail::lengths_of(options.lengths, *columns_)}) {}
  void tighten() {
    ended_ = false;
    search_.tighten(final_tolerance);
  }
  [[nodiscard]] bool done() const { return ended_ || search_.done(); }
  void end() { ended_ = true; }
  /// Best admissible value so far.
  [[nodiscard]] double reached() const {
    const detail::SequentialResult& found = search_.result();
    const bool keeps = found.x.size() > 0 && found.violation <= constraint_margin;
    return keeps ? -found.value : -std::numeric_limits<double>::infinity();
  }
  /// What may be hoped for at the top.
  [[nodiscard]] double outlook() const { return -search_.outlook(hope); }
  /// Whether another climb, this far away, is in the same place.
  [[nodiscard]] bool beside(const Eigen::RowVectorXd& difference, const Climb& other) const {
    if (region_ != other.region_) return false;
    for (Eigen::Index k = 0; k < difference.size(); ++k) {
      if (std::abs(difference(k)) > met * (region_->high(k) - region_->low(k))) return false;
    }
    return true;
  }
  [[nodiscard]] Eigen::VectorXd point() const { return at(search_.point()); }
  void tell(const Landscape::Value& all, Eigen::Index row) {
    detail::SmoothValue value;
    value.value = -all.value(row);
    value.gradient = -all.gradient.row(row)(*columns_).transpose();
    value.constraints = all.constraints.row(row).transpose().array() + constraint_margin;
    value.equalities = all.equalities;
    value.constraints.head(all.equalities).array() -= constraint_margin;
    value.jacobian.resize(all.constraints.cols(), value.gradient.size());
    for (Eigen::Index k = 0; k < value.jacobian.rows(); ++k) {
      value.jacobian.row(k) = all.jacobians[k].row(row)(*columns_);
    }
    search_.tell(std::move(value));
  }
  [[nodiscard]] SearchResult result() const {
    const detail::SequentialResult& found = search_.result();
    const double violation = found.violation <= constraint_margin ? 0.0 : found.violation - constraint_margin;
    return {at(found.x), -found.value, violation, found.evaluations};
  }

 private:
  [[nodiscard]] Eigen::VectorXd at(const Eigen::VectorXd& inner) const {
    Eigen::VectorXd out = x_;
    out(*columns_) = inner;
    return out;
  }
  const SearchRegion* region_;
  const std::vector<Eigen::Index>* columns_;
  Eigen::VectorXd x_;
  detail::SequentialSearch search_;
  bool ended_ = false;  ///< another climb goes the same way
};

/// Of climbs that have met, ends the worse ones. @param X (k, p) where they are.
void end_followers(const std::vector<Climb*>& going, const Eigen::MatrixXd& X, const Landscape::Value& at) {
  const auto judged = [&](Eigen::Index row) -> SearchResult {
    return {X.row(row).transpose(), at.value(row), violation_of(at, row), 1};
  };
  for (std::size_t i = 0; i < going.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto a = static_cast<Eigen::Index>(i);
      const auto b = static_cast<Eigen::Index>(j);
      if (going[i]->done() || going[j]->done() || !going[i]->beside(X.row(a) - X.row(b), *going[j])) continue;
      going[better(judged(a), judged(b)) ? j : i]->end();
    }
  }
}

/// Ends climbs that cannot hope to get as high as another one is.
void end_hopeless(std::vector<Climb>& climbs) {
  std::vector<double> heights;
  for (const Climb& climb : climbs) heights.push_back(climb.reached());
  if (heights.size() <= never_given_up) return;
  std::partial_sort(heights.begin(), heights.begin() + never_given_up + 1, heights.end(), std::greater<>());
  for (Climb& climb : climbs) {
    if (!climb.done() && climb.reached() <= heights[never_given_up] && climb.outlook() < heights.front()) climb.end();
  }
}

/// Drives searches side by side, each by its own curvature, all points of a round in one evaluation.
void climb_together(const Landscape& landscape, std::vector<Climb>& climbs, const core::CallControl& control) {
  std::vector<Climb*> going;
  while (true) {
    control.check("recommend.search");
    going.clear();
    for (Climb& climb : climbs) {
      if (!climb.done()) going.push_back(&climb);
    }
    if (going.empty()) break;
    Eigen::MatrixXd X(static_cast<Eigen::Index>(going.size()), going.front()->point().size());
    for (std::size_t i = 0; i < going.size(); ++i) X.row(static_cast<Eigen::Index>(i)) = going[i]->point().transpose();
    const Landscape::Value at = landscape.evaluate(X, true);
    for (std::size_t i = 0; i < going.size(); ++i) going[i]->tell(at, static_cast<Eigen::Index>(i));
    end_followers(going, X, at);
    end_hopeless(climbs);
  }
}

SearchResult climb(const SearchRegion& region, const Landscape& landscape, const Eigen::VectorXd& start,
                   const SearchOptions& options, const core::CallControl& control) {
  std::vector<Climb> one;
  one.emplace_back(region, start, options, final_tolerance);
  climb_together(landscape, one, control);
  return one.front().result();
}

/// The best of some points; nothing of none.
SearchResult best_of(const Landscape& landscape, const std::vector<Eigen::VectorXd>& points) {
  SearchResult best;
  if (points.empty()) return best;
  Eigen::MatrixXd X(static_cast<Eigen::Index>(points.size()), points.front().size());
  for (Eigen::Index i = 0; i < X.rows(); ++i) X.row(i) = points[static_cast<std::size_t>(i)].transpose();
  const Landscape::Value at = landscape.evaluate(X, false);
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    SearchResult one{X.row(i).transpose(), at.value(i), violation_of(at, i), 1};
    if (better(one, best)) best = std::move(one);
  }
  return best;
}

/// Alternates climbing with the best neighbouring combination until neither helps.
SearchResult climb_mixed(const SearchRegion& region, const Landscape& landscape, const Eigen::VectorXd& start,
                         const SearchOptions& options, const core::CallControl& control) {
  SearchResult best = climb(region, landscape, start, options, control);
  for (int round = 0; round < most_neighbour_rounds; ++round) {
    const std::vector<Eigen::VectorXd> around = detail::neighbours(region, best.x);
    SearchResult step = best_of(landscape, around);
    auto evaluations = static_cast<int>(around.size());
    if (step.x.size() == 0) break;
    SearchResult polished = climb(region, landscape, step.x, options, control);
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

/// Which raw samples to climb from: the best one, then admissible ones drawn without replacement with Boltzmann weights
/// (largest value + Gumbel noise), then those that break the constraints least.
std::vector<Eigen::Index> choose_starts(const Eigen::VectorXd& value, const Eigen::VectorXd& violation, int count,
                                        double boltzmann, core::RandomKey key) {
  std::vector<Eigen::Index> admissible;
  std::vector<Eigen::Index> others;
  for (Eigen::Index i = 0; i < value.size(); ++i) {
    if (!std::isfinite(value(i))) continue;
    (violation(i) <= 0.0 ? admissible : others).push_back(i);
  }
  double mean = 0.0;
  for (const Eigen::Index i : admissible) mean += value(i) / static_cast<double>(admissible.size());
  double spread = 0.0;
  for (const Eigen::Index i : admissible) {
    spread += (value(i) - mean) * (value(i) - mean) / static_cast<double>(admissible.size());
  }
  spread = std::sqrt(std::max(spread, 1e-300));
  core::Generator generator = key.generator();
  Eigen::VectorXd priority = Eigen::VectorXd::Zero(value.size());
  Eigen::Index best = -1;
  for (const Eigen::Index i : admissible) {
    const double gumbel = -std::log(-std::log(std::max(generator.uniform(), 1e-300)));
    priority(i) = boltzmann * (value(i) - mean) / spread + gumbel;
    if (best < 0 || value(i) > value(best)) best = i;
  }
  if (best >= 0) priority(best) = std::numeric_limits<double>::infinity();
  std::stable_sort(admissible.begin(), admissible.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return priority(a) > priority(b); });
  std::stable_sort(others.begin(), others.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return violation(a) < violation(b); });
  // When admissible ones are plenty a constraint's far side needs no start; when they are scarce it does.
  admissible.insert(admissible.end(), others.begin(), others.end());
  admissible.resize(std::min<std::size_t>(admissible.size(), static_cast<std::size_t>(count)));
  return admissible;
}

/// A region to search with its raw samples and what they are worth.
struct Part {
  SearchRegion region;
  Eigen::MatrixXd samples;
  Eigen::VectorXd value;
  Eigen::VectorXd violation;
  int restarts = 1;
};

std::vector<Part> make_parts(const SearchRegion& region, const SearchOptions& options, core::RandomKey key) {
  std::vector<SearchRegion> regions;
  if (region.discrete().empty() ||
      region.combination_count(options.most_combinations + 1) > options.most_combinations) {
    regions.push_back(region);
  } else {
    regions = region.combinations();
  }
  const auto count = static_cast<int>(regions.size());
  std::vector<Part> parts;
  for (int i = 0; i < count; ++i) {
    const Eigen::Index samples = regions[i].continuous().empty() && regions[i].discrete().empty()
                                     ? 1
                                     : std::max(16, options.raw_samples / count);
    Part part{regions[i], regions[i].sample(samples, key.child(static_cast<std::uint64_t>(i))), {}, {}, 1};
    part.value.resize(samples);
    part.violation.resize(samples);
    part.restarts = std::max(1, (options.restarts + count - 1) / count);
    parts.push_back(std::move(part));
  }
  return parts;
}

void judge_samples(std::vector<Part>& parts, const Landscape& landscape, int threads,
                   const core::CallControl& control) {
  std::vector<std::pair<Part*, Eigen::Index>> tasks;
  for (Part& part : parts) {
    for (Eigen::Index row = 0; row < part.samples.rows(); row += rows_per_task) tasks.emplace_back(&part, row);
  }
  parallel::for_each_index(
      tasks.size(),
      [&](std::size_t i) {
        auto [part, row] = tasks[i];
        const Eigen::Index rows = std::min(rows_per_task, part->samples.rows() - row);
        const Landscape::Value at = landscape.evaluate(part->samples.middleRows(row, rows), false);
        part->value.segment(row, rows) = at.value;
        for (Eigen::Index k = 0; k < rows; ++k) part->violation(row + k) = violation_of(at, k);
      },
      threads, control);
}

/// Where a climb begins, and within what.
using ClimbTask = std::pair<const SearchRegion*, Eigen::VectorXd>;

std::vector<SearchResult> climb_all_mixed(const Landscape& landscape, const std::vector<ClimbTask>& tasks,
                                          const SearchOptions& options, const core::CallControl& control) {
  std::vector<SearchResult> found(tasks.size());
  parallel::for_each_index(
      tasks.size(),
      [&](std::size_t i) { found[i] = climb_mixed(*tasks[i].first, landscape, tasks[i].second, options, control); },
      options.threads, control);
  return found;
}

/// Where climbs may end for now, in the units of Climb: relative to 1 + |value|.
double first_end(const std::vector<Part>& parts) {
  std::vector<double> values;
  for (const Part& part : parts) {
    for (const double value : part.value) {
      if (std::isfinite(value)) values.push_back(value);
    }
  }
  if (values.empty()) return final_tolerance;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  const double best = *std::max_element(middle, values.end());
  return std::max(final_tolerance, first_tolerance * std::min(1.0, (best - *middle) / (1.0 + std::abs(best))));
}

/// All but to their ends, the best one to its end.
std::vector<SearchResult> climb_all(const Landscape& landscape, const std::vector<ClimbTask>& tasks,
                                    double value_tolerance, const SearchOptions& options,
                                    const core::CallControl& control) {
  std::vector<std::vector<Climb>> groups((tasks.size() + climbs_together - 1) / climbs_together);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    groups[i / climbs_together].emplace_back(*tasks[i].first, tasks[i].second, options, value_tolerance);
  }
  parallel::for_each_index(
      groups.size(), [&](std::size_t group) { climb_together(landscape, groups[group], control); }, options.threads,
      control);
  std::vector<SearchResult> found;
  std::size_t best = 0;
  for (const std::vector<Climb>& group : groups) {
    for (const Climb& climb : group) {
      found.push_back(climb.result());
      if (better(found.back(), found[best])) best = found.size() - 1;
    }
  }
  if (found.empty()) return found;
  std::vector<Climb> last{std::move(groups[best / climbs_together][best % climbs_together])};
  last.front().tighten();
  climb_together(landscape, last, control);
  found[best] = last.front().result();
  return found;
}

SearchResult search_within(const SearchRegion& region, const Landscape& landscape, const Eigen::MatrixXd& starts,
                           const SearchOptions& options, core::RandomKey key, const core::CallControl& control) {
  std::vector<Part> parts = make_parts(region, options, key.child("samples"));
  judge_samples(parts, landscape, options.threads, control);

  std::vector<ClimbTask> tasks;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    for (const Eigen::Index row :
         choose_starts(part.value, part.violation, part.restarts, options.boltzmann, key.child("starts").child(i))) {
      tasks.emplace_back(&part.region, part.samples.row(row).transpose());
    }
    for (Eigen::Index row = 0; row < starts.rows(); ++row) {
      Eigen::VectorXd x = starts.row(row).transpose();
      if (part.region.settle(x) && part.region.contains(x)) tasks.emplace_back(&part.region, std::move(x));
    }
  }
  const bool mixed =
      !parts.empty() && !parts.front().region.discrete().empty();  // one part then; else each is one combination
  const std::vector<SearchResult> found = mixed ? climb_all_mixed(landscape, tasks, options, control)
                                                : climb_all(landscape, tasks, first_end(parts), options, control);

  SearchResult best;
  int evaluations = 0;
  for (const Part& part : parts) evaluations += static_cast<int>(part.samples.rows());
  for (const SearchResult& result : found) {
    evaluations += result.evaluations;
    if (better(result, best)) best = result;
  }
  best.evaluations = evaluations;
  if (best.x.size() == 0) {
    throw core::NumericalError({.where = "recommend.search",
                                .expected = "at least one point with a finite value",
                                .received = "none among " + std::to_string(evaluations),
                                .place = {},
                                .hint = "the surrogate gives no finite prediction in this region"});
  }
  return best;
}

}  // namespace

SearchResult search(const SearchRegion& region, const Landscape& landscape, const Eigen::MatrixXd& starts,
                    const SearchOptions& options, core::RandomKey key, const core::CallControl& control) {
  check(options);
  if (region.signomials() == nullptr) return search_within(region, landscape, starts, options, key, control);
  const detail::RelatedLandscape related(landscape, *region.signomials());
  return search_within(region, related, starts, options, key, control);
}

}  // namespace luban::recommend
