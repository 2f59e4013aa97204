#include <luban/recommend/propose.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/recommend/detail/array_fit.hpp>
#include <luban/recommend/detail/array_search.hpp>
#include <luban/recommend/detail/array_trials.hpp>
#include <luban/recommend/detail/array_warnings.hpp>
#include <luban/recommend/detail/local_problem.hpp>
#include <luban/recommend/detail/relation_conflict.hpp>
#include <luban/recommend/detail/rows.hpp>
#include <luban/recommend/detail/situation.hpp>

namespace luban::recommend {
namespace {

constexpr Eigen::Index most_light_runs = 128;
constexpr Eigen::Index most_quick_columns = 20;
constexpr int most_quick_points = 4;
constexpr double next_to_none = 0.01;  ///< probability of keeping every bound that is warned of

void check(const ProposeOptions& options, int q) {
  const auto refuse = [](const std::string& expected, const std::string& received) {
    throw core::ConfigurationError(
        {.where = "recommend.propose", .expected = expected, .received = received, .place = {}, .hint = {}});
  };
  if (q < 1 || q > 100) refuse("1 to 100 points", std::to_string(q));
  if (options.samples < 16 || options.samples > 65536) refuse("16 to 65536 samples", std::to_string(options.samples));
  if (!(options.beta >= 0.0 && options.beta <= 100.0)) refuse("beta of 0 to 100", core::number_text(options.beta));
}

bool feasibility_counts(Acquisition acquisition) {
  return acquisition != Acquisition::upper_confidence_bound && acquisition != Acquisition::max_value_entropy &&
         acquisition != Acquisition::upper_confidence_bound_pure_exploration && acquisition != Acquisition::thompson;
}

/// Where all is held the worst is what is expected: of a target the distance, whose belief is a folded normal.
void say_risks_without_scatter(const ArrayProblem& problem, Proposed& out) {
  for (std::size_t j = 0; j < problem.risks.size(); ++j) {
    if (!problem.risks[j]) continue;
    const Utility& wanted = problem.objectives[j];
    out.risk.col(wanted.response) = out.mean.col(wanted.response);
    out.risk_sd.col(wanted.response) = out.sd.col(wanted.response);
    if (wanted.goal != process::Goal::target) continue;
    for (Eigen::Index i = 0; i < out.mean.rows(); ++i) {
      const double sd = out.sd(i, wanted.response);
      const double away = std::abs(out.mean(i, wanted.response) - wanted.target);
      const double z = away / std::max(sd, 1e-300);
      const double mean =
          2.0 * sd * std::exp(core::log_normal_density(z)) + away * std::erf(z * std::numbers::sqrt2 / 2);
      out.risk(i, wanted.response) = mean;
      out.risk_sd(i, wanted.response) = std::sqrt(std::max(0.0, away * away + sd * sd - mean * mean));
    }
  }
}

/// What is expected of chosen coded points.
Proposed described(const ArrayProblem& problem, const detail::ArrayTrials& trials,
                   const std::shared_ptr<const surrogate::Surrogate>& fitted, const Eigen::MatrixXd& chosen) {
  Proposed out;
  out.X.resize(chosen.rows(), problem.X.cols());
  for (Eigen::Index i = 0; i < chosen.rows(); ++i) {
    out.X.row(i) = detail::decoded(problem, chosen.row(i).transpose()).transpose();
  }
  detail::ArrayTrials::Moments moments = trials.moments(fitted, chosen);
  out.mean = std::move(moments.mean);
  out.sd = std::move(moments.sd);
  out.risk = std::move(moments.risk);
  out.risk_sd = std::move(moments.risk_sd);
  if (trials.tolerances.empty()) say_risks_without_scatter(problem, out);
  out.probability_feasible =
      detail::probability_feasible(*trials.judged(fitted, detail::stating)->posterior(chosen), trials.bounds);
  return out;
}

/// Whether waking a second thread takes longer than it saves: milliseconds of work in hundreds of small steps.
bool light(const ArrayProblem& problem) {
  return problem.X.rows() <= most_light_runs && problem.Y.cols() == 1 && problem.tolerances.empty();
}

bool pointwise(Acquisition acquisition) {
  return acquisition == Acquisition::log_expected_improvement || acquisition == Acquisition::upper_confidence_bound ||
         acquisition == Acquisition::max_value_entropy || acquisition == Acquisition::thompson;
}

/// The search for q points, the surrogate being there.
Proposed searched(const ArrayProblem& problem, const detail::ArrayTrials& trials,
                  const std::shared_ptr<const surrogate::Surrogate>& fitted, int q, const ProposeOptions& options,
                  core::RandomKey key, const core::CallControl& control) {
  const detail::ArraySituation situation = detail::array_situation(problem, trials, fitted);
  const Acquisition acquisition = detail::resolved(options.acquisition, situation);
  const bool feasibility_first =
      feasibility_counts(acquisition) && !situation.bounds.empty() && !situation.any_feasible();
  Eigen::MatrixXd pending = trials.pending;
  Eigen::MatrixXd chosen(0, problem.X.cols());
  Eigen::VectorXd values(q);
  for (int i = 0; i < q; ++i) {
    control.report({"propose", i + 1, q + 1});
    SearchResult found;
    parallel::with_threads(light(problem) && pointwise(acquisition) ? 1 : options.search.threads, [&] {
      found = detail::next_point(situation, acquisition, feasibility_first, pending, pending.rows() == 0, options,
                                 key.child(static_cast<std::uint64_t>(i)), control);
    });
    values(i) = found.value;
    detail::append_row(pending, found.x);
    detail::append_row(chosen, found.x);
  }
  Proposed out = described(problem, trials, fitted, chosen);
  out.acquisition = values;
  out.acquisition_name = feasibility_first ? detail::feasibility_name : name(acquisition);
  out.warnings = detail::array_warnings(problem, *fitted, options, acquisition, feasibility_first);
  if (!feasibility_first && !situation.bounds.empty() && out.probability_feasible.minCoeff() < next_to_none) {
    out.warnings.push_back("a point keeps every bound with a probability below " +
                           core::number_text(100.0 * next_to_none) + " % only: see probability_feasible");
  }
  return out;
}

Proposed propose_locally(const ArrayProblem& problem, int q, const ArrayFit& fit, const ProposeOptions& options,
                         core::RandomKey key, const core::CallControl& control) {
  detail::TrustRegion region = detail::trust_region_of(problem, q);
  ArrayProblem local = detail::since_start(problem, region);
  detail::ArrayTrials trials = detail::array_trials(local);
  auto fitted = detail::fit_trials(local, trials, fit, key.child("fit"), control);
  if (!trials.tolerances.empty() && !region.designing && region.centre >= 0) {
    const Eigen::Index first = region.first;
    region = detail::judged_trust_region(problem, trials, *trials.judged(fitted, detail::searching), region, q);
    if (region.first != first) {  // by what is judged it has started anew since
      local = detail::since_start(problem, region);
      trials = detail::array_trials(local);
      fitted = detail::fit_trials(local, trials, fit, key.child("fit"), control);
    }
  }
  if (region.designing || region.centre < 0) {
    Proposed out = described(local, trials, fitted, detail::design_points(problem, trials, region, q));
    out.acquisition = Eigen::VectorXd::Zero(q);
    out.acquisition_name = "design";
    out.warnings = {"the first points of trust region " + std::to_string(region.starts) +
                    ", spread over all that may be set"};
    return out;
  }
  detail::narrow(region.length, detail::centre_of(problem, trials, region), *fitted, local);
  Proposed out = searched(local, trials, fitted, q, options, key.child("search"), control);
  out.warnings.push_back("searched in trust region " + std::to_string(region.starts) + " alone, about " +
                         core::number_text(std::round(100.0 * std::min(region.length, 1.0))) +
                         " % of each range wide, and learned from its runs");
  return out;
}

}  // namespace

const std::vector<AcquisitionName>& acquisition_names() {
  static const std::vector<AcquisitionName> names{
      {Acquisition::automatic, "automatic"},
      {Acquisition::log_expected_improvement, "log_expected_improvement"},
      {Acquisition::log_noisy_expected_improvement, "log_noisy_expected_improvement"},
      {Acquisition::upper_confidence_bound, "upper_confidence_bound"},
      {Acquisition::upper_confidence_bound_pure_exploration, "upper_confidence_bound_pure_exploration"},
      {Acquisition::max_value_entropy, "max_value_entropy"},
      {Acquisition::thompson, "thompson"},
      {Acquisition::log_expected_hypervolume_improvement, "log_expected_hypervolume_improvement"},
      {Acquisition::log_noisy_expected_hypervolume_improvement, "log_noisy_expected_hypervolume_improvement"},
      {Acquisition::parego, "parego"},
  };
  return names;
}

std::string name(Acquisition acquisition) {
  for (const AcquisitionName& one : acquisition_names()) {
    if (one.acquisition == acquisition) return one.name;
  }
  return {};
}

Acquisition acquisition_named(const std::string& name) {
  std::vector<std::string> known;
  for (const AcquisitionName& one : acquisition_names()) {
    if (name == one.name) return one.acquisition;
    known.emplace_back(one.name);
  }
  throw core::ConfigurationError({.where = "recommend.propose",
                                  .expected = "an acquisition among " + core::listed(known),
                                  .received = core::quoted(name),
                                  .place = {},
                                  .hint = core::nearest_hint(name, known)});
}

bool quick(const ArrayProblem& problem, int q, const ProposeOptions& options) {
  const bool continuous =
      problem.grids.empty() && problem.space.signomials.empty() &&
      std::all_of(problem.space.parameters.begin(), problem.space.parameters.end(),
                  [](const process::Parameter& one) { return one.kind == process::VariableKind::continuous; });
  const SearchOptions usual;
  const bool few = problem.X.rows() + problem.pending.rows() <= most_light_runs &&
                   problem.space.constraints.size() <= static_cast<std::size_t>(most_quick_columns) && !options.fitted;
  return light(problem) && continuous && few && problem.X.cols() <= most_quick_columns && q <= most_quick_points &&
         options.samples <= ProposeOptions{}.samples && options.search.raw_samples <= 4 * usual.raw_samples &&
         options.search.restarts <= 4 * usual.restarts && options.search.max_iterations <= usual.max_iterations;
}

Proposed propose(const ArrayProblem& problem, int q, const ArrayFit& fit, const ProposeOptions& options,
                 core::RandomKey key, const core::CallControl& control) {
  check(options, q);
  detail::ArrayTrials trials = detail::array_trials(problem);
  // Before the fit, so that contradictions are answered at once.
  static_cast<void>(SearchRegion::make(trials.data.encoder, problem.space, {}, problem.grids));
  detail::require_compatible(trials.data.encoder, problem.space, problem.grids);
  control.report({"fit", 0, q + 1});
  if (detail::wants_trust_region(problem, options)) return propose_locally(problem, q, fit, options, key, control);
  std::shared_ptr<const surrogate::Surrogate> fitted;
  parallel::with_threads(light(problem) ? 1 : options.search.threads, [&] {
    fitted = options.fitted ? fit(trials.data, nullptr, key.child("fit"), control)
                            : detail::fit_trials(problem, trials, fit, key.child("fit"), control);
  });
  return searched(problem, trials, fitted, q, options, key.child("search"), control);
}

}  // namespace luban::recommend
