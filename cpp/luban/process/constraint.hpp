#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <luban/process/export.hpp>

namespace luban::process {

/// Relation between numeric parameters: lower ≤ Σ coefficient · parameter ≤ upper, in the parameters' units.
struct LUBAN_PROCESS_EXPORT ParameterConstraint {
  std::vector<std::pair<std::string, double>> sum;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  [[nodiscard]] std::string text() const;  ///< "cutting_speed + 900 feed <= 480"
  void validate() const;
};

/// What the machine cannot hold: the applied value scatters around the setpoint with this standard deviation.
struct LUBAN_PROCESS_EXPORT Tolerance {
  std::string parameter;
  double sd = 0.0;
  void validate() const;
};

}  // namespace luban::process
