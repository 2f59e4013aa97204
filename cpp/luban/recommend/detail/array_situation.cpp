#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/box_decomposition.hpp>
#include <luban/recommend/detail/array_search.hpp>
#include <luban/recommend/detail/joint_hypervolume.hpp>
#include <luban/recommend/joint_samples.hpp>
#include <luban/recommend/non_dominated.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::VarianceOf;

constexpr double noisy_share = 0.1;       ///< noise above this share of a response's spread counts
constexpr std::size_t fine_levels = 8;    ///< columns of more levels are also searched as ranges
constexpr Eigen::Index most_judged = 64;  ///< measured points whose variances are asked for

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

/// A given surrogate may be of any kind: that it cannot be averaged is told before the search.
void require_averages(const ArraySituation& at, const Eigen::MatrixXd& X) {
  try {
    const auto posterior = at.judged->posterior(X, {.gradients = true, .joint = true, .reading = false});
    const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(1, 1);
    for (Eigen::Index r = 0; r < posterior->m(); ++r) static_cast<void>(posterior->covariance_gradient(r, one));
  } catch (const core::LifecycleError&) {
    throw core::ConfigurationError({.where = "recommend.propose",
                                    .expected = "a surrogate that averages over tolerances with gradients",
                                    .received = "one of kind " + core::quoted(at.fitted->kind()),
                                    .place = "surrogate",
                                    .hint = "Gaussian processes do: leave the surrogate out, or the tolerances"});
  }
}

/// What a surrogate says of measured runs.
struct Measured {
  Eigen::MatrixXd expected;  ///< (n, m)
  Eigen::VectorXd units;     ///< as in ArraySituation
  Eigen::VectorXd noise;
};

Measured measured_by(const surrogate::Surrogate& surrogate, const features::Dataset& data) {
  Measured out;
  out.expected = surrogate.mean(data.X);
  const auto some = surrogate.posterior(evenly_spaced_rows(data.X, most_judged));
  out.units = response_units(out.expected, some->variance(VarianceOf::latent));
  out.noise = noise_of(*some);
  return out;
}

bool any_noisy(const std::vector<Utility>& objectives, const Eigen::VectorXd& noise, const Eigen::VectorXd& units) {
  return std::any_of(objectives.begin(), objectives.end(), [&](const Utility& utility) {
    return noise(utility.response) > noisy_share * units(utility.response);
  });
}

/// Spread, noise and what is believed of the measured points: their values where these carry next to no noise and
/// nothing scatters, else the expected ones.
void judge_measured(const ArrayTrials& trials, ArraySituation& at) {
  const features::Dataset& data = trials.data;
  Measured measured = measured_by(*at.judged, data);
  Eigen::MatrixXd& believed = measured.expected;
  at.units = std::move(measured.units);
  at.noise = std::move(measured.noise);
  for (Eigen::Index j = 0; j < data.m() && !at.scatters(); ++j) {
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

Eigen::MatrixXd ArraySituation::feasible_utilities() const {
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < known.rows(); ++i) {
    if (feasible[static_cast<std::size_t>(i)]) rows.push_back(i);
  }
  return utilities(rows, Eigen::all);
}

bool ArraySituation::noisy() const {
  return scatters() || any_noisy(objectives, noise, units);
}

bool noisy(const ArrayTrials& trials, const surrogate::Surrogate& fitted) {
  const Measured measured = measured_by(fitted, trials.data);
  return any_noisy(trials.objectives, measured.noise, measured.units);
}

bool measures_hypervolume(Acquisition acquisition) {
  return acquisition == Acquisition::log_expected_hypervolume_improvement ||
         acquisition == Acquisition::log_noisy_expected_hypervolume_improvement;
}

bool ArraySituation::any_feasible() const {
  return std::find(feasible.begin(), feasible.end(), true) != feasible.end();
}

ArraySituation array_situation(const ArrayProblem& problem, const ArrayTrials& trials,
                               std::shared_ptr<const surrogate::Surrogate> fitted) {
  SearchRegion region =
      SearchRegion::make(trials.data.encoder, problem.within.value_or(problem.space), {}, problem.grids);
  std::optional<SearchRegion> relaxed = relaxed_region(problem, region);
  ArraySituation at{.fitted = fitted,
                    .judged = trials.judged(fitted, searching),
                    .tolerances = trials.tolerances,
                    .risks = trials.risks,
                    .learned_objective = problem.objectives.front().response,
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
  if (at.scatters()) require_averages(at, trials.data.X.topRows(1));
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
    const Eigen::MatrixXd feasible = at.feasible_utilities();
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
  const bool hypervolume = measures_hypervolume(wanted);
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

}  // namespace luban::recommend::detail
