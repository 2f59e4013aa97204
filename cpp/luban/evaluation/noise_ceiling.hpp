#pragma once

#include <Eigen/Core>

#include <luban/evaluation/export.hpp>
#include <luban/evaluation/scores.hpp>
#include <luban/features/noise.hpp>

namespace luban::evaluation {

/// What replicate noise alone leaves of any prediction of a new run's readings: nobody who has not seen the run can
/// do better, except by chance or by a leak.
struct LUBAN_EVALUATION_EXPORT NoiseCeiling {
  features::NoiseEstimate noise;
  double rmse = process::no_number;            ///< sqrt(between² + within²), in the response's unit
  double standard_error = process::no_number;  ///< of rmse, from the estimates' degrees of freedom
  double r2 = process::no_number;              ///< the R² that goes with it on these readings
  bool complete = false;  ///< false: runs were never repeated, so that only the noise within runs is counted
};

/// @param total_variance of the readings around their training means: what r2 is measured against.
[[nodiscard]] LUBAN_EVALUATION_EXPORT NoiseCeiling noise_ceiling(const features::NoiseEstimate& noise,
                                                                 double total_variance);

/// Whether an RMSE is below the ceiling's by more than twice the standard error of the difference: a leak is the
/// likely reason. `standard_error` is the RMSE's own, NaN = unknown.
[[nodiscard]] LUBAN_EVALUATION_EXPORT bool beats_noise(const NoiseCeiling& ceiling, double rmse, double standard_error);

}  // namespace luban::evaluation
