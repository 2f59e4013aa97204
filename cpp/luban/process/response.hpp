#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <luban/process/constraint.hpp>
#include <luban/process/export.hpp>
#include <luban/process/variable.hpp>

namespace luban::process {

/// A measured result of a run. Outside [valid_low, valid_high] a value is quarantined at import.
struct LUBAN_PROCESS_EXPORT Response {
  std::string name;
  std::string unit;
  double valid_low = -std::numeric_limits<double>::infinity();
  double valid_high = std::numeric_limits<double>::infinity();
  bool optional = false;  ///< a run without it is complete
  bool late = false;      ///< may arrive long after the run
  void validate() const;
};

/// A quantity computed exactly from parameters: a sum of products of their powers, often of one product. The factors
/// carry the conversion between the parameters' units and `unit`.
struct LUBAN_PROCESS_EXPORT DerivedResponse {
  std::string name;
  std::string unit;
  std::vector<Monomial> sum;
  void validate() const;
};

enum class Goal { minimize, maximize, target };

/// What is judged of a response that scatters with the tolerances, where its expectation does not say enough.
/// Reference: Rockafellar and Uryasev 2000.
struct LUBAN_PROCESS_EXPORT RiskMeasure {
  enum class Kind {
    value_at_risk,             ///< only a share of 1 − level comes out worse than this value
    conditional_value_at_risk  ///< mean of the worst 1 − level
  };
  Kind kind = Kind::conditional_value_at_risk;
  double level = 0.8;  ///< 0.5 ≤ level < 1
  /// @param where, place whose the measure is, as the error says it. @throws ConfigurationError on another level.
  void validate(const std::string& where = "process.RiskMeasure", const std::string& place = {}) const;
};
/// The measures by name, in the order of their kinds.
inline constexpr std::array<const char*, 2> risk_measure_names = {"value_at_risk", "conditional_value_at_risk"};

/// What to improve. `target` is used by Goal::target alone and is in the response's unit.
struct LUBAN_PROCESS_EXPORT Objective {
  std::string response;  ///< name of a Response or DerivedResponse
  Goal goal = Goal::minimize;
  double target = no_number;
  std::optional<RiskMeasure> risk = {};  ///< over the process's tolerances, of a Response alone; none = the expectation
  void validate() const;
};

/// Bound on a response's run mean that the next run must keep with the stated probability.
struct LUBAN_PROCESS_EXPORT OutcomeConstraint {
  std::string response;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  double probability = 0.95;  ///< in (0, 1)
  void validate() const;
};

}  // namespace luban::process
