#pragma once

#include <luban/features/reduction.hpp>

namespace luban::features {

/// Replicate noise of one response, by the method of moments over repeats; no model of the inputs enters.
struct LUBAN_FEATURES_EXPORT NoiseEstimate {
  double within_sd = 0.0;        ///< of one reading within its run, at one input point
  Eigen::Index within_dof = 0;   ///< 0 = no run was read twice at one point: within_sd is NaN
  double between_sd = 0.0;       ///< of run means at identical inputs, within_sd's share taken out; ≥ 0
  Eigen::Index between_dof = 0;  ///< 0 = no input point was run twice: between_sd is NaN
};

[[nodiscard]] LUBAN_FEATURES_EXPORT NoiseEstimate estimate_noise(const Reduction& reduction);

}  // namespace luban::features
