#include <luban/recommend/detail/path_landscape.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/recommend/detail/risk_surrogate.hpp>

namespace luban::recommend::detail {

PathScatter path_scatter(const features::Encoder& encoder, const std::vector<process::Tolerance>& tolerances,
                         const std::vector<RiskColumn>& risks) {
  PathScatter out{coded_rule(encoder, tolerances), {}, {}};
  if (risks.empty()) return out;
  out.risk = risks.front();
  out.deviations = risk_deviations(encoder, tolerances, searching.nodes);
  return out;
}

PathLandscape::PathLandscape(const surrogate::GaussianProcess& fitted, Utility utility,
                             std::vector<OutcomeBound> bounds, Eigen::VectorXd units, core::RandomKey key,
                             std::optional<PathScatter> scatter)
    : paths_(fitted.paths(1, key)),
      utility_(utility),
      bounds_(std::move(bounds)),
      units_(std::move(units)),
      scatter_(std::move(scatter)) {}

Landscape::Value PathLandscape::evaluate(const Eigen::MatrixXd& X, bool gradients) const {
  const bool risky = scatter_ && scatter_->risk;
  const Drawn wanted = risky ? risk(X, gradients) : expected(utility_.response, X, gradients);
  Value out{wanted.value.unaryExpr([this](double y) { return utility_.of(y); }), {}, Eigen::MatrixXd(X.rows(), 0), {}};
  if (gradients) {
    const Eigen::VectorXd slope = wanted.value.unaryExpr([this](double y) { return utility_.slope(y); });
    out.gradient = slope.asDiagonal() * wanted.gradient;
  }
  for (const OutcomeBound& bound : bounds_) {
    const Drawn bounded = expected(bound.response, X, gradients);
    const double unit = std::max(units_(bound.response), 1e-150);
    if (std::isfinite(bound.upper)) add_side(bounded, 1.0, bound.upper, unit, out);
    if (std::isfinite(bound.lower)) add_side(bounded, -1.0, bound.lower, unit, out);
  }
  return out;
}

PathLandscape::Drawn PathLandscape::drawn(Eigen::Index response, const Eigen::MatrixXd& X, bool gradients) const {
  return {paths_.values(response, X).col(0), gradients ? paths_.gradient(response, 0, X) : Eigen::MatrixXd()};
}

PathLandscape::Drawn PathLandscape::expected(Eigen::Index response, const Eigen::MatrixXd& X, bool gradients) const {
  if (!scatter_) return drawn(response, X, gradients);
  const NormalRule& rule = scatter_->rule;
  const Drawn each = drawn(response, around(X, rule.points), gradients);
  return {over_deviations(each.value, rule.weights),
          gradients ? over_deviations(each.gradient, rule.weights) : Eigen::MatrixXd()};
}

PathLandscape::Drawn PathLandscape::risk(const Eigen::MatrixXd& X, bool gradients) const {
  const Drawn each = drawn(scatter_->risk->response, around(X, scatter_->deviations), gradients);
  const Eigen::Index k = scatter_->deviations.rows();
  // One column of values for each point.
  const SampledRisk risk = sampled_risk(*scatter_->risk, each.value.reshaped(k, X.rows()));
  Drawn out{risk.value, Eigen::MatrixXd(gradients ? X.rows() : 0, X.cols())};
  for (Eigen::Index i = 0; i < out.gradient.rows(); ++i) {
    out.gradient.row(i) = risk.slope.col(i).transpose() * each.gradient.middleRows(i * k, k);
  }
  return out;
}

void PathLandscape::add_side(const Drawn& of, double sign, double limit, double unit, Value& into) const {
  const double scale = sign / unit;
  const Eigen::Index k = into.constraints.cols();
  into.constraints.conservativeResize(Eigen::NoChange, k + 1);
  into.constraints.col(k) = scale * (of.value.array() - limit);
  if (of.gradient.size() > 0) into.jacobians.emplace_back(scale * of.gradient);
}

}  // namespace luban::recommend::detail
