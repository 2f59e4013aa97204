#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/process/response.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/posterior.hpp>

namespace luban::recommend {

/// One objective turned into a utility to maximise: the only place where goals change sign.
/// minimize: −y; maximize: y; target: −|y − target|.
struct LUBAN_RECOMMEND_EXPORT Utility {
  Eigen::Index response = 0;  ///< column of the surrogate
  process::Goal goal = process::Goal::minimize;
  double target = 0.0;
  /// Utility of a value; larger is better, in the response's unit.
  [[nodiscard]] double of(double value) const noexcept;
  /// Derivative of the utility by the value; 0 on the target itself.
  [[nodiscard]] double slope(double value) const noexcept;
};

/// A bound on the mean of the next run, with the probability it must hold; infinite sides are absent.
struct LUBAN_RECOMMEND_EXPORT OutcomeBound {
  Eigen::Index response = 0;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  double probability = 0.95;
  bool exact = false;  ///< the response is computed, not predicted: the bound holds or it does not
  /// > 0, factor on the run mean's standard deviation wherever a probability of this bound is computed: what
  /// calibration found for intervals whose one side keeps `probability`; 1 = not calibrated.
  double calibration = 1.0;
  double magnitude = 0.0;  ///< of a computed response's terms; 0 = not known
  /// What an excess over a limit is relative to: its size, or the terms' where it is 0 or lost in their rounding.
  [[nodiscard]] double size_of(double limit) const noexcept;
  /// log P(lower ≤ Y ≤ upper) of a normal Y with calibration · sd and its derivatives by mean and (uncalibrated) sd.
  struct LogProbability {
    double value = 0.0;
    double by_mean = 0.0;
    double by_sd = 0.0;
  };
  [[nodiscard]] LogProbability log_probability(double mean, double uncalibrated_sd) const;
};

/// Values (q) and derivatives (q, d) by the coded inputs; the derivatives are empty when not asked for.
struct AcquisitionValue {
  Eigen::VectorXd value;
  Eigen::MatrixXd gradient;
};

/// What trying a point is worth, judged from a Posterior alone. Larger is better.
class LUBAN_RECOMMEND_EXPORT AcquisitionFunction {
 public:
  virtual ~AcquisitionFunction();
  /// @param gradients the posterior must have been asked for with gradients. @throws LifecycleError otherwise;
  /// DataError when the posterior lacks a response that is judged.
  [[nodiscard]] virtual AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const = 0;
};

/// @throws DataError when a posterior of m responses has none of that index.
LUBAN_RECOMMEND_EXPORT void require_response(Eigen::Index response, Eigen::Index m);

/// Adds Σ log P(bound) of the predicted bounds, by the run mean's calibrated spread, to `into`. Exact bounds are not
/// added: the search keeps them as constraints.
LUBAN_RECOMMEND_EXPORT void add_log_probability(const surrogate::Posterior& posterior,
                                                const std::vector<OutcomeBound>& bounds, bool gradients,
                                                AcquisitionValue& into);

}  // namespace luban::recommend
