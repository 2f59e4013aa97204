#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/recommend/detail/risk_surrogate.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/surrogate/transformed_surrogate.hpp>

namespace luban::recommend::detail {

/// A problem of arrays as what is learned from it, at first the responses as they are.
struct ArrayTrials {
  features::Dataset data;
  Eigen::MatrixXd pending;                                 ///< (p, d) coded
  std::vector<Utility> objectives;                         ///< of what is learned, or of a risk (see judged)
  std::vector<OutcomeBound> bounds;                        ///< on what is learned
  surrogate::TransformedSurrogate::Transforms transforms;  ///< (m) of response − shift
  Eigen::VectorXd shift;                                   ///< (m)
  std::vector<process::Tolerance> tolerances;              ///< those above 0; then what is learned is as it is
  std::vector<RiskColumn> risks;                           ///< over them

  /// Mean and latent sd of the responses, and of the risks that are asked for (else NaN), in the responses' own units
  /// at coded points: each (q, m).
  struct Moments {
    Eigen::MatrixXd mean;
    Eigen::MatrixXd sd;
    Eigen::MatrixXd risk;
    Eigen::MatrixXd risk_sd;
  };
  /// What points are judged by: what is learned as expected over the tolerances, behind its m responses the risks.
  [[nodiscard]] std::shared_ptr<const surrogate::Surrogate> judged(
      const std::shared_ptr<const surrogate::Surrogate>& fitted, const RiskSampling& sampling) const;
  /// Σ log of the slope of what is learned by the response, over its values.
  [[nodiscard]] double log_jacobian(const ArrayProblem& problem, Eigen::Index response) const;
  [[nodiscard]] Moments moments(const std::shared_ptr<const surrogate::Surrogate>& fitted,
                                const Eigen::MatrixXd& X) const;
};

/// @throws as propose.
[[nodiscard]] ArrayTrials array_trials(const ArrayProblem& problem);

/// Learns a response as the bilog of its distance to a value that matters for it, its one bound, its target or the best
/// value seen: a monotone map that resolves what is near and keeps the rest from ruling the fit (Eriksson and Poloczek
/// 2021, for bounds).
void learn_around(double border, Eigen::Index response, ArrayTrials& trials);

/// The value of a response that has one bound, on one side, and is no objective; nothing otherwise.
[[nodiscard]] std::optional<double> only_bound(const ArrayTrials& trials, Eigen::Index response);

/// A coded row in the problem's own numbers: on the grid, whole, inside the bounds.
[[nodiscard]] Eigen::VectorXd decoded(const ArrayProblem& problem, const Eigen::VectorXd& x);

}  // namespace luban::recommend::detail
