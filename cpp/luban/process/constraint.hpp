#pragma once

#include <functional>
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

/// factor · Π parameter^exponent, in the parameters' units; without parameters the factor alone.
struct LUBAN_PROCESS_EXPORT Monomial {
  std::vector<std::pair<std::string, double>> product;
  double factor = 1.0;
};

/// Number of a parameter by its name.
using NumberOf = std::function<double(const std::string&)>;

/// Σ of monomials, which may have either sign (a signomial). NaN or infinite where a power has no value.
[[nodiscard]] LUBAN_PROCESS_EXPORT double value_of(const std::vector<Monomial>& sum, const NumberOf& number_of);
/// base^exponent; exact for the exponents 1 and 2.
[[nodiscard]] LUBAN_PROCESS_EXPORT double power(double base, double exponent);

/// Relation between numeric parameters: lower ≤ Σ factor · Π parameter^exponent ≤ upper. Equal bounds demand equality.
struct LUBAN_PROCESS_EXPORT SignomialConstraint {
  std::vector<Monomial> sum;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  [[nodiscard]] std::string text() const;  ///< "2 width height^-1 - 3 <= 5"
  void validate() const;
};

/// What the machine cannot hold: the applied value scatters around the setpoint with this standard deviation.
struct LUBAN_PROCESS_EXPORT Tolerance {
  std::string parameter;
  double sd = 0.0;
  void validate() const;
};

}  // namespace luban::process
