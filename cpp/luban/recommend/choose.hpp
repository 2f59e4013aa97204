#pragma once

#include <optional>
#include <vector>

#include <Eigen/Core>

#include <luban/process/variable.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {

/// The answer to "which of these settings?".
struct LUBAN_RECOMMEND_EXPORT Choice {
  Eigen::Index index = 0;                          ///< row of the chosen settings
  bool admissible = true;                          ///< whether it keeps every bound with its probability
  Eigen::VectorXd mean;                            ///< (k) expected response of each candidate
  Eigen::VectorXd sd;                              ///< (k) of that expectation (latent)
  double gain = process::no_number;                ///< over the reference, > 0 = better, in the response's unit
  double gain_sd = process::no_number;             ///< from the joint posterior of both
  double probability_better = process::no_number;  ///< P(gain > 0)
};

/// Chooses among given settings by posterior mean: a shrunken estimate, hence free of the winner's luck that the best
/// of several raw means carries. Ties go to the first.
/// @param surrogate averaged over its noise variables (AveragedSurrogate) when these are not to be chosen.
/// @param X (k, p) coded candidates, k ≥ 1. @param reference row of X to compare with.
/// @param bounds only candidates that keep them are chosen; when none does, the one most likely to.
/// @throws ConfigurationError on no candidates or a reference outside.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Choice choose_among(const surrogate::Surrogate& surrogate,
                                                         const Eigen::MatrixXd& X, const Utility& utility,
                                                         std::optional<Eigen::Index> reference = std::nullopt,
                                                         const std::vector<OutcomeBound>& bounds = {});

}  // namespace luban::recommend
