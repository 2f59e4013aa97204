#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/detail/risk_samples.hpp>
#include <luban/recommend/recommend.hpp>
#include <luban/recommend/search_region.hpp>
#include <luban/surrogate/noise_average.hpp>

namespace luban::recommend::detail {

/// A process in one context: what may be proposed there and how it is judged.
struct Situation {
  const Basis& basis;
  std::vector<process::NamedValue> context;  ///< in the encoder's order, with units
  /// Averaged over noise and tolerances, then derived responses, then the risks of objectives that ask for one.
  std::shared_ptr<const surrogate::Surrogate> surrogate;
  Eigen::Index predicted;                        ///< responses below this index are predicted
  Eigen::Index computed;                         ///< from there to below this one derived, above it risks
  std::vector<RiskColumn> risks;                 ///< of the columns from `computed` on
  std::optional<surrogate::NoiseLevels> levels;  ///< that were averaged over; nothing without noise variables
  SearchRegion region;  ///< what keeps the bounds on computed responses: they are relations between settings
  std::vector<OutcomeBound> bounds;
  std::vector<std::string> bound_texts;  ///< "roughness <= 3.2 um with probability 95 %"
  /// (k, p) settings inside ranges and linear relations measured in the same categories of context, as they would be
  /// here; where there are none, those measured in any.
  Eigen::MatrixXd measured;
  std::shared_ptr<const Reach> reach;  ///< of the training data; null when it is not known

  [[nodiscard]] const features::ResponseColumn& response(const Utility& utility) const {
    return surrogate->responses()[utility.response];
  }
  /// The bounds that a landscape must keep: those on predicted responses.
  [[nodiscard]] std::vector<OutcomeBound> predicted_bounds() const;
  [[nodiscard]] bool exact(const Utility& utility) const {
    return utility.response >= predicted && utility.response < computed;
  }
  /// What the utility asks of the tolerances; null = the expectation.
  [[nodiscard]] const RiskColumn* risk(const Utility& utility) const {
    return utility.response < computed ? nullptr : &risks[static_cast<std::size_t>(utility.response - computed)];
  }
  /// The objective by the expectation of its response: what runs measure.
  [[nodiscard]] Utility expected(const Utility& utility) const {
    const RiskColumn* of = risk(utility);
    return of == nullptr ? utility : Utility{of->response, of->goal, of->target};
  }
};

/// The bounds on computed responses as relations between parameters.
[[nodiscard]] std::vector<process::SignomialConstraint> computed_relations(const process::Process& process);

/// @throws as recommend().
[[nodiscard]] Situation make_situation(const Basis& basis, const std::vector<process::NamedValue>& context,
                                       const std::optional<process::MoveLimits>& moves);

/// The objective of a response ("" = the first). @throws ConfigurationError naming the objectives.
[[nodiscard]] Utility find_objective(const Situation& situation, const std::string& response, const char* where);

/// The situation's surrogate for a search that looks at these utilities and the bounds only: cheaper, and equal but for
/// risks, which it samples more coarsely.
[[nodiscard]] std::shared_ptr<const surrogate::Surrogate> surrogate_for(const Situation& situation,
                                                                        const std::vector<Utility>& utilities);

/// The coded row of a pending run, in its own context when it states one.
[[nodiscard]] Eigen::VectorXd encode_pending(const Situation& situation, const PendingRun& run);

/// P(all bounds) of each point of a posterior, by calibrated spreads, and its logarithm, which does not underflow.
[[nodiscard]] Eigen::VectorXd log_probability_feasible(const surrogate::Posterior& posterior,
                                                       const std::vector<OutcomeBound>& bounds);
[[nodiscard]] Eigen::VectorXd probability_feasible(const surrogate::Posterior& posterior,
                                                   const std::vector<OutcomeBound>& bounds);
/// Whether each bound keeps its stated probability, up to rounding.
[[nodiscard]] std::vector<bool> admissible(const surrogate::Posterior& posterior,
                                           const std::vector<OutcomeBound>& bounds);

/// What a proposal is compared with.
struct Reference {
  std::string name;  ///< empty = nothing
  Eigen::VectorXd x;
  double min_gain = 0.0;
  std::string not_judged = {};  ///< why no probability of a gain may be stated; empty = it may
};

/// Limits a search to the reach of the training data. @param novelty its share of left-out groups; 1 = no limit.
/// @return null without a limit. @throws ConfigurationError as Reach.
[[nodiscard]] std::shared_ptr<const Reach> search_reach(const Situation& situation, double novelty);

/// The row of `measured` to take where nothing admissible lies within reach: among those that keep the bounds the
/// nearest to it, then the best; −1 when none keeps them.
/// @param surrogate of the search.
[[nodiscard]] Eigen::Index nearest_measured(const Situation& situation, const surrogate::Surrogate& surrogate,
                                            const Utility& utility, const Reach& reach);

/// Fills predictions, gain, probabilities, nearest runs, drivers, limits and sentences of settings x.
/// @param weights of the readings, see near_runs.hpp.
[[nodiscard]] Proposal explain(const Situation& situation, const Utility& utility, const Eigen::VectorXd& x,
                               const std::string& kind, const Reference& reference, double interval_level,
                               const Eigen::VectorXd& weights);

/// @throws InfeasibleError when the exact bounds cannot be kept by any settings, naming them.
[[noreturn]] void throw_exact_bounds_infeasible(const Situation& situation, const Eigen::VectorXd& nearest);

}  // namespace luban::recommend::detail
