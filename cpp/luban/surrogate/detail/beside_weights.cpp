#include <luban/surrogate/detail/beside_weights.hpp>

#include <string>

#include <luban/core/error.hpp>

namespace luban::surrogate::detail {

void require_pullback(const PullbackWeights& weights, Eigen::Index q, Eigen::Index b) {
  const auto fits = [](const auto& values, Eigen::Index rows, Eigen::Index columns) {
    return values.size() == 0 || (values.rows() == rows && values.cols() == columns);
  };
  if (fits(weights.mean, q, 1) && fits(weights.variance, q, 1) && fits(weights.covariance, q, q) &&
      fits(weights.cross, q, b)) {
    return;
  }
  throw core::DataError(
      {.where = "surrogate.pullback",
       .expected = "weights for " + std::to_string(q) + " points beside " + std::to_string(b) + ", or empty ones",
       .received = "others",
       .place = {},
       .hint = {}});
}

}  // namespace luban::surrogate::detail
