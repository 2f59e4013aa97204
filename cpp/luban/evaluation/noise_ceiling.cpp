#include <luban/evaluation/noise_ceiling.hpp>

#include <cmath>

namespace luban::evaluation {

NoiseCeiling noise_ceiling(const features::NoiseEstimate& noise, double total_variance) {
  NoiseCeiling out;
  out.noise = noise;
  double variance = 0.0;
  double spread = 0.0;  // of the variance: 2 σ⁴ / dof for each level
  const auto add = [&](double sd, Eigen::Index dof) {
    if (dof == 0) return;
    variance += sd * sd;
    spread += 2.0 * std::pow(sd, 4.0) / static_cast<double>(dof);
  };
  add(noise.within_sd, noise.within_dof);
  add(noise.between_sd, noise.between_dof);
  out.complete = noise.between_dof > 0;
  if (noise.within_dof == 0 && noise.between_dof == 0) return out;
  out.rmse = std::sqrt(variance);
  out.standard_error = variance > 0.0 ? 0.5 * std::sqrt(spread) / out.rmse : 0.0;
  if (total_variance > 0.0) out.r2 = 1.0 - variance / total_variance;
  return out;
}

bool beats_noise(const NoiseCeiling& ceiling, double rmse, double standard_error) {
  if (std::isnan(ceiling.rmse)) return false;
  const double own = std::isnan(standard_error) ? 0.0 : standard_error;
  return rmse + 2.0 * std::hypot(own, ceiling.standard_error) < ceiling.rmse;
}

}  // namespace luban::evaluation
