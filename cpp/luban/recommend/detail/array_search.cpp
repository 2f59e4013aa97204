#include <luban/recommend/detail/array_search.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/joint_hypervolume.hpp>
#include <luban/recommend/detail/joint_scalarised.hpp>
#include <luban/recommend/detail/lengthscales.hpp>
#include <luban/recommend/detail/path_landscape.hpp>
#include <luban/recommend/detail/relation_conflict.hpp>
#include <luban/recommend/detail/rows.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/joint_log_expected_improvement.hpp>
#include <luban/recommend/joint_log_noisy_expected_improvement.hpp>
#include <luban/recommend/log_expected_improvement.hpp>
#include <luban/recommend/max_value_entropy.hpp>
#include <luban/recommend/non_dominated.hpp>
#include <luban/recommend/upper_confidence_bound.hpp>
#include <luban/recommend/upper_confidence_bound_pure_exploration.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::SurrogateBeside;
using surrogate::VarianceOf;

constexpr Eigen::Index most_measured_starts = 5;  ///< best measured points that searches begin at and beside
constexpr Eigen::Index most_scattered = 64;       ///< measured points of a baseline whose settings scatter
constexpr double beside_sd = 0.01;                ///< coded distance of those beginnings
constexpr double even_odds = 0.5;                 ///< probability of each bound where the acquisition has no sign
constexpr Eigen::Index entropy_maxima = 16;
constexpr Eigen::Index entropy_candidates = 1024;

/// A joint acquisition as a value of single points.
class OneByOne final : public Landscape {
 public:
  OneByOne(std::shared_ptr<const SurrogateBeside> beside, std::shared_ptr<const JointAcquisition> acquisition,
           std::shared_ptr<const Landscape> limits)
      : beside_(std::move(beside)), acquisition_(std::move(acquisition)), limits_(std::move(limits)) {}

  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override {
    Value out{Eigen::VectorXd(X.rows()),
              Eigen::MatrixXd(gradients ? X.rows() : 0, X.cols()),
              Eigen::MatrixXd(X.rows(), 0),
              {}};
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const auto posterior = beside_->posterior(X.row(i), {.gradients = gradients, .joint = true, .reading = false});
      const JointAcquisitionValue at = acquisition_->evaluate(*posterior, gradients);
      out.value(i) = at.value;
      if (gradients) out.gradient.row(i) = at.gradient.row(0);
    }
    if (limits_ != nullptr) {
      Value limits = limits_->evaluate(X, gradients);
      out.constraints = std::move(limits.constraints);
      out.jacobians = std::move(limits.jacobians);
    }
    return out;
  }

 private:
  std::shared_ptr<const SurrogateBeside> beside_;
  std::shared_ptr<const JointAcquisition> acquisition_;
  std::shared_ptr<const Landscape> limits_;
};

/// The logarithm of an improvement per expected cost.
class PerCost final : public Landscape {
 public:
  PerCost(std::unique_ptr<Landscape> inner, std::shared_ptr<const surrogate::Surrogate> fitted, Eigen::Index cost,
          double least)
      : inner_(std::move(inner)), fitted_(std::move(fitted)), cost_(cost), least_(least) {}

  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override {
    Value out = inner_->evaluate(X, gradients);
    const auto posterior = fitted_->posterior(X, {.gradients = gradients, .joint = false, .reading = false});
    const Eigen::VectorXd expected = posterior->mean().col(cost_);
    const Eigen::MatrixXd slope = gradients ? posterior->mean_gradient(cost_) : Eigen::MatrixXd();
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      out.value(i) -= std::log(std::max(expected(i), least_));
      if (gradients && expected(i) > least_) out.gradient.row(i) -= slope.row(i) / expected(i);
    }
    return out;
  }

 private:
  std::unique_ptr<Landscape> inner_;
  std::shared_ptr<const surrogate::Surrogate> fitted_;
  Eigen::Index cost_;
  double least_;
};

Eigen::MatrixXd stacked(const Eigen::MatrixXd& above, const Eigen::MatrixXd& below) {
  Eigen::MatrixXd out(above.rows() + below.rows(), above.cols());
  out << above, below;
  return out;
}

/// Rows without repeats, in order of appearance.
Eigen::MatrixXd distinct(const Eigen::MatrixXd& X) {
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const bool seen = std::any_of(rows.begin(), rows.end(), [&](Eigen::Index k) { return X.row(k) == X.row(i); });
    if (!seen) rows.push_back(i);
  }
  return X(rows, Eigen::all);
}

std::shared_ptr<const surrogate::Surrogate> conditioned(const ArraySituation& at, const Eigen::MatrixXd& pending) {
  if (pending.rows() == 0) return at.judged;
  return std::make_shared<ConditionedSurrogate>(at.judged, pending);
}

std::vector<OutcomeBound> at_even_odds(std::vector<OutcomeBound> bounds) {
  for (OutcomeBound& bound : bounds) bound.probability = even_odds;
  return bounds;
}

std::unique_ptr<Landscape> pointwise(const ArraySituation& at, const Eigen::MatrixXd& pending,
                                     std::shared_ptr<const AcquisitionFunction> acquisition, bool bounded) {
  return std::make_unique<SurrogateLandscape>(SurrogateLandscape::Definition{
      conditioned(at, pending), std::move(acquisition), bounded ? at_even_odds(at.bounds) : std::vector<OutcomeBound>{},
      Eigen::MatrixXd(0, at.known.cols()), 0.0});
}

/// The best utility among points believed to keep the bounds; of all where none is.
double incumbent(const ArraySituation& at) {
  double best = -std::numeric_limits<double>::infinity();
  for (Eigen::Index i = 0; i < at.known.rows(); ++i) {
    if (at.feasible[static_cast<std::size_t>(i)]) best = std::max(best, at.utilities(i, 0));
  }
  return std::isfinite(best) ? best : at.utilities.col(0).maxCoeff();
}

/// (k) how the measured points stand among each other: feasible ones first, then by how many dominate them.
Eigen::VectorXd standing(const ArraySituation& at) {
  Eigen::VectorXd out(at.known.rows());
  const std::vector<int> ranks = non_dominated_ranks(at.utilities);
  for (Eigen::Index i = 0; i < out.size(); ++i) {
    const int rank = ranks[static_cast<std::size_t>(i)];
    out(i) = at.feasible[static_cast<std::size_t>(i)] ? -rank : -rank - static_cast<int>(ranks.size());
  }
  return out;
}

/// What new points are to improve on: all that was measured, or the best of it where each point costs as much as the
/// many that it scatters to.
Eigen::MatrixXd baseline(const ArraySituation& at) {
  if (!at.scatters()) return at.known;
  return at.known(largest(standing(at), most_scattered), Eigen::all);
}

std::unique_ptr<Landscape> exploration(const ArraySituation& at, const Eigen::MatrixXd& pending, bool news,
                                       core::RandomKey key) {
  const Utility& utility = at.objectives.front();
  const auto posterior = at.judged->posterior(stacked(at.known, pending));
  const double threshold = exploration_threshold(*posterior, utility);
  const double share = at.units(utility.response) / std::max(at.noise(utility.response), 1e-150);
  const ExplorationMode mode = choose_exploration(news, share * share, key.child("mode"));
  const std::shared_ptr<const SurrogateBeside> beside = at.judged->beside(pending);
  auto acquisition = std::make_shared<UpperConfidenceBoundPureExploration>(*beside, utility, threshold, mode, 1,
                                                                           at.units(utility.response));
  std::shared_ptr<const Landscape> limits;
  if (!at.bounds.empty()) limits = pointwise(at, pending, std::make_shared<UpperConfidenceBound>(utility, 0.0), true);
  return std::make_unique<OneByOne>(beside, std::move(acquisition), std::move(limits));
}

/// One function drawn from the posterior. @throws ConfigurationError where there is no Gaussian process to draw from.
std::unique_ptr<Landscape> path(const ArraySituation& at, core::RandomKey key) {
  const auto* process = dynamic_cast<const surrogate::GaussianProcess*>(at.fitted.get());
  if (process != nullptr) {
    std::optional<PathScatter> scatter;
    if (at.scatters()) scatter = path_scatter(process->encoder(), at.tolerances, at.risks);
    return std::make_unique<PathLandscape>(*process, at.objectives.front(), at.bounds, at.units, key.child("path"),
                                           scatter);
  }
  throw core::ConfigurationError({.where = "recommend.propose",
                                  .expected = "a Gaussian process, which functions can be drawn from, for thompson",
                                  .received = at.fitted->kind(),
                                  .place = {},
                                  .hint = {}});
}

std::unique_ptr<Landscape> entropy(const ArraySituation& at, const Eigen::MatrixXd& pending, core::RandomKey key) {
  const Utility& utility = at.objectives.front();
  const Eigen::MatrixXd candidates = stacked(at.region.sample(entropy_candidates, key.child("candidates")), at.known);
  const auto posterior = at.judged->posterior(candidates);
  const Eigen::VectorXd maxima = gumbel_maxima(*posterior, utility, entropy_maxima, key.child("maxima"));
  return pointwise(at, pending, std::make_shared<MaxValueEntropy>(utility, maxima), true);
}

std::unique_ptr<Landscape> joint(const ArraySituation& at, Acquisition acquisition, const Eigen::MatrixXd& pending,
                                 const ProposeOptions& options, core::RandomKey key) {
  const JointSampling sampling{.q = 1, .samples = options.samples, .units = at.units};
  const core::RandomKey draws = key.child("draws");
  const auto besides = [&](const Eigen::MatrixXd& baseline) {
    return std::shared_ptr<const SurrogateBeside>(at.judged->beside(distinct(stacked(baseline, pending))));
  };
  const auto made = [](std::shared_ptr<const SurrogateBeside> beside, std::shared_ptr<const JointAcquisition> of) {
    return std::make_unique<OneByOne>(std::move(beside), std::move(of), nullptr);
  };
  const Eigen::MatrixXd none(0, at.known.cols());
  const Eigen::MatrixXd known = baseline(at);
  Improvement wanted{at.objectives, at.bounds, at.reference};
  switch (acquisition) {
    case Acquisition::log_expected_improvement: {
      const auto beside = besides(none);
      return made(beside, std::make_shared<JointLogExpectedImprovement>(*beside, at.objectives.front(), incumbent(at),
                                                                        at.bounds, sampling, draws));
    }
    case Acquisition::log_noisy_expected_improvement: {
      const std::vector<Eigen::Index> rows =
          prune_baseline(*at.judged, known, at.objectives.front(), at.bounds, key.child("baseline"));
      const auto beside = besides(known(rows, Eigen::all));
      return made(beside, std::make_shared<JointLogNoisyExpectedImprovement>(*beside, at.objectives.front(), at.bounds,
                                                                             sampling, draws));
    }
    case Acquisition::log_expected_hypervolume_improvement: {
      const auto beside = besides(none);
      wanted.known = at.feasible_utilities();
      return made(beside, std::make_shared<JointLogExpectedHypervolumeImprovement>(*beside, wanted, sampling, draws));
    }
    case Acquisition::log_noisy_expected_hypervolume_improvement: {
      const std::vector<Eigen::Index> rows =
          prune_front(*at.judged, known, at.objectives, at.bounds, key.child("baseline"));
      const auto beside = besides(known(rows, Eigen::all));
      return made(beside, std::make_shared<JointLogExpectedHypervolumeImprovement>(*beside, wanted, sampling, draws));
    }
    default: {  // ParEGO
      const auto beside = besides(known);
      const AugmentedChebyshev scalarisation(simplex_weights(std::ssize(at.objectives), key.child("weights")),
                                             at.utilities);
      return made(beside, std::make_shared<JointLogScalarisedImprovement>(*beside, at.objectives, scalarisation,
                                                                          at.bounds, sampling, draws));
    }
  }
}

std::unique_ptr<Landscape> landscape_of(const ArraySituation& at, Acquisition acquisition, bool feasibility_first,
                                        const Eigen::MatrixXd& pending, bool news, const ProposeOptions& options,
                                        core::RandomKey key) {
  if (feasibility_first) {
    return pointwise(at, pending, std::make_shared<LogProbabilityFeasible>(at.bounds), false);
  }
  const Utility& utility = at.objectives.front();
  if (acquisition == Acquisition::log_expected_improvement && pending.rows() == 0) {
    return pointwise(at, pending, std::make_shared<LogExpectedImprovement>(utility, incumbent(at), at.bounds), false);
  }
  if (acquisition == Acquisition::upper_confidence_bound) {
    return pointwise(at, pending, std::make_shared<UpperConfidenceBound>(utility, options.beta), true);
  }
  if (acquisition == Acquisition::max_value_entropy) return entropy(at, pending, key);
  if (acquisition == Acquisition::thompson) return path(at, key);
  if (acquisition == Acquisition::upper_confidence_bound_pure_exploration) return exploration(at, pending, news, key);
  return joint(at, acquisition, pending, options, key);
}

/// A row with every column on the region's nearest level or within its range.
Eigen::VectorXd snapped(const SearchRegion& region, Eigen::VectorXd x) {
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    const std::vector<double>& levels = region.levels(j);
    if (levels.empty()) {
      x(j) = std::clamp(x(j), region.low(j), region.high(j));
    } else {
      x(j) = *std::min_element(levels.begin(), levels.end(),
                               [&](double a, double b) { return std::abs(a - x(j)) < std::abs(b - x(j)); });
    }
  }
  return x;
}

/// The best measured points and points beside them.
Eigen::MatrixXd starts_of(const ArraySituation& at, bool feasibility_first, core::RandomKey key) {
  const Eigen::VectorXd score =
      feasibility_first ? log_probability_feasible(*at.judged->posterior(at.known), at.bounds) : standing(at);
  core::Generator generator = key.child("beside").generator();
  Eigen::MatrixXd starts(0, at.known.cols());
  for (const Eigen::Index i : largest(score, most_measured_starts)) {
    Eigen::VectorXd x = at.known.row(i).transpose();
    append_row(starts, snapped(at.region, x));
    for (const Eigen::Index j : at.region.continuous()) x(j) += beside_sd * generator.normal();
    append_row(starts, snapped(at.region, x));
  }
  return starts;
}

}  // namespace

SearchResult next_point(const ArraySituation& situation, Acquisition acquisition, bool feasibility_first,
                        const Eigen::MatrixXd& pending, bool news, const ProposeOptions& options, core::RandomKey key,
                        const core::CallControl& control) {
  std::unique_ptr<Landscape> landscape =
      landscape_of(situation, acquisition, feasibility_first, pending, news, options, key);
  if (situation.cost) {
    landscape =
        std::make_unique<PerCost>(std::move(landscape), situation.judged, *situation.cost, situation.least_cost);
  }
  SearchOptions how = options.search;
  how.lengths = lengthscales(*situation.fitted, situation.learned_objective);
  Eigen::MatrixXd starts = starts_of(situation, feasibility_first, key);
  if (situation.relaxed) {
    const SearchResult smooth = search(*situation.relaxed, *landscape, starts, how, key.child("relaxed"), control);
    append_row(starts, snapped(situation.region, smooth.x));
  }
  SearchResult found = search(situation.region, *landscape, starts, how, key.child("search"), control);
  keep_relations(situation.region, key.child("relations"), found.x);
  return found;
}

}  // namespace luban::recommend::detail
