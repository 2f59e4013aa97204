#include <luban/features/robust_weights.hpp>

#include <cmath>

#include <luban/features/detail/spread.hpp>

namespace luban::features {

Eigen::VectorXd robust_weights(const Dataset& data, Eigen::Index response, const RobustWeightOptions& options) {
  const detail::ReadingSpread spread = detail::reading_spread(data, response, options);
  Eigen::VectorXd weights(data.n());
  for (Eigen::Index i = 0; i < data.n(); ++i) {  // a missing reading has NaN deviations, which compare false
    weights(i) = std::abs(spread.deviations(i)) <= options.gross_threshold ? 1.0 : 0.0;
  }
  return weights;
}

}  // namespace luban::features
