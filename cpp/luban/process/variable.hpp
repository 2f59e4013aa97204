#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/process/export.hpp>

namespace luban::process {

inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// How the values of a variable relate to each other.
enum class VariableKind {
  continuous,   ///< real numbers
  integer,      ///< whole numbers
  categorical,  ///< names without order
  ordinal,      ///< names in the order given
};

/// Hard bounds on a setpoint, wider than or equal to the search range. Absent bounds are infinite.
struct LUBAN_PROCESS_EXPORT OperatingLimits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  double max_rate = std::numeric_limits<double>::infinity();  ///< largest change per `max_rate_per`, in the unit
  core::Nanoseconds max_rate_per{0};                          ///< 0 = no rate limit
};

/// What is common to everything a response may depend on.
/// Continuous and integer variables have `low ≤ high`; the others have at least one category.
struct LUBAN_PROCESS_EXPORT Variable {
  std::string name;
  std::string unit;  ///< "" = dimensionless
  VariableKind kind = VariableKind::continuous;
  double low = no_number;  ///< of the search (parameters) or expected range (context, noise; may be NaN = from data)
  double high = no_number;
  std::vector<std::string> categories;

  [[nodiscard]] bool is_numeric() const noexcept {
    return kind == VariableKind::continuous || kind == VariableKind::integer;
  }
  /// Code of a category, or nothing when it is none of them.
  [[nodiscard]] std::optional<int> code(const std::string& category) const noexcept;
  /// @throws ConfigurationError on an empty name, duplicate or missing categories, low above high, NaN half-given.
  void validate(const char* role) const;
};

/// An adjustable process quantity.
struct LUBAN_PROCESS_EXPORT Parameter : Variable {
  OperatingLimits limits;
  /// @throws ConfigurationError as Variable, for missing bounds, or when the search range leaves the limits.
  void validate() const;
};

/// Known before the run and not ours to choose (product, machine, tool state; in control terms a measured disturbance).
struct LUBAN_PROCESS_EXPORT ContextVariable : Variable {
  void validate() const;
};

/// Varies and is not known before the run: averaged over as observed.
struct LUBAN_PROCESS_EXPORT NoiseVariable : Variable {
  void validate() const;
};

}  // namespace luban::process
