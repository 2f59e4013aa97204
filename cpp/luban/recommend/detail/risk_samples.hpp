#pragma once

#include <memory>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/process/response.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/detail/cholesky.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::recommend::detail {

/// What one objective asks of a response that scatters. The bad side is that of the goal: minimize large values,
/// maximize small ones; of a target the risk is of the distance |f − target|, and large ones are bad.
struct RiskColumn {
  Eigen::Index response = 0;  ///< of the surrogate whose values scatter
  process::RiskMeasure measure = {};
  process::Goal goal = process::Goal::minimize;
  double target = 0.0;
};

/// The column's objective as a utility of response `at` that holds its risks: of a target the risk is that of the
/// distance, which is to be small.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Utility risk_utility(const RiskColumn& column, Eigen::Index at);

/// What fixed samples of risks are drawn by. Of a rule of integration, not of a search: what is said of settings does
/// not hang on who asks.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT core::RandomKey risk_key();

/// The risk of each of s samples of k equally likely values, and its derivatives by them.
struct SampledRisk {
  Eigen::VectorXd value;  ///< (s)
  Eigen::MatrixXd slope;  ///< (k, s)
};
/// Values (k, s) are sorted from good to bad; the value at risk is the one at index ⌈level · k⌉ − 1, the conditional
/// one the mean of the share 1 − level of them that is worst, of the first one a part. References: Cakmak et al. 2020
/// (arXiv 2007.05554), Rockafellar and Uryasev 2002.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT SampledRisk sampled_risk(const RiskColumn& column, const Eigen::MatrixXd& values);

/// Cholesky factor of what is believed jointly of one response, with a share of the mean latent variance added; where
/// that is little more than rounding, as of a response that is known exactly, with a share of a run's, which moves with
/// it. @param latent, run variances of the points, before S was conditioned on others.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT SmallCholesky node_factor(const Eigen::MatrixXd& S, const Eigen::VectorXd& latent,
                                                               const Eigen::VectorXd& run);

/// Samples F = μ + L z of one response at k jointly believed points, L the Cholesky factor of their latent covariance.
class LUBAN_RECOMMEND_EXPORT NodeSamples {
 public:
  /// @param nodes joint. @param z (k, s) standard normal. @param jitter ≥ 0 added to the latent variances.
  /// @throws NumericalError when the covariance has no factor.
  NodeSamples(std::shared_ptr<const surrogate::Posterior> nodes, Eigen::Index response, Eigen::MatrixXd z,
              double jitter = 0.0);
  [[nodiscard]] const Eigen::MatrixXd& values() const noexcept { return values_; }  ///< (k, s)
  [[nodiscard]] const Eigen::MatrixXd& lower() const noexcept { return lower_; }    ///< (k, k) L
  /// (k, d) derivatives by the points' inputs of a scalar whose derivatives by the values are `by_values` (k, s).
  /// @throws LifecycleError when the posterior was asked for without gradients.
  [[nodiscard]] Eigen::MatrixXd pullback(const Eigen::MatrixXd& by_values) const;

 private:
  std::shared_ptr<const surrogate::Posterior> nodes_;
  Eigen::Index response_;
  Eigen::MatrixXd z_;
  Eigen::MatrixXd lower_;
  double nugget_ = 0.0;
  Eigen::MatrixXd values_;
};

/// Moments of one row's risk over samples of its k nodes; the gradients (d) are empty when not asked for.
struct RiskMoments {
  double mean = 0.0;
  double variance = 0.0;
  Eigen::RowVectorXd mean_gradient;
  Eigen::RowVectorXd variance_gradient;
};
/// @param nodes joint, of the nodes of one row. @param z (k, s).
[[nodiscard]] LUBAN_RECOMMEND_EXPORT RiskMoments risk_moments(std::shared_ptr<const surrogate::Posterior> nodes,
                                                              const RiskColumn& column, const Eigen::MatrixXd& z,
                                                              bool gradients);

/// How the risks of q rows vary together: correlations over joint samples of all their nodes, standard deviations as
/// each row has them alone, so that a row says the same of itself whatever it is asked together with.
class LUBAN_RECOMMEND_EXPORT JointRisk {
 public:
  /// @param nodes joint, of q · k nodes, row after row. @param z (q·k, s). @param variance (q) of each row alone.
  /// @param variance_gradient (q, d) of it, or empty when gradients are not asked for.
  JointRisk(std::shared_ptr<const surrogate::Posterior> nodes, const RiskColumn& column, Eigen::MatrixXd z,
            Eigen::VectorXd variance, Eigen::MatrixXd variance_gradient, double jitter = 0.0);
  [[nodiscard]] Eigen::MatrixXd covariance() const;                                         ///< (q, q)
  [[nodiscard]] const Eigen::MatrixXd& lower() const noexcept { return samples_.lower(); }  ///< (q·k, q·k)
  [[nodiscard]] const Eigen::MatrixXd& risk() const noexcept { return risk_; }  ///< (q, s) about the rows' means
  /// (q) from the standard deviation of these samples to the row's own.
  [[nodiscard]] const Eigen::VectorXd& scale() const noexcept { return scale_; }
  /// (q, d) as Posterior::covariance_gradient.
  [[nodiscard]] Eigen::MatrixXd gradient(const Eigen::MatrixXd& weights) const;

 private:
  NodeSamples samples_;
  Eigen::MatrixXd risk_;     ///< (q, s) about the rows' means
  Eigen::MatrixXd slope_;    ///< (q·k, s)
  Eigen::MatrixXd sampled_;  ///< (q, q) covariance of the joint samples
  Eigen::VectorXd scale_;    ///< (q) from a sampled standard deviation to the row's own
  Eigen::VectorXd variance_;
  Eigen::MatrixXd variance_gradient_;
};

}  // namespace luban::recommend::detail
