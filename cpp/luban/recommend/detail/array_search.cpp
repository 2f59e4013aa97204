#include <luban/recommend/detail/array_search.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/joint_hypervolume.hpp>
#include <luban/recommend/detail/joint_scalarised.hpp>
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

constexpr double noisy_share = 0.1;               ///< noise above this share of a response's spread counts
constexpr std::size_t fine_levels = 8;            ///< columns of more levels are also searched as ranges
constexpr Eigen::Index most_measured_starts = 5;  ///< best measured points that searches begin at and beside
constexpr double beside_sd = 0.01;                ///< coded distance of those beginnings
constexpr Eigen::Index most_judged = 64;          ///< measured points whose variances are asked for
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
  if (pending.rows() == 0) return at.fitted;
  return std::make_shared<ConditionedSurrogate>(at.fitted, pending);
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

Eigen::MatrixXd feasible_utilities(const ArraySituation& at) {
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < at.known.rows(); ++i) {
    if (at.feasible[static_cast<std::size_t>(i)]) rows.push_back(i);
  }
  return at.utilities(rows, Eigen::all);
}

std::unique_ptr<Landscape> exploration(const ArraySituation& at, const Eigen::MatrixXd& pending, bool news,
                                       core::RandomKey key) {
  const Utility& utility = at.objectives.front();
  const auto posterior = at.fitted->posterior(stacked(at.known, pending));
  const double threshold = exploration_threshold(*posterior, utility);
  const double share = at.units(utility.response) / std::max(at.noise(utility.response), 1e-150);
  const ExplorationMode mode = choose_exploration(news, share * share, key.child("mode"));
  const std::shared_ptr<const SurrogateBeside> beside = at.fitted->beside(pending);
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
    return std::make_unique<PathLandscape>(*process, at.objectives.front(), at.bounds, at.units, key.child("path"));
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
  const auto posterior = at.fitted->posterior(candidates);
  const Eigen::VectorXd maxima = gumbel_maxima(*posterior, utility, entropy_maxima, key.child("maxima"));
  return pointwise(at, pending, std::make_shared<MaxValueEntropy>(utility, maxima), true);
}

std::unique_ptr<Landscape> joint(const ArraySituation& at, Acquisition acquisition, const Eigen::MatrixXd& pending,
                                 const ProposeOptions& options, core::RandomKey key) {
  const JointSampling sampling{.q = 1, .samples = options.samples, .units = at.units};
  const core::RandomKey draws = key.child("draws");
  const auto besides = [&](const Eigen::MatrixXd& baseline) {
    return std::shared_ptr<const SurrogateBeside>(at.fitted->beside(distinct(stacked(baseline, pending))));
  };
  const auto made = [](std::shared_ptr<const SurrogateBeside> beside, std::shared_ptr<const JointAcquisition> of) {
    return std::make_unique<OneByOne>(std::move(beside), std::move(of), nullptr);
  };
  const Eigen::MatrixXd none(0, at.known.cols());
  Improvement wanted{at.objectives, at.bounds, at.reference};
  switch (acquisition) {
    case Acquisition::log_expected_improvement: {
      const auto beside = besides(none);
      return made(beside, std::make_shared<JointLogExpectedImprovement>(*beside, at.objectives.front(), incumbent(at),
                                                                        at.bounds, sampling, draws));
    }
    case Acquisition::log_noisy_expected_improvement: {
      const std::vector<Eigen::Index> rows =
          prune_baseline(*at.fitted, at.known, at.objectives.front(), at.bounds, key.child("baseline"));
      const auto beside = besides(at.known(rows, Eigen::all));
      return made(beside, std::make_shared<JointLogNoisyExpectedImprovement>(*beside, at.objectives.front(), at.bounds,
                                                                             sampling, draws));
    }
    case Acquisition::log_expected_hypervolume_improvement: {
      const auto beside = besides(none);
      wanted.known = feasible_utilities(at);
      return made(beside, std::make_shared<JointLogExpectedHypervolumeImprovement>(*beside, wanted, sampling, draws));
    }
    case Acquisition::log_noisy_expected_hypervolume_improvement: {
      const std::vector<Eigen::Index> rows =
          prune_front(*at.fitted, at.known, at.objectives, at.bounds, key.child("baseline"));
      const auto beside = besides(at.known(rows, Eigen::all));
      return made(beside, std::make_shared<JointLogExpectedHypervolumeImprovement>(*beside, wanted, sampling, draws));
    }
    default: {  // ParEGO
      const auto beside = besides(at.known);
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
  Eigen::VectorXd score(at.known.rows());
  if (feasibility_first) {
    score = log_probability_feasible(*at.fitted->posterior(at.known), at.bounds);
  } else {
    const std::vector<int> ranks = non_dominated_ranks(at.utilities);
    for (Eigen::Index i = 0; i < score.size(); ++i) {
      const int rank = ranks[static_cast<std::size_t>(i)];
      score(i) = at.feasible[static_cast<std::size_t>(i)] ? -rank : -rank - static_cast<int>(ranks.size());
    }
  }
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

std::optional<SearchRegion> relaxed_region(const ArrayProblem& problem, const SearchRegion& region) {
  process::SearchSpace space = problem.within.value_or(problem.space);
  bool fine = false;
  for (process::Parameter& parameter : space.parameters) {
    if (!parameter.is_numeric()) continue;
    fine = fine || region.levels(region.encoder().find(parameter.name)).size() > fine_levels;
    const features::EncodedVariable& variable =
        region.encoder().variables()[static_cast<std::size_t>(region.encoder().find(parameter.name))];
    parameter.kind = process::VariableKind::continuous;
    if (problem.within) continue;
    parameter.low = variable.low;
    parameter.high = variable.high;
  }
  if (!fine) return std::nullopt;
  return SearchRegion::make(region.encoder(), space, {});
}

Eigen::VectorXd noise_of(const surrogate::Posterior& posterior) {
  const Eigen::MatrixXd between = posterior.variance(VarianceOf::run_mean) - posterior.variance(VarianceOf::latent);
  return between.colwise().mean().cwiseMax(0.0).cwiseSqrt().transpose();
}

bool keeps(const std::vector<OutcomeBound>& bounds, const Eigen::RowVectorXd& values) {
  return std::all_of(bounds.begin(), bounds.end(), [&](const OutcomeBound& bound) {
    return values(bound.response) >= bound.lower && values(bound.response) <= bound.upper;
  });
}

Eigen::MatrixXd evenly_spaced_rows(const Eigen::MatrixXd& X, Eigen::Index most) {
  const Eigen::Index count = std::min(most, X.rows());
  std::vector<Eigen::Index> rows;
  for (Eigen::Index k = 0; k < count; ++k) rows.push_back(k * X.rows() / count);
  return X(rows, Eigen::all);
}

/// What a surrogate says of what it was fitted to.
struct Measured {
  Eigen::MatrixXd expected;  ///< (n, m)
  Eigen::VectorXd units;     ///< as in ArraySituation
  Eigen::VectorXd noise;
};

Measured measured_by(const surrogate::Surrogate& fitted, const features::Dataset& data) {
  Measured out;
  out.expected = fitted.mean(data.X);
  const auto some = fitted.posterior(evenly_spaced_rows(data.X, most_judged));
  out.units = response_units(out.expected, some->variance(VarianceOf::latent));
  out.noise = noise_of(*some);
  return out;
}

bool any_noisy(const std::vector<Utility>& objectives, const Eigen::VectorXd& noise, const Eigen::VectorXd& units) {
  return std::any_of(objectives.begin(), objectives.end(), [&](const Utility& utility) {
    return noise(utility.response) > noisy_share * units(utility.response);
  });
}

/// Spread, noise and what is believed of the measured points: their values where these carry next to no noise, else
/// the expected ones.
void judge_measured(const ArrayTrials& trials, ArraySituation& at) {
  const features::Dataset& data = trials.data;
  Measured measured = measured_by(*at.fitted, data);
  Eigen::MatrixXd& believed = measured.expected;
  at.units = std::move(measured.units);
  at.noise = std::move(measured.noise);
  for (Eigen::Index j = 0; j < data.m(); ++j) {
    if (at.noise(j) > noisy_share * at.units(j)) continue;
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      if (!std::isnan(data.Y(i, j))) believed(i, j) = data.Y(i, j);
    }
  }
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    if (at.region.contains(data.X.row(i).transpose())) rows.push_back(i);
  }
  if (rows.empty()) {
    for (Eigen::Index i = 0; i < data.n(); ++i) rows.push_back(i);
  }
  at.known = data.X(rows, Eigen::all);
  at.utilities.resize(at.known.rows(), std::ssize(at.objectives));
  for (Eigen::Index i = 0; i < at.known.rows(); ++i) {
    const Eigen::RowVectorXd values = believed.row(rows[static_cast<std::size_t>(i)]);
    at.feasible.push_back(keeps(at.bounds, values));
    for (Eigen::Index j = 0; j < at.utilities.cols(); ++j) {
      const Utility& utility = at.objectives[static_cast<std::size_t>(j)];
      at.utilities(i, j) = utility.of(values(utility.response));
    }
  }
}

}  // namespace

bool ArraySituation::noisy() const {
  return any_noisy(objectives, noise, units);
}

bool noisy(const ArrayTrials& trials, const surrogate::Surrogate& fitted) {
  const Measured measured = measured_by(fitted, trials.data);
  return any_noisy(trials.objectives, measured.noise, measured.units);
}

bool ArraySituation::any_feasible() const {
  return std::find(feasible.begin(), feasible.end(), true) != feasible.end();
}

ArraySituation array_situation(const ArrayProblem& problem, const ArrayTrials& trials,
                               std::shared_ptr<const surrogate::Surrogate> fitted) {
  SearchRegion region =
      SearchRegion::make(trials.data.encoder, problem.within.value_or(problem.space), {}, problem.grids);
  std::optional<SearchRegion> relaxed = relaxed_region(problem, region);
  ArraySituation at{.fitted = std::move(fitted),
                    .region = std::move(region),
                    .relaxed = std::move(relaxed),
                    .objectives = trials.objectives,
                    .bounds = trials.bounds,
                    .known = {},
                    .utilities = {},
                    .feasible = {},
                    .units = {},
                    .noise = {},
                    .reference = {}};
  judge_measured(trials, at);
  if (problem.cost) {
    at.cost = problem.cost;
    at.least_cost = std::numeric_limits<double>::infinity();
    for (const double value : problem.Y.col(*problem.cost)) {
      if (!std::isnan(value)) at.least_cost = std::min(at.least_cost, 0.01 * value);
    }
  }
  const auto k = std::ssize(at.objectives);
  if (k > 1 && problem.reference.size() > 0) {
    at.reference.resize(k);
    for (Eigen::Index j = 0; j < k; ++j) {
      at.reference(j) = at.objectives[static_cast<std::size_t>(j)].of(problem.reference(j));
    }
  } else if (k > 1) {
    const Eigen::MatrixXd feasible = feasible_utilities(at);
    at.reference = inferred_reference(feasible.rows() > 0 ? feasible : at.utilities);
  }
  return at;
}

Acquisition resolved(Acquisition wanted, const ArraySituation& situation) {
  const bool logarithm = wanted != Acquisition::upper_confidence_bound && wanted != Acquisition::max_value_entropy &&
                         wanted != Acquisition::upper_confidence_bound_pure_exploration &&
                         wanted != Acquisition::thompson;
  if (situation.cost && !logarithm) {
    throw core::ConfigurationError({.where = "recommend.propose",
                                    .expected = "the logarithm of an improvement to be weighed against a cost",
                                    .received = name(wanted),
                                    .place = {},
                                    .hint = "take automatic, or leave the cost out"});
  }
  const auto k = std::ssize(situation.objectives);
  if (wanted == Acquisition::automatic) {
    if (k == 1) {
      return situation.noisy() ? Acquisition::log_noisy_expected_improvement : Acquisition::log_expected_improvement;
    }
    if (k > BoxDecomposition::most_objectives) return Acquisition::parego;
    return situation.noisy() ? Acquisition::log_noisy_expected_hypervolume_improvement
                             : Acquisition::log_expected_hypervolume_improvement;
  }
  const bool hypervolume = wanted == Acquisition::log_expected_hypervolume_improvement ||
                           wanted == Acquisition::log_noisy_expected_hypervolume_improvement;
  const bool several = hypervolume || wanted == Acquisition::parego;
  const bool fits = several ? k > 1 && (!hypervolume || k <= BoxDecomposition::most_objectives) : k == 1;
  if (fits) return wanted;
  throw core::ConfigurationError({.where = "recommend.propose",
                                  .expected = hypervolume ? "2 to 4 objectives for " + name(wanted)
                                              : several   ? "several objectives for " + name(wanted)
                                                          : "one objective for " + name(wanted),
                                  .received = std::to_string(k),
                                  .place = {},
                                  .hint = "acquisition automatic takes what fits"});
}

SearchResult next_point(const ArraySituation& situation, Acquisition acquisition, bool feasibility_first,
                        const Eigen::MatrixXd& pending, bool news, const ProposeOptions& options, core::RandomKey key,
                        const core::CallControl& control) {
  std::unique_ptr<Landscape> landscape =
      landscape_of(situation, acquisition, feasibility_first, pending, news, options, key);
  if (situation.cost) {
    landscape =
        std::make_unique<PerCost>(std::move(landscape), situation.fitted, *situation.cost, situation.least_cost);
  }
  Eigen::MatrixXd starts = starts_of(situation, feasibility_first, key);
  if (situation.relaxed) {
    const SearchResult smooth =
        search(*situation.relaxed, *landscape, starts, options.search, key.child("relaxed"), control);
    append_row(starts, snapped(situation.region, smooth.x));
  }
  SearchResult found = search(situation.region, *landscape, starts, options.search, key.child("search"), control);
  keep_relations(situation.region, key.child("relations"), found.x);
  return found;
}

}  // namespace luban::recommend::detail
