#include <luban/features/robust_weights.hpp>

#include <cmath>

#include <luban/features/detail/spread.hpp>

namespace luban::features {

Eigen::VectorXd robust_weights(const Dataset& data, Eigen::Index response, const RobustWeightOptions& options) {
  const detail::ReadingSpread spread = detail::reading_spread(data, response, options);
  Eigen::VectorXd weights(data.n());
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    weights(i) = std::isnan(spread.deviations(i)) || spread.is_gross(i) ? 0.0 : 1.0;
  }
  return weights;
}

}  // namespace luban::features
