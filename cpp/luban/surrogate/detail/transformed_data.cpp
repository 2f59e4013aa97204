#include <luban/surrogate/detail/transformed_data.hpp>

#include <limits>

#include <luban/features/robust_weights.hpp>

namespace luban::surrogate::detail {

Eigen::VectorXd honest_values(const features::Dataset& data, Eigen::Index response, bool robust) {
  Eigen::VectorXd out = data.Y.col(response);
  if (!robust) return out;
  const Eigen::VectorXd weights = features::robust_weights(data, response);
  for (Eigen::Index i = 0; i < out.size(); ++i) {
    if (weights(i) == 0.0) out(i) = std::numeric_limits<double>::quiet_NaN();
  }
  return out;
}

void transform_response(const ResponseTransform& transform, Eigen::Index response, features::Dataset& data) {
  if (transform.name() == "none") return;
  for (double& y : data.Y.col(response)) y = transform.training_value(y);
  data.responses[static_cast<std::size_t>(response)].unit.clear();
}

}  // namespace luban::surrogate::detail
