#include <luban/recommend/detail/path_landscape.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace luban::recommend::detail {

PathLandscape::PathLandscape(const surrogate::GaussianProcess& fitted, Utility utility,
                             std::vector<OutcomeBound> bounds, Eigen::VectorXd units, core::RandomKey key)
    : paths_(fitted.paths(1, key)), utility_(utility), bounds_(std::move(bounds)), units_(std::move(units)) {}

Landscape::Value PathLandscape::evaluate(const Eigen::MatrixXd& X, bool gradients) const {
  const Eigen::VectorXd drawn = paths_.values(utility_.response, X).col(0);
  Value out{drawn.unaryExpr([this](double y) { return utility_.of(y); }), {}, Eigen::MatrixXd(X.rows(), 0), {}};
  if (gradients) {
    const Eigen::VectorXd slope = drawn.unaryExpr([this](double y) { return utility_.slope(y); });
    out.gradient = slope.asDiagonal() * paths_.gradient(utility_.response, 0, X);
  }
  for (const OutcomeBound& bound : bounds_) {
    if (std::isfinite(bound.upper)) add_side(bound.response, 1.0, bound.upper, X, gradients, out);
    if (std::isfinite(bound.lower)) add_side(bound.response, -1.0, bound.lower, X, gradients, out);
  }
  return out;
}

void PathLandscape::add_side(Eigen::Index response, double sign, double limit, const Eigen::MatrixXd& X, bool gradients,
                             Value& into) const {
  const double scale = sign / std::max(units_(response), 1e-150);
  const Eigen::Index k = into.constraints.cols();
  into.constraints.conservativeResize(Eigen::NoChange, k + 1);
  into.constraints.col(k) = scale * (paths_.values(response, X).col(0).array() - limit);
  if (gradients) into.jacobians.emplace_back(scale * paths_.gradient(response, 0, X));
}

}  // namespace luban::recommend::detail
