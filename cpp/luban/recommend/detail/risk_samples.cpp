#include <luban/recommend/detail/risk_samples.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/cholesky.hpp>

namespace luban::recommend::detail {

using surrogate::Posterior;
using surrogate::VarianceOf;

core::RandomKey risk_key() {
  return core::RandomKey(0).child("risk");
}

Utility risk_utility(const RiskColumn& column, Eigen::Index at) {
  return {.response = at, .goal = column.goal == process::Goal::target ? process::Goal::minimize : column.goal};
}

SampledRisk sampled_risk(const RiskColumn& column, const Eigen::MatrixXd& values) {
  const Eigen::Index k = values.rows();
  // A level is a decimal number: 0.55 · 20 is 11, whatever its last digit says.
  const auto at = static_cast<Eigen::Index>(std::ceil(column.measure.level * static_cast<double>(k) - 1e-9)) - 1;
  const Eigen::Index first = std::clamp<Eigen::Index>(at, 0, k - 1);
  const bool tail = column.measure.kind == process::RiskMeasure::Kind::conditional_value_at_risk;
  const Eigen::Index last = tail ? k - 1 : first;
  // Of the tail beyond the level the first node is a part alone (Rockafellar and Uryasev 2002).
  const double beyond = tail ? (1.0 - column.measure.level) * static_cast<double>(k) : 1.0;
  const double first_share = std::max(0.0, 1.0 - static_cast<double>(last - first) / beyond);
  const bool distance = column.goal == process::Goal::target;
  const double sign = column.goal == process::Goal::maximize ? -1.0 : 1.0;
  SampledRisk out{Eigen::VectorXd::Zero(values.cols()), Eigen::MatrixXd::Zero(k, values.cols())};
  std::vector<std::pair<double, Eigen::Index>> order(static_cast<std::size_t>(k));
  for (Eigen::Index s = 0; s < values.cols(); ++s) {
    for (Eigen::Index i = 0; i < k; ++i) {
      const double value = values(i, s);
      order[static_cast<std::size_t>(i)] = {distance ? std::abs(value - column.target) : sign * value, i};
    }
    std::sort(order.begin(), order.end());
    for (Eigen::Index i = first; i <= last; ++i) {
      const auto& [badness, node] = order[static_cast<std::size_t>(i)];
      const double share = i == first ? first_share : 1.0 / beyond;
      out.value(s) += share * (distance ? badness : sign * badness);
      out.slope(node, s) = distance && values(node, s) < column.target ? -share : share;
    }
  }
  return out;
}

SmallCholesky node_factor(const Eigen::MatrixXd& S, const Eigen::VectorXd& latent, const Eigen::VectorXd& run) {
  SmallCholesky factor = small_cholesky(S, std::max(latent.mean(), 1e-300));
  if (!factor.usable) factor = small_cholesky(S, std::max(run.mean(), 1e-300));
  return factor;
}

NodeSamples::NodeSamples(std::shared_ptr<const Posterior> nodes, Eigen::Index response, Eigen::MatrixXd z,
                         double jitter)
    : nodes_(std::move(nodes)), response_(response), z_(std::move(z)) {
  Eigen::MatrixXd S = nodes_->covariance(response_, VarianceOf::latent);
  S.diagonal().array() += jitter;
  SmallCholesky factor = node_factor(S, S.diagonal(), nodes_->variance(VarianceOf::run_mean).col(response_));
  if (!factor.usable) {
    throw core::NumericalError({.where = "recommend.risk",
                                .expected = "a positive definite covariance around a setpoint",
                                .received = "one that is not",
                                .place = "response " + std::to_string(response_),
                                .hint = "report the model: its joint covariance is wrong"});
  }
  lower_ = std::move(factor.lower);
  nugget_ = factor.nugget;
  values_.noalias() = lower_ * z_;
  values_.colwise() += nodes_->mean().col(response_);
}

Eigen::MatrixXd NodeSamples::pullback(const Eigen::MatrixXd& by_values) const {
  Eigen::MatrixXd by_s = cholesky_pullback(lower_, by_values * z_.transpose());
  // The nugget is a share of the mean diagonal and moves with it.
  by_s.diagonal().array() += nugget_ * by_s.trace() / static_cast<double>(by_s.rows());
  const Eigen::VectorXd by_mean = by_values.rowwise().sum();
  return nodes_->covariance_gradient(response_, by_s) + by_mean.asDiagonal() * nodes_->mean_gradient(response_);
}

RiskMoments risk_moments(std::shared_ptr<const Posterior> nodes, const RiskColumn& column, const Eigen::MatrixXd& z,
                         bool gradients) {
  const NodeSamples samples(std::move(nodes), column.response, z);
  const SampledRisk risk = sampled_risk(column, samples.values());
  const auto count = static_cast<double>(risk.value.size());
  RiskMoments out;
  out.mean = risk.value.mean();
  const Eigen::RowVectorXd around = risk.value.transpose().array() - out.mean;
  out.variance = around.squaredNorm() / count;
  if (!gradients) return out;
  out.mean_gradient = samples.pullback(risk.slope / count).colwise().sum();
  out.variance_gradient =
      samples.pullback(risk.slope.array().rowwise() * (2.0 / count * around).array()).colwise().sum();
  return out;
}

JointRisk::JointRisk(std::shared_ptr<const Posterior> nodes, const RiskColumn& column, Eigen::MatrixXd z,
                     Eigen::VectorXd variance, Eigen::MatrixXd variance_gradient, double jitter)
    : samples_(std::move(nodes), column.response, std::move(z), jitter),
      variance_(std::move(variance)),
      variance_gradient_(std::move(variance_gradient)) {
  const Eigen::MatrixXd& values = samples_.values();
  const Eigen::Index q = variance_.size();
  const Eigen::Index k = values.rows() / q;
  risk_.resize(q, values.cols());
  slope_.resize(values.rows(), values.cols());
  for (Eigen::Index row = 0; row < q; ++row) {
    const SampledRisk one = sampled_risk(column, values.middleRows(row * k, k));
    risk_.row(row) = one.value.transpose().array() - one.value.mean();
    slope_.middleRows(row * k, k) = one.slope;
  }
  sampled_ = risk_ * risk_.transpose() / static_cast<double>(values.cols());
  scale_ = Eigen::VectorXd::Zero(q);
  for (Eigen::Index row = 0; row < q; ++row) {
    if (sampled_(row, row) > 0.0) scale_(row) = std::sqrt(variance_(row) / sampled_(row, row));
  }
}

Eigen::MatrixXd JointRisk::covariance() const {
  Eigen::MatrixXd out = scale_.asDiagonal() * sampled_ * scale_.asDiagonal();
  out.diagonal() = variance_;
  return out;
}

Eigen::MatrixXd JointRisk::gradient(const Eigen::MatrixXd& weights) const {
  const Eigen::Index q = variance_.size();
  const Eigen::Index k = slope_.rows() / q;
  // Reverse mode of Σ w_ij a_i a_j S_ij, a_i = √(v_i / S_ii): by S and by v, then through the samples.
  Eigen::MatrixXd by_sampled = scale_.asDiagonal() * weights * scale_.asDiagonal();
  const Eigen::VectorXd by_scale = 2.0 * weights.cwiseProduct(sampled_) * scale_;
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q, variance_gradient_.cols());
  for (Eigen::Index row = 0; row < q; ++row) {
    if (!(scale_(row) > 0.0)) continue;
    by_sampled(row, row) -= 0.5 * by_scale(row) * scale_(row) / sampled_(row, row);
    out.row(row) = 0.5 * by_scale(row) * scale_(row) / variance_(row) * variance_gradient_.row(row);
  }
  const Eigen::MatrixXd by_risk = 2.0 / static_cast<double>(risk_.cols()) * by_sampled * risk_;
  Eigen::MatrixXd by_values = slope_;
  for (Eigen::Index row = 0; row < q; ++row) {
    by_values.middleRows(row * k, k).array().rowwise() *= by_risk.row(row).array();
  }
  const Eigen::MatrixXd by_nodes = samples_.pullback(by_values);
  for (Eigen::Index row = 0; row < q; ++row) out.row(row) += by_nodes.middleRows(row * k, k).colwise().sum();
  return out;
}

}  // namespace luban::recommend::detail
