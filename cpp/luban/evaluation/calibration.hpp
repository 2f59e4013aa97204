#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/json.hpp>
#include <luban/evaluation/cross_validation.hpp>
#include <luban/evaluation/export.hpp>

namespace luban::evaluation {

/// What intervals are about.
enum class Target {
  reading,  ///< one new reading
  run_mean  ///< the mean of a new run at one input point
};

/// Factor by which one response's standard deviations must be multiplied so that intervals keep their promise for a
/// group (a setpoint, a lot) that was never seen. An interval of `level` is mean ± ratio(level) · z(level) · sd.
///
/// Out-of-fold standardised residuals, each group sharing the weight of one. The half-width is the quantile of all
/// groups whose share, taken from the other groups alone, covers `level` of a left-out group's residuals on average:
/// what a new group may expect. With one residual per group that is the conformal order statistic; with many it does
/// without the point at infinity of hierarchical conformal prediction (Lee, Barber and Willett 2023,
/// arXiv:2306.06342), which guarantees `level` but covers far more when groups are few. No guarantee is claimed here:
/// left_out_coverage says what is reached.
/// Levels that the other groups' widest residual does not cover, or above groups / (groups + 1), take Student's t with
/// as many degrees of freedom as groups, on the groups' root mean square residual.
struct LUBAN_EVALUATION_EXPORT Calibration {
  std::vector<double> levels;  ///< ascending, in (0, 1)
  std::vector<double> ratios;  ///< at each level, not less than what keeps intervals nested
  Eigen::Index groups = 0;     ///< that had a residual
  double reached = 0.0;        ///< levels above it rest on the fallback; 0 = all do

  /// Linear between levels, constant beyond them. 1 when nothing was calibrated.
  [[nodiscard]] double ratio(double level) const;
  [[nodiscard]] core::Json to_json() const;
  /// @throws DataError when something is missing or of another length.
  [[nodiscard]] static Calibration from_json(const core::Json& json);
};

/// Standardised residuals of one response: |y − mean| / sd, and the group each belongs to.
struct Residuals {
  std::vector<double> size;
  std::vector<std::int32_t> group;
};

/// Residuals of readings (weights above 0), or of the weighted means per (run, input point), whose sd also holds the
/// share of within-run noise that averaging leaves.
[[nodiscard]] LUBAN_EVALUATION_EXPORT Residuals standardised_residuals(const features::Dataset& data,
                                                                       const OutOfFold& out_of_fold,
                                                                       Eigen::Index response,
                                                                       const Eigen::VectorXd& weights, Target target);

/// @throws DataError when there is no residual.
[[nodiscard]] LUBAN_EVALUATION_EXPORT Calibration calibrate(const Residuals& residuals);

/// Share of residuals inside the intervals when each group is judged by the calibration of all others, each group
/// counting once: what the calibrated intervals may claim. One per level asked for.
[[nodiscard]] LUBAN_EVALUATION_EXPORT std::vector<double> left_out_coverage(const Residuals& residuals,
                                                                            const std::vector<double>& levels);

}  // namespace luban::evaluation
