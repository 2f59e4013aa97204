#include <cmath>
#include <utility>

#include <luban/core/normal.hpp>
#include <luban/recommend/search.hpp>

namespace luban::recommend {

Landscape::~Landscape() = default;

SurrogateLandscape::SurrogateLandscape(Definition definition) : definition_(std::move(definition)) {}

Landscape::Value SurrogateLandscape::evaluate(const Eigen::MatrixXd& X, bool gradients) const {
  const auto posterior =
      definition_.surrogate->posterior(X, {.gradients = gradients, .joint = false, .reading = false});
  AcquisitionValue acquisition = definition_.acquisition->evaluate(*posterior, gradients);
  Value result{std::move(acquisition.value), std::move(acquisition.gradient), Eigen::MatrixXd(X.rows(), 0), {}};
  for (const OutcomeBound& bound : definition_.bounds) add_bound(*posterior, bound, gradients, result);
  for (Eigen::Index i = 0; i < definition_.avoid.rows(); ++i) add_separation(X, i, gradients, result);
  if (definition_.reach != nullptr) {
    result.constraints.conservativeResize(Eigen::NoChange, result.constraints.cols() + 1);
    result.constraints.rightCols<1>() = definition_.reach->excess(X);
    if (gradients) result.jacobians.push_back(definition_.reach->gradient(X));
  }
  return result;
}

/// One side: z_p − (bound − mean)/sd ≤ 0, sd calibrated, nearly linear in the inputs; both sides: log p − log P ≤ 0.
/// A computed response: its excess over the bound, relative to the bound's size.
void SurrogateLandscape::add_bound(const surrogate::Posterior& posterior, const OutcomeBound& bound, bool gradients,
                                   Value& into) const {
  const Eigen::VectorXd mean = posterior.mean().col(bound.response);
  const Eigen::VectorXd variance = posterior.variance(surrogate::VarianceOf::run_mean).col(bound.response);
  Eigen::MatrixXd mean_gradient;
  Eigen::MatrixXd variance_gradient;
  if (gradients) {
    mean_gradient = posterior.mean_gradient(bound.response);
    variance_gradient = posterior.run_variance_gradient(bound.response);
  }
  const auto push = [&](const auto& at) {  // at(i) → {value, by_mean, by_sd}
    const Eigen::Index k = into.constraints.cols();
    into.constraints.conservativeResize(Eigen::NoChange, k + 1);
    if (gradients) into.jacobians.emplace_back(mean_gradient.rows(), mean_gradient.cols());
    for (Eigen::Index i = 0; i < mean.size(); ++i) {
      const double sd = bound.exact ? 1.0 : std::sqrt(std::max(variance(i), 1e-300));
      const OutcomeBound::LogProbability c = at(mean(i), sd);
      into.constraints(i, k) = c.value;
      if (!gradients) continue;
      into.jacobians.back().row(i) = c.by_mean * mean_gradient.row(i);
      if (!bound.exact) into.jacobians.back().row(i) += c.by_sd / (2.0 * sd) * variance_gradient.row(i);
    }
  };
  const bool both = std::isfinite(bound.lower) && std::isfinite(bound.upper);
  if (both && !bound.exact) {
    push([&](double m, double sd) -> OutcomeBound::LogProbability {
      const OutcomeBound::LogProbability p = bound.log_probability(m, sd);
      return {std::log(bound.probability) - p.value, -p.by_mean, -p.by_sd};
    });
    return;
  }
  const double needed = bound.exact ? 0.0 : core::normal_quantile(bound.probability);
  for (const double sign : {1.0, -1.0}) {
    const double limit = sign > 0.0 ? bound.upper : bound.lower;
    if (!std::isfinite(limit)) continue;
    const double scale = bound.exact ? bound.size_of(limit) : bound.calibration;
    push([&](double m, double sd) -> OutcomeBound::LogProbability {
      const double z = sign * (limit - m) / (sd * scale);
      return {needed - z, sign / (sd * scale), z / sd};
    });
  }
}

/// r² − |x − x_k|² ≤ 0 over the numeric columns, in units of r²; a differing category counts as far enough.
void SurrogateLandscape::add_separation(const Eigen::MatrixXd& X, Eigen::Index from, bool gradients,
                                        Value& into) const {
  const std::vector<features::EncodedVariable>& variables = definition_.surrogate->encoder().variables();
  const double r2 = definition_.separation * definition_.separation;
  const Eigen::Index k = into.constraints.cols();
  into.constraints.conservativeResize(Eigen::NoChange, k + 1);
  if (gradients) into.jacobians.emplace_back(Eigen::MatrixXd::Zero(X.rows(), X.cols()));
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    double distance = 0.0;
    for (Eigen::Index j = 0; j < X.cols(); ++j) {
      const double difference = X(i, j) - definition_.avoid(from, j);
      if (variables[j].is_numeric()) {
        distance += difference * difference;
        if (gradients) into.jacobians.back()(i, j) = -2.0 * difference / r2;
      } else if (difference != 0.0) {
        distance += 4.0 * r2;
      }
    }
    into.constraints(i, k) = 1.0 - distance / r2;
  }
}

}  // namespace luban::recommend
