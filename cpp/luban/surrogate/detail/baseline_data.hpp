#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/features/dataset.hpp>

namespace luban::surrogate::detail {

/// One response reduced to (run, point) means with gross errors left out: what the baselines are fitted to.
struct BaselineData {
  Eigen::MatrixXd X;                            ///< (u, p) coded
  Eigen::VectorXd y;                            ///< (u)
  Eigen::VectorXd weight;                       ///< (u) readings behind each mean
  std::vector<std::vector<Eigen::Index>> runs;  ///< rows of each run
  double within_ss = 0.0;                       ///< of readings around their (run, point) mean
  double spare = 0.0;                           ///< degrees of freedom of within_ss
};

/// @throws DataError when fewer than two runs have a usable value: their spread is the least that a baseline states.
[[nodiscard]] BaselineData baseline_data(const features::Dataset& data, Eigen::Index response, const char* where);

}  // namespace luban::surrogate::detail
