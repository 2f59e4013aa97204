#pragma once

#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/guard/export.hpp>
#include <luban/process/process.hpp>

namespace luban::guard {

/// What is expected of one input beyond being fresh, good and finite. An input with a rule must be present.
struct LUBAN_GUARD_EXPORT InputRule {
  std::string name;
  std::string unit;                                       ///< only for inputs that the process does not declare
  double low = -std::numeric_limits<double>::infinity();  ///< what the instrument can return
  double high = std::numeric_limits<double>::infinity();
  core::Nanoseconds stuck_after{0};  ///< exactly unchanged for that long = the signal is frozen; 0 = not judged
  bool accept_uncertain = false;
};

/// How strict the guard is. Ranges are high − low of a parameter's search range.
struct LUBAN_GUARD_EXPORT GuardOptions {
  double novelty = 0.99;  ///< quantile of the training envelope's distances beyond which a point is new
  core::Nanoseconds dwell = std::chrono::seconds(30);          ///< between two moves
  core::Nanoseconds max_input_age = std::chrono::seconds(5);   ///< of a judged input
  core::Nanoseconds max_output_age = std::chrono::seconds(2);  ///< of a confirmed output
  core::Nanoseconds max_skew = std::chrono::seconds(2);        ///< between the oldest and the newest input
  double deadband = 0.001;                                     ///< in ranges: smaller moves are suppressed
  std::map<std::string, double> parameter_deadband;            ///< other deadbands by parameter
  double written_tolerance =
      0.001;                      ///< in ranges: a confirmed output further from what was written was moved by others
  bool accept_uncertain = false;  ///< quality of inputs and outputs
  bool return_to_limits = true;   ///< step back when the confirmed outputs lie outside; else hold
  std::vector<InputRule> inputs;

  /// @throws ConfigurationError on a value out of range, an unknown name, or a unit that is not the process's.
  void validate(const process::Process& process) const;
};

}  // namespace luban::guard
