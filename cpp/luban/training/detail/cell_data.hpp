#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <luban/features/dataset.hpp>
#include <luban/surrogate/neural_ensemble.hpp>
#include <luban/training/export.hpp>

namespace luban::training::detail {

/// Readings reduced to cells (one run at one input point), u of them, all responses standardised.
struct LUBAN_TRAINING_EXPORT CellData {
  Eigen::MatrixXd z;                ///< (u, d) standardised one-hot inputs
  Eigen::MatrixXd count;            ///< (u, m) sums of weights; 0 = nothing was read
  Eigen::MatrixXd mean;             ///< (u, m) weighted means, 0 where nothing was read
  Eigen::MatrixXd squares;          ///< (u, m) weighted squares around them
  std::vector<std::int32_t> group;  ///< (u) 0 … groups − 1
  std::vector<std::string> group_labels;
  surrogate::NetworkScaling scaling;  ///< between_share filled too: what readings of a run have in common

  [[nodiscard]] Eigen::Index u() const noexcept { return z.rows(); }
};

/// @throws DataError when a response has no usable reading, or all of them are equal to the last digit.
[[nodiscard]] LUBAN_TRAINING_EXPORT CellData cell_data(const features::Dataset& data);

}  // namespace luban::training::detail
