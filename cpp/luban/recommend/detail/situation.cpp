#include <luban/recommend/detail/situation.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/focus.hpp>
#include <luban/recommend/detail/risk_surrogate.hpp>
#include <luban/recommend/detail/signomial.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {
namespace {

using core::ConfigurationError;
using features::Role;
using process::NamedValue;

constexpr double bound_slack = 1e-6;  ///< of a log probability or of an exact bound's size: rounding, not leniency

Eigen::Index response_index(const surrogate::Surrogate& surrogate, const std::string& name, const char* what) {
  std::vector<std::string> known;
  for (const features::ResponseColumn& response : surrogate.responses()) {
    if (response.name == name) return static_cast<Eigen::Index>(known.size());
    known.push_back(response.name);
  }
  throw ConfigurationError({.where = "recommend.recommend",
                            .expected = std::string("a model of every ") + what,
                            .received = "a model without " + core::quoted(name),
                            .place = {},
                            .hint = core::nearest_hint(name, known)});
}

/// Coded context of the surrogate's context columns, in their order, as the noise levels want it.
Eigen::VectorXd coded_context(const features::Encoder& encoder, const std::vector<NamedValue>& context) {
  const std::vector<Eigen::Index> columns = encoder.columns_of(Role::context);
  Eigen::VectorXd coded(static_cast<Eigen::Index>(columns.size()));
  for (std::size_t k = 0; k < columns.size(); ++k) {
    coded(static_cast<Eigen::Index>(k)) = encoder.encode_value(columns[k], context[k].value);
  }
  return coded;
}

void require_ratios(const std::vector<double>& ratios, std::size_t constraints) {
  const bool usable = std::all_of(ratios.begin(), ratios.end(), [](double r) { return r > 0.0 && std::isfinite(r); });
  if (usable && (ratios.empty() || ratios.size() == constraints)) return;
  throw ConfigurationError(
      {.where = "recommend.recommend",
       .expected = "a ratio above 0 for each of " + std::to_string(constraints) + " outcome constraints, or none",
       .received = usable ? std::to_string(ratios.size()) + " ratios" : "one that is not",
       .place = {},
       .hint = {}});
}

std::vector<OutcomeBound> make_bounds(const Basis& basis, const surrogate::Surrogate& surrogate, Eigen::Index predicted,
                                      const SearchRegion& region, std::vector<std::string>& texts) {
  const std::vector<process::OutcomeConstraint>& constraints = basis.process->definition().outcome_constraints;
  require_ratios(basis.bound_ratios, constraints.size());
  std::vector<OutcomeBound> bounds;
  for (const process::OutcomeConstraint& constraint : constraints) {
    const Eigen::Index response = response_index(surrogate, constraint.response, "constrained response");
    const bool exact = response >= predicted;
    const double ratio = exact || basis.bound_ratios.empty() ? 1.0 : basis.bound_ratios[bounds.size()];
    bounds.push_back({response, constraint.lower, constraint.upper, constraint.probability, exact, ratio});
    if (exact) {
      const Eigen::VectorXd centre = 0.5 * (region.lows() + region.highs());
      const process::DerivedResponse& derived = *basis.process->find_derived(constraint.response);
      bounds.back().magnitude = Signomial(region.encoder(), derived.sum).magnitude(centre);
    }
    const std::string& unit = surrogate.responses()[response].unit;
    std::string text = constraint.response;
    if (std::isfinite(constraint.lower)) text = with_unit(constraint.lower, unit) + " <= " + text;
    if (std::isfinite(constraint.upper)) text += " <= " + with_unit(constraint.upper, unit);
    if (!exact) text += " with probability " + percent(constraint.probability);
    texts.push_back(text);
  }
  return bounds;
}

/// Distinct measured settings as rows of the averaged surrogate, as they would be here: those run in the same
/// categories of context, or, when none was, all of them. Numbers of the context hardly repeat: the model moves the
/// settings to the present ones.
Eigen::MatrixXd measured_settings(const features::Dataset& data, const SearchRegion& region,
                                  const std::vector<NamedValue>& context) {
  const features::Encoder& encoder = region.encoder();
  std::vector<Eigen::Index> source;
  for (const features::EncodedVariable& variable : encoder.variables()) {
    source.push_back(data.encoder.find(variable.name));
    if (source.back() < 0) {
      throw ConfigurationError({.where = "recommend.recommend",
                                .expected = "a history with " + core::quoted(variable.name),
                                .received = "one without it",
                                .place = {},
                                .hint = "model and history must belong to the same process"});
    }
  }
  const Eigen::VectorXd here = coded_context(encoder, context);
  const std::vector<Eigen::Index> context_columns = encoder.columns_of(Role::context);
  struct ByValue {
    bool operator()(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  std::set<Eigen::VectorXd, ByValue> in_context;
  std::set<Eigen::VectorXd, ByValue> anywhere;
  for (Eigen::Index row = 0; row < data.n(); ++row) {
    Eigen::VectorXd x = data.X.row(row)(source).transpose();
    bool same = true;
    for (std::size_t k = 0; k < context_columns.size(); ++k) {
      double& value = x(context_columns[k]);
      const bool numeric = encoder.variables()[context_columns[k]].is_numeric();
      same = same && (numeric || value == here(static_cast<Eigen::Index>(k)));
      value = here(static_cast<Eigen::Index>(k));
    }
    if (!region.contains(x)) continue;
    if (same) in_context.insert(x);
    anywhere.insert(x);
  }
  const auto& chosen = in_context.empty() ? anywhere : in_context;
  Eigen::MatrixXd rows(static_cast<Eigen::Index>(chosen.size()), encoder.p());
  Eigen::Index i = 0;
  for (const Eigen::VectorXd& x : chosen) rows.row(i++) = x.transpose();
  return rows;
}

/// How often each level of the noise variables was observed in this context; nothing without noise variables.
std::optional<surrogate::NoiseLevels> noise_levels(const Basis& basis, const std::vector<NamedValue>& context) {
  const features::Encoder& encoder = basis.surrogate->encoder();
  if (encoder.columns_of(Role::noise).empty()) return std::nullopt;
  if (basis.data == nullptr) {
    throw ConfigurationError({.where = "recommend.recommend",
                              .expected = "the history that tells how often each noise level occurs",
                              .received = "none",
                              .place = {},
                              .hint = "pass the dataset the model was fitted on"});
  }
  return surrogate::observed_noise_levels(*basis.data, coded_context(encoder, context));
}

/// The risks that the process's objectives ask for, in their order.
std::vector<RiskColumn> risk_columns(const surrogate::Surrogate& surrogate, const process::Process& process) {
  std::vector<RiskColumn> out;
  for (const process::Objective& objective : process.objectives()) {
    if (!objective.risk) continue;
    out.push_back({response_index(surrogate, objective.response, "objective"), *objective.risk, objective.goal,
                   objective.goal == process::Goal::target ? objective.target : 0.0});
  }
  return out;
}

/// A surrogate as decisions see it: without noise variables, around settings that the machine holds only so well, with
/// the derived responses and the risks.
std::shared_ptr<const surrogate::Surrogate> decision_surrogate(std::shared_ptr<const surrogate::Surrogate> surrogate,
                                                               const std::optional<surrogate::NoiseLevels>& levels,
                                                               const process::Process& process,
                                                               const std::vector<RiskColumn>& risks,
                                                               const RiskSampling& sampling) {
  if (levels) surrogate = std::make_shared<surrogate::AveragedSurrogate>(std::move(surrogate), *levels);
  return over_tolerances(std::move(surrogate), process.definition().tolerances, process.derived(), risks, sampling);
}

/// The encoder without noise variables: what the averaged surrogate will have.
features::Encoder decision_encoder(const features::Encoder& encoder) {
  std::vector<features::EncodedVariable> kept;
  for (const features::EncodedVariable& variable : encoder.variables()) {
    if (variable.role != Role::noise) kept.push_back(variable);
  }
  return features::Encoder(std::move(kept));
}

}  // namespace

std::vector<OutcomeBound> Situation::predicted_bounds() const {
  std::vector<OutcomeBound> out = bounds;
  std::erase_if(out, [](const OutcomeBound& bound) { return bound.exact; });
  return out;
}

std::vector<process::SignomialConstraint> computed_relations(const process::Process& process) {
  std::vector<process::SignomialConstraint> out;
  for (const process::OutcomeConstraint& bound : process.definition().outcome_constraints) {
    if (const process::DerivedResponse* derived = process.find_derived(bound.response)) {
      out.push_back({.sum = derived->sum, .lower = bound.lower, .upper = bound.upper});
    }
  }
  return out;
}

Situation make_situation(const Basis& basis, const std::vector<NamedValue>& context,
                         const std::optional<process::MoveLimits>& moves) {
  if (basis.process == nullptr || basis.surrogate == nullptr) {
    throw ConfigurationError({.where = "recommend.recommend",
                              .expected = "a process and a model",
                              .received = basis.process == nullptr ? "no process" : "no model",
                              .place = {},
                              .hint = {}});
  }
  // The region comes first: it judges the context before anything is averaged over it.
  const features::Encoder encoder = decision_encoder(basis.surrogate->encoder());
  SearchRegion region = SearchRegion::make(encoder, process::SearchSpace::of(*basis.process, moves), context);
  std::vector<NamedValue> ordered;
  for (const Eigen::Index column : encoder.columns_of(Role::context)) {
    const features::EncodedVariable& variable = encoder.variables()[column];
    const auto found = std::find_if(context.begin(), context.end(),
                                    [&](const NamedValue& given) { return given.name == variable.name; });
    ordered.push_back({variable.name, found->value, variable.unit});
  }
  std::optional<surrogate::NoiseLevels> levels = noise_levels(basis, ordered);
  std::vector<RiskColumn> risks = risk_columns(*basis.surrogate, *basis.process);
  auto surrogate = decision_surrogate(basis.surrogate, levels, *basis.process, risks, stating);
  const Eigen::Index predicted = std::ssize(basis.surrogate->responses());
  std::vector<std::string> texts;
  std::vector<OutcomeBound> bounds = make_bounds(basis, *surrogate, predicted, region, texts);
  Eigen::MatrixXd measured(0, encoder.p());
  if (basis.data != nullptr) measured = measured_settings(*basis.data, region, ordered);
  region = region.with(computed_relations(*basis.process));
  std::shared_ptr<const Reach> reach;
  if (basis.envelope != nullptr) reach = std::make_shared<const Reach>(*basis.envelope, region);
  return {basis,
          std::move(ordered),
          std::move(surrogate),
          predicted,
          predicted + std::ssize(basis.process->derived()),
          std::move(risks),
          std::move(levels),
          std::move(region),
          std::move(bounds),
          std::move(texts),
          std::move(measured),
          std::move(reach)};
}

std::shared_ptr<const Reach> search_reach(const Situation& situation, double novelty) {
  if (situation.basis.envelope == nullptr || novelty == 1.0) return nullptr;
  return std::make_shared<const Reach>(*situation.basis.envelope, situation.region, novelty);
}

Eigen::Index nearest_measured(const Situation& situation, const surrogate::Surrogate& surrogate, const Utility& utility,
                              const Reach& reach) {
  if (situation.measured.rows() == 0) return -1;
  const auto posterior = surrogate.posterior(situation.measured);
  const std::vector<bool> keeps = admissible(*posterior, situation.bounds);
  const Eigen::VectorXd excess = reach.excess(situation.measured).cwiseMax(0.0);
  Eigen::VectorXd value = posterior->mean().col(utility.response);
  for (double& one : value) one = utility.of(one);
  Eigen::Index best = -1;
  for (Eigen::Index row = 0; row < value.size(); ++row) {
    if (!keeps[static_cast<std::size_t>(row)]) continue;
    if (best < 0 || std::pair(-excess(row), value(row)) > std::pair(-excess(best), value(best))) best = row;
  }
  return best;
}

Utility find_objective(const Situation& situation, const std::string& response, const char* where) {
  const std::vector<process::Objective>& objectives = situation.basis.process->objectives();
  std::vector<std::string> names;
  std::size_t risks = 0;
  for (const process::Objective& objective : objectives) {
    names.push_back(objective.response);
    const std::size_t before = risks;
    if (objective.risk) ++risks;
    if (!response.empty() && objective.response != response) continue;
    if (objective.risk) {
      return risk_utility(situation.risks[before], situation.computed + static_cast<Eigen::Index>(before));
    }
    return {response_index(*situation.surrogate, objective.response, "objective"), objective.goal,
            objective.goal == process::Goal::target ? objective.target : 0.0};
  }
  throw ConfigurationError({.where = where,
                            .expected = names.empty() ? "a process with an objective" : "an objective of the process",
                            .received = response.empty() ? "none" : core::quoted(response),
                            .place = {},
                            .hint = names.empty() ? "name what to improve under `objectives:` in the process file"
                                                  : core::nearest_hint(response, names)});
}

std::shared_ptr<const surrogate::Surrogate> surrogate_for(const Situation& situation,
                                                          const std::vector<Utility>& utilities) {
  std::vector<Eigen::Index> responses;
  for (const Utility& utility : utilities) responses.push_back(situation.expected(utility).response);
  for (const OutcomeBound& bound : situation.bounds) responses.push_back(bound.response);
  return decision_surrogate(focused(situation.basis.surrogate, std::move(responses)), situation.levels,
                            *situation.basis.process, situation.risks, searching);
}

Eigen::VectorXd encode_pending(const Situation& situation, const PendingRun& run) {
  Eigen::VectorXd x = situation.region.encode(run.recipe);
  const features::Encoder& encoder = situation.region.encoder();
  for (const NamedValue& given : run.context) {
    const Eigen::Index column = encoder.find(given.name);
    if (column < 0 || encoder.variables()[column].role != Role::context) {
      throw ConfigurationError({.where = "recommend.recommend",
                                .expected = "a context variable in a pending run",
                                .received = core::quoted(given.name),
                                .place = {},
                                .hint = {}});
    }
    x(column) = encoder.encode_value(column, given.value);
  }
  return x;
}

Eigen::VectorXd log_probability_feasible(const surrogate::Posterior& posterior,
                                         const std::vector<OutcomeBound>& bounds) {
  Eigen::VectorXd log_probability = Eigen::VectorXd::Zero(posterior.q());
  const Eigen::MatrixXd mean = posterior.mean();
  const Eigen::MatrixXd variance = posterior.variance(surrogate::VarianceOf::run_mean);
  for (const OutcomeBound& bound : bounds) {
    for (Eigen::Index i = 0; i < mean.rows(); ++i) {
      const double sd = bound.exact ? 0.0 : std::sqrt(variance(i, bound.response));
      OutcomeBound lenient = bound;  // a computed response on its bound keeps it, whatever the last digit says
      if (bound.exact) {
        lenient.lower -= bound_slack * bound.size_of(bound.lower);
        lenient.upper += bound_slack * bound.size_of(bound.upper);
      }
      log_probability(i) += lenient.log_probability(mean(i, bound.response), sd).value;
    }
  }
  return log_probability;
}

Eigen::VectorXd probability_feasible(const surrogate::Posterior& posterior, const std::vector<OutcomeBound>& bounds) {
  return log_probability_feasible(posterior, bounds).array().exp();
}

std::vector<bool> admissible(const surrogate::Posterior& posterior, const std::vector<OutcomeBound>& bounds) {
  std::vector<bool> result(static_cast<std::size_t>(posterior.q()), true);
  for (const OutcomeBound& bound : bounds) {
    const Eigen::VectorXd probability = probability_feasible(posterior, {bound});
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = result[i] && probability(static_cast<Eigen::Index>(i)) >= bound.probability * (1.0 - bound_slack);
    }
  }
  return result;
}

void throw_exact_bounds_infeasible(const Situation& situation, const Eigen::VectorXd& nearest) {
  const auto posterior = situation.surrogate->posterior(nearest.transpose());
  std::vector<std::string> names;
  std::vector<std::string> reached;
  for (std::size_t i = 0; i < situation.bounds.size(); ++i) {
    if (!situation.bounds[i].exact) continue;
    names.push_back("outcome constraint " + situation.bound_texts[i]);
    const features::ResponseColumn& response = situation.surrogate->responses()[situation.bounds[i].response];
    reached.push_back(response.name + " = " +
                      with_unit(posterior->mean()(0, situation.bounds[i].response), response.unit));
  }
  throw core::InfeasibleError(
      {.where = "recommend.recommend",
       .expected = "settings that keep " + core::listed(names),
       .received = "none within the search ranges and parameter constraints; the nearest give " + core::listed(reached),
       .place = {},
       .hint = "widen a search range or relax the outcome constraint"});
}

}  // namespace luban::recommend::detail
