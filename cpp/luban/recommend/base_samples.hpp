#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Standard normal numbers that joint samples of q points and b fixed ones are made of: fixed, so that an acquisition
/// is a smooth function of the points.
struct LUBAN_RECOMMEND_EXPORT BaseSamples {
  std::vector<Eigen::MatrixXd> points;  ///< per response (q, s)
  std::vector<Eigen::MatrixXd> fixed;   ///< per response (b, s)
  /// Scrambled Sobol points through the normal quantile, the dimensions of the q points first. Beyond 100 dimensions
  /// further sequences are joined in a random order of their points (Latin supercube sampling, Owen 1998).
  /// @throws ConfigurationError unless q ≥ 1, b ≥ 0, responses ≥ 1 and 1 ≤ samples ≤ 1e6.
  [[nodiscard]] static BaseSamples draw(Eigen::Index responses, Eigen::Index q, Eigen::Index b, Eigen::Index samples,
                                        core::RandomKey key);
};

}  // namespace luban::recommend
