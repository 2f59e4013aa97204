#include <algorithm>
#include <cmath>
#include <limits>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/recommend/best_mean.hpp>
#include <luban/recommend/detail/near_runs.hpp>
#include <luban/recommend/detail/rows.hpp>
#include <luban/recommend/detail/sentences.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/recommend.hpp>

namespace luban::recommend {
namespace {

using detail::Situation;

constexpr double least_difference = 1e-4;  ///< of two points in the second objective, in its span along the front

/// A point with its two utilities.
struct FrontPoint {
  Eigen::VectorXd x;
  double first = 0.0;
  double second = 0.0;
};

std::vector<Utility> two_objectives(const Situation& situation, const std::vector<std::string>& asked) {
  std::vector<std::string> names = asked;
  if (names.empty()) {
    for (const process::Objective& objective : situation.basis.process->objectives()) {
      if (names.size() < 2) names.push_back(objective.response);
    }
  }
  if (names.size() != 2 || names[0] == names[1]) {
    throw core::ConfigurationError({.where = "recommend.pareto",
                                    .expected = "two different objectives",
                                    .received = names.empty() ? "none" : core::listed(names),
                                    .place = {},
                                    .hint = "the process file lists them under `objectives:`"});
  }
  return {detail::find_objective(situation, names[0], "recommend.pareto"),
          detail::find_objective(situation, names[1], "recommend.pareto")};
}

/// "the expected second objective is at least this good", as a bound on the mean.
OutcomeBound level_bound(const Utility& utility, double level) {
  OutcomeBound bound;
  bound.response = utility.response;
  bound.exact = true;
  switch (utility.goal) {
    case process::Goal::minimize:
      bound.upper = -level;
      break;
    case process::Goal::maximize:
      bound.lower = level;
      break;
    case process::Goal::target:  // level = −distance
      bound.lower = utility.target + level;
      bound.upper = utility.target - level;
      break;
  }
  return bound;
}

class FrontSearch {
 public:
  FrontSearch(const Situation& situation, const ParetoRequest& request, core::RandomKey key,
              const core::CallControl& control)
      : situation_(situation),
        request_(request),
        utilities_(two_objectives(situation, request.objectives)),
        surrogate_(detail::surrogate_for(situation, utilities_)),
        reach_(detail::search_reach(situation, request.novelty)),
        search_(request.search),
        key_(key),
        control_(control) {}

  Front run() {
    starts_ = situation_.measured;
    if (!find_anchors()) return measured_front();
    // A level's answer lies near its neighbour's: from there, and from fewer points of its own, it is found again.
    search_.restarts = std::max(1, search_.restarts / 2);
    starts_.resize(0, situation_.region.p());
    for (const FrontPoint& point : points_) detail::append_row(starts_, point.x);
    const double least = points_[0].second;
    const double best = points_[1].second;
    for (int k = 1; k + 1 < request_.points && best > least; ++k) {
      control_.report({"pareto front", k, request_.points});
      const double level = least + (best - least) * k / (request_.points - 1);
      const auto point =
          best_under(0, level_bound(utilities_[1], level), key_.child("level").child(static_cast<std::uint64_t>(k)));
      if (!point) continue;
      points_.push_back(*point);
      starts_.conservativeResize(2, Eigen::NoChange);
      detail::append_row(starts_, point->x);
    }
    return finish();
  }

 private:
  /// The ends of the front; false when nothing admissible lies within reach.
  bool find_anchors() {
    for (const std::size_t objective : {0, 1}) {
      const auto end = anchor(objective);
      if (!end) return false;
      points_.push_back(*end);
    }
    return true;
  }

  /// Nothing admissible lies within reach: the front of the measured settings that keep every bound.
  Front measured_front() {
    points_.clear();
    if (reach_ != nullptr && situation_.measured.rows() > 0) {
      const auto posterior = surrogate_->posterior(situation_.measured);
      const std::vector<bool> kept = detail::admissible(*posterior, situation_.bounds);
      for (std::size_t i = 0; i < kept.size(); ++i) {
        if (kept[i]) points_.push_back(judged(situation_.measured.row(static_cast<Eigen::Index>(i)).transpose()));
      }
    }
    if (points_.empty()) throw_inadmissible();
    return finish();
  }

  /// The best of one objective, the other as good as it can be there.
  std::optional<FrontPoint> anchor(std::size_t objective) {
    const auto end = best_under(objective, std::nullopt, key_.child("anchor").child(objective));
    if (!end) return std::nullopt;
    detail::append_row(starts_, end->x);
    const double reached = objective == 0 ? end->first : end->second;
    const OutcomeBound keep = level_bound(utilities_[objective], reached - 1e-6 * std::abs(reached));
    return best_under(1 - objective, keep, key_.child("corner").child(objective)).value_or(*end);
  }

  /// The best expected value of one objective under the outcome bounds and, perhaps, a level of the other.
  std::optional<FrontPoint> best_under(std::size_t objective, const std::optional<OutcomeBound>& level,
                                       core::RandomKey key) {
    std::vector<OutcomeBound> bounds = situation_.predicted_bounds();
    if (level) bounds.push_back(*level);
    const SurrogateLandscape landscape({surrogate_, std::make_shared<BestMean>(utilities_[objective]),
                                        std::move(bounds), Eigen::MatrixXd(0, situation_.region.p()), 0.0, reach_});
    const SearchResult found = search(situation_.region, landscape, starts_, search_, key, control_);
    nearest_ = found.x;
    if (!found.admissible()) return std::nullopt;
    return judged(found.x);
  }

  [[nodiscard]] FrontPoint judged(const Eigen::VectorXd& x) const { return judged_by(*surrogate_, x); }

  [[nodiscard]] FrontPoint judged_by(const surrogate::Surrogate& surrogate, const Eigen::VectorXd& x) const {
    const Eigen::MatrixXd mean = surrogate.posterior(x.transpose())->mean();
    return {x, utilities_[0].of(mean(0, utilities_[0].response)), utilities_[1].of(mean(0, utilities_[1].response))};
  }

  /// The worst of each objective over the front and the admissible measured settings: the hypervolume's corner.
  void find_corner() {
    worst_first_ = worst_second_ = std::numeric_limits<double>::infinity();
    const auto include = [this](const FrontPoint& point) {
      worst_first_ = std::min(worst_first_, point.first);
      worst_second_ = std::min(worst_second_, point.second);
    };
    for (const FrontPoint& point : points_) include(point);
    if (situation_.measured.rows() == 0) return;
    const auto posterior = surrogate_->posterior(situation_.measured);
    const std::vector<bool> kept = detail::admissible(*posterior, situation_.bounds);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i]) include(judged(situation_.measured.row(static_cast<Eigen::Index>(i)).transpose()));
    }
  }

  void keep_undominated() {
    std::stable_sort(points_.begin(), points_.end(), [](const FrontPoint& a, const FrontPoint& b) {
      return std::pair(-a.first, -a.second) < std::pair(-b.first, -b.second);
    });
    // Two levels may end at one point: what differs by less than anybody can tell is one answer.
    const double same = points_.empty() ? 0.0 : least_difference * std::abs(points_.back().second - points_[0].second);
    std::vector<FrontPoint> kept;
    for (FrontPoint& point : points_) {
      if (kept.empty() || point.second > kept.back().second + same) kept.push_back(std::move(point));
    }
    points_ = std::move(kept);
  }

  Front finish() {
    // A search may sample risks more coarsely than what is said of its answers.
    for (FrontPoint& point : points_) point = judged_by(*situation_.surrogate, point.x);
    find_corner();
    keep_undominated();
    Front front;
    detail::Reference reference;
    if (request_.running) reference = {"the running settings", situation_.region.encode(*request_.running), 0.0, {}};
    reference.not_judged = request_.not_judged;
    const Eigen::VectorXd weights = detail::reading_weights(situation_, utilities_[0]);
    front.values.resize(static_cast<Eigen::Index>(points_.size()), 2);
    for (std::size_t i = 0; i < points_.size(); ++i) {
      front.points.push_back(detail::explain(situation_, utilities_[0], points_[i].x, "pareto", reference,
                                             request_.interval_level, weights));
      detail::warn_first(request_.warnings, front.points.back());
      const Eigen::MatrixXd mean = situation_.surrogate->posterior(points_[i].x.transpose())->mean();
      for (Eigen::Index k = 0; k < 2; ++k) {
        front.values(static_cast<Eigen::Index>(i), k) = mean(0, utilities_[static_cast<std::size_t>(k)].response);
      }
    }
    front.objectives = {situation_.response(utilities_[0]).name, situation_.response(utilities_[1]).name};
    measure(front);
    return front;
  }

  /// Area that the front dominates within the reference corner, summed in strips along the first objective.
  void measure(Front& front) const {
    double corner_first = worst_first_;
    double corner_second = worst_second_;
    front.reference = request_.reference;
    if (front.reference.empty()) {
      const auto value = [&](const Utility& utility, double worst) {
        return utility.goal == process::Goal::minimize   ? -worst
               : utility.goal == process::Goal::maximize ? worst
                                                         : utility.target - worst;
      };
      front.reference = {value(utilities_[0], worst_first_), value(utilities_[1], worst_second_)};
    } else {
      corner_first = utilities_[0].of(front.reference[0]);
      corner_second = utilities_[1].of(front.reference[1]);
    }
    double below = corner_second;
    for (const FrontPoint& point : points_) {  // best first objective first: each adds a strip above the last
      const double width = std::max(0.0, point.first - corner_first);
      front.hypervolume += width * std::max(0.0, point.second - below);
      below = std::max(below, point.second);
    }
  }

  [[noreturn]] void throw_inadmissible() const {
    const bool exact = std::any_of(situation_.bounds.begin(), situation_.bounds.end(),
                                   [](const OutcomeBound& bound) { return bound.exact; });
    const bool predicted = std::any_of(situation_.bounds.begin(), situation_.bounds.end(),
                                       [](const OutcomeBound& bound) { return !bound.exact; });
    if (exact && !predicted) detail::throw_exact_bounds_infeasible(situation_, nearest_);
    throw core::InfeasibleError({.where = "recommend.pareto",
                                 .expected = "settings that keep " + core::listed(situation_.bound_texts),
                                 .received = reach_ == nullptr ? "none as far as the model knows"
                                                               : "none inside what the training data covered",
                                 .place = {},
                                 .hint = "recommend with kind \"explore\" proposes those most likely to keep them"});
  }

  const Situation& situation_;
  const ParetoRequest& request_;
  std::vector<Utility> utilities_;
  std::shared_ptr<const surrogate::Surrogate> surrogate_;  ///< for searches
  std::shared_ptr<const Reach> reach_;                     ///< that the front keeps; null = no limit
  SearchOptions search_;
  core::RandomKey key_;
  const core::CallControl& control_;
  Eigen::MatrixXd starts_;
  Eigen::VectorXd nearest_;
  std::vector<FrontPoint> points_;
  double worst_first_ = 0.0;
  double worst_second_ = 0.0;
};

}  // namespace

Front pareto(const Basis& basis, const ParetoRequest& request, core::RandomKey key, const core::CallControl& control) {
  if (request.points < 2 || request.points > 200 || (!request.reference.empty() && request.reference.size() != 2)) {
    throw core::ConfigurationError({.where = "recommend.pareto",
                                    .expected = "2 to 200 points and a reference of two values or none",
                                    .received = std::to_string(request.points) + " points, " +
                                                std::to_string(request.reference.size()) + " values",
                                    .place = {},
                                    .hint = {}});
  }
  const Situation situation = detail::make_situation(basis, request.context, request.moves);
  Front front;
  // Searches and what a risk asks of many settings share the threads.
  parallel::with_threads(request.search.threads,
                         [&] { front = FrontSearch(situation, request, key.child("pareto"), control).run(); });
  return front;
}

}  // namespace luban::recommend
