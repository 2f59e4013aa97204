#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/recommend/detail/array_trials.hpp>
#include <luban/recommend/propose.hpp>

namespace luban::recommend::detail {

/// What is believed once the surrogate is fitted: where to search and what is known there. Learned units throughout.
struct ArraySituation {
  std::shared_ptr<const surrogate::Surrogate> fitted;  ///< of the responses as they are learned
  std::shared_ptr<const surrogate::Surrogate> judged;  ///< what acquisitions look at: see ArrayTrials
  std::vector<process::Tolerance> tolerances;
  std::vector<RiskColumn> risks;
  Eigen::Index learned_objective = 0;  ///< response of the first objective, itself where a risk of it is judged
  SearchRegion region;
  std::optional<SearchRegion> relaxed;  ///< whole numbers and fine grids as ranges; nothing where there are none
  std::vector<Utility> objectives;
  std::vector<OutcomeBound> bounds;
  Eigen::MatrixXd known;                  ///< (k, p) measured points, those inside the region where there are any
  Eigen::MatrixXd utilities;              ///< (k, objectives) believed of them
  std::vector<bool> feasible;             ///< (k) whether they are believed to keep the bounds
  Eigen::VectorXd units;                  ///< of each response and risk, its spread over what was measured
  Eigen::VectorXd noise;                  ///< of each response and risk, standard deviation of one run around it
  Eigen::VectorXd reference;              ///< (objectives) utilities; empty for one objective
  std::optional<Eigen::Index> cost = {};  ///< response that a run costs
  double least_cost = 0.0;                ///< a hundredth of the least measured: expectations are taken no lower
  /// Whether what is applied scatters around what is set.
  [[nodiscard]] bool scatters() const noexcept { return !tolerances.empty(); }
  /// Whether what is judged is known with doubt at measured points: it always is where it is no single value.
  [[nodiscard]] bool noisy() const;
  [[nodiscard]] bool any_feasible() const;
  [[nodiscard]] Eigen::MatrixXd feasible_utilities() const;
};

/// Whether what was fitted to the trials sees more than next to no noise in an objective.
[[nodiscard]] bool noisy(const ArrayTrials& trials, const surrogate::Surrogate& fitted);

/// @throws ConfigurationError and InfeasibleError as propose; ConfigurationError when the surrogate cannot be averaged
/// over the tolerances.
[[nodiscard]] ArraySituation array_situation(const ArrayProblem& problem, const ArrayTrials& trials,
                                             std::shared_ptr<const surrogate::Surrogate> fitted);

[[nodiscard]] bool measures_hypervolume(Acquisition acquisition);

/// What is maximised where nothing measured keeps the bounds.
inline constexpr const char* feasibility_name = "log_probability_feasible";

/// What `automatic` means here. @throws ConfigurationError when the wanted one is not for this number of objectives.
[[nodiscard]] Acquisition resolved(Acquisition wanted, const ArraySituation& situation);

/// The best next point by an acquisition as if runs at the `pending` points (p, p) had been told.
/// @param feasibility_first maximise the log probability of keeping the bounds instead.
[[nodiscard]] SearchResult next_point(const ArraySituation& situation, Acquisition acquisition, bool feasibility_first,
                                      const Eigen::MatrixXd& pending, bool news, const ProposeOptions& options,
                                      core::RandomKey key, const core::CallControl& control);

}  // namespace luban::recommend::detail
