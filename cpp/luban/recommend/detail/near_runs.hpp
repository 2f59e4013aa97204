#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/recommend.hpp>

namespace luban::recommend::detail {

/// Weight of each reading (n) of the objective as a fit finds it, 0 = gross error or missing; empty when the objective
/// is computed or there is no history.
[[nodiscard]] Eigen::VectorXd reading_weights(const Situation& situation, const Utility& utility);

/// The nearest runs by their parameters and numeric context, at most 3 different ones, repeats folded into one; runs in
/// the same categories of context are preferred to all others.
/// @param weights of the readings. What a run measured is averaged as predictions are: per level of the noise
/// variables, these as often as they occur in this context.
[[nodiscard]] std::vector<NearRun> find_near_runs(const Situation& situation, const Eigen::VectorXd& x,
                                                  const Utility& utility, const Eigen::VectorXd& weights);

/// What the runs at the settings x gave, see MeasuredReference; its gain is left open.
[[nodiscard]] MeasuredReference measured_at(const Situation& situation, const Eigen::VectorXd& x,
                                            const Utility& utility, const Eigen::VectorXd& weights, double level);

}  // namespace luban::recommend::detail
