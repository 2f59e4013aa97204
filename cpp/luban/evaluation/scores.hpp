#pragma once

#include <array>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include <luban/evaluation/export.hpp>
#include <luban/process/variable.hpp>

namespace luban::evaluation {

/// Central intervals that are scored.
inline constexpr std::array<double, 3> score_levels{0.5, 0.8, 0.9};

/// What was predicted of one response at some readings. Missing predictions are NaN and are not scored.
struct Predictions {
  Eigen::VectorXd mean;           ///< (n)
  Eigen::VectorXd sd;             ///< (n) of one reading
  Eigen::VectorXd log_density;    ///< (n) of the reading itself, in nats
  Eigen::MatrixXd lower, upper;   ///< (n, 3) bounds of the central intervals
  Eigen::VectorXd training_mean;  ///< (n) mean of the readings the predictor had learned from
};

/// How good predictions were, in the response's unit where not said otherwise. Every reading counts once.
struct LUBAN_EVALUATION_EXPORT Scores {
  double readings = 0.0;  ///< how many were scored
  double rmse = process::no_number;
  double mae = process::no_number;
  double r2 = process::no_number;           ///< 1 − Σ (y − ŷ)² / Σ (y − training mean)²; dimensionless
  double log_density = process::no_number;  ///< mean, nats per reading; higher is better
  double crps = process::no_number;         ///< Gaussian closed form (Gneiting and Raftery 2007, eq. 21)
  double coverage_50 = process::no_number;  ///< share of readings inside, 0 … 1
  double coverage_80 = process::no_number;
  double coverage_90 = process::no_number;
  double width_50 = process::no_number;  ///< mean width of the interval
  double width_80 = process::no_number;
  double width_90 = process::no_number;
};

/// A score's name and place, so that summaries and tables need not repeat the list.
struct Metric {
  std::string_view name;
  double Scores::*value;
};
[[nodiscard]] LUBAN_EVALUATION_EXPORT const std::array<Metric, 12>& metrics() noexcept;

/// Scores of the readings whose weight is above 0 and whose value and prediction are there.
/// @param y (n), NaN = missing; @param weights (n). @throws DataError when lengths differ.
[[nodiscard]] LUBAN_EVALUATION_EXPORT Scores score(const Eigen::VectorXd& y, const Predictions& predictions,
                                                   const Eigen::VectorXd& weights);

/// Continuous ranked probability score of a normal prediction: 0 is perfect, in the unit of y.
[[nodiscard]] LUBAN_EVALUATION_EXPORT double gaussian_crps(double y, double mean, double sd);

}  // namespace luban::evaluation
