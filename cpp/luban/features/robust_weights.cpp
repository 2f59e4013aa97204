#include <luban/features/robust_weights.hpp>

#include <algorithm>
#include <cmath>

#include <luban/features/detail/spread.hpp>

namespace luban::features {

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

Eigen::VectorXd robust_weights(const Dataset& data, Eigen::Index response, const RobustWeightOptions& options) {
  const detail::ReadingSpread spread = detail::reading_spread(data, response, options);
  Eigen::VectorXd weights(data.n());
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    weights(i) = std::isnan(spread.deviations(i)) || spread.is_gross(i) ? 0.0 : 1.0;
  }
  return weights;
}

}  // namespace luban::features
