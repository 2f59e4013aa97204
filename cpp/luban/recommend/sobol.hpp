#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Points of a Sobol sequence with hash-based Owen scrambling: every 2^k successive points from a multiple of 2^k on
/// stay a net, each point is uniform, and different keys give independent sets. Sources: Joe and Kuo 2008 (direction
/// numbers), Burley 2020 (scrambling, J. Computer Graphics Techniques 9(4)).
class LUBAN_RECOMMEND_EXPORT Sobol {
 public:
  static constexpr int most_dimensions = 100;

  /// @throws ConfigurationError when dimensions is not in [1, most_dimensions].
  Sobol(int dimensions, core::RandomKey key);

  /// Points first … first + count − 1, each row in (0, 1)^dimensions. The same for any split into calls.
  [[nodiscard]] Eigen::MatrixXd points(std::uint32_t first, Eigen::Index count) const;

 private:
  std::vector<std::uint32_t> directions_;  ///< (dimensions × 32)
  std::vector<std::uint32_t> seeds_;       ///< (dimensions)
};

}  // namespace luban::recommend
