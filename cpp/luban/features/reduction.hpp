#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

/// One response's readings reduced exactly to weighted means per (run, input point), u of them: given the weights w
/// the Gaussian likelihood of the readings y_k ~ N(η_i, σ_w² / w_k) equals that of the means ȳ_i ~ N(η_i, σ_w² / W_i)
/// times a factor that holds only `within_ss`, `n` and `log_weight_sum`:
///   −½ [ (n − u) log(2π σ_w²) + within_ss / σ_w² − log_weight_sum + Σ log W_i ].
struct LUBAN_FEATURES_EXPORT Reduction {
  Eigen::MatrixXd X;              ///< (u, p)
  std::vector<std::int32_t> run;  ///< (u) index into the dataset's run_ids
  Eigen::VectorXd mean;           ///< (u) weighted means, in the response's unit
  Eigen::VectorXd weight;         ///< (u) W_i = Σ w_k > 0
  Eigen::VectorXd scatter;        ///< (u) Σ w_k (y_k − ȳ_i)² of the readings of each mean
  Eigen::VectorXd readings;       ///< (u) how many each mean is of
  double within_ss = 0.0;         ///< the scatter of all readings
  double log_weight_sum = 0.0;    ///< Σ log w_k over readings with w_k > 0
  Eigen::Index n = 0;             ///< readings with weight above 0
};

/// Readings that are missing or of weight 0 are left out; cells that lose all readings vanish.
/// @throws DataError when nothing remains.
[[nodiscard]] LUBAN_FEATURES_EXPORT Reduction reduce(const Dataset& data, Eigen::Index response,
                                                     const Eigen::VectorXd& weights);

}  // namespace luban::features
