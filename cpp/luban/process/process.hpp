#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/process/constraint.hpp>
#include <luban/process/export.hpp>
#include <luban/process/response.hpp>
#include <luban/process/variable.hpp>

namespace luban::process {

/// The equipment hierarchy (ISA-95): site, area, work_center, work_unit, whichever are known.
struct LUBAN_PROCESS_EXPORT Equipment {
  std::string site, area, work_center, work_unit;
};

/// Money per unit of a response; negative = a return.
struct LUBAN_PROCESS_EXPORT Cost {
  std::string currency;
  std::vector<std::pair<std::string, double>> per_response;
};

/// Everything a process file states, as plain values.
struct LUBAN_PROCESS_EXPORT ProcessDefinition {
  std::string name;
  Equipment equipment;
  std::vector<Parameter> parameters;
  std::vector<ContextVariable> context;
  std::vector<NoiseVariable> noise;
  std::vector<std::string> identifiers;
  std::vector<Response> responses;
  std::vector<DerivedResponse> derived;
  std::vector<Objective> objectives;
  std::vector<OutcomeConstraint> outcome_constraints;
  std::vector<ParameterConstraint> parameter_constraints;
  std::vector<Tolerance> tolerances;
  std::vector<std::string> run_id;  ///< columns whose combination names a run; empty = each row is a run
  std::string repeat;               ///< column that numbers the readings of a run; "" = order of appearance
  std::vector<std::string> groups;  ///< columns whose combination must not be split; empty = features::Grouping::points
  Cost cost;
};

/// A validated process. Immutable: what holds at construction holds for ever.
class LUBAN_PROCESS_EXPORT Process {
 public:
  /// @throws ConfigurationError naming the first contradiction (unknown response in an objective, a name used
  /// twice, a constraint on a categorical parameter, …).
  explicit Process(ProcessDefinition definition);

  [[nodiscard]] const ProcessDefinition& definition() const noexcept { return definition_; }
  [[nodiscard]] const std::string& name() const noexcept { return definition_.name; }
  [[nodiscard]] const std::vector<Parameter>& parameters() const noexcept { return definition_.parameters; }
  [[nodiscard]] const std::vector<ContextVariable>& context() const noexcept { return definition_.context; }
  [[nodiscard]] const std::vector<NoiseVariable>& noise() const noexcept { return definition_.noise; }
  [[nodiscard]] const std::vector<Response>& responses() const noexcept { return definition_.responses; }
  [[nodiscard]] const std::vector<DerivedResponse>& derived() const noexcept { return definition_.derived; }
  [[nodiscard]] const std::vector<Objective>& objectives() const noexcept { return definition_.objectives; }

  /// Variable by name among parameters, context and noise; nullptr when it is none of them.
  [[nodiscard]] const Variable* find_variable(const std::string& variable) const noexcept;
  [[nodiscard]] const Parameter* find_parameter(const std::string& parameter) const noexcept;
  [[nodiscard]] const Response* find_response(const std::string& response) const noexcept;
  [[nodiscard]] const DerivedResponse* find_derived(const std::string& response) const noexcept;

  /// Unit of any variable, response or derived response. @throws ConfigurationError on an unknown name.
  [[nodiscard]] const std::string& unit(const std::string& name) const;

  [[nodiscard]] core::Json to_json() const;
  /// @throws ConfigurationError on an unknown key or a contradiction.
  [[nodiscard]] static Process from_json(const core::Json& json);
  [[nodiscard]] std::string digest() const;  ///< SHA-256 of the canonical JSON

 private:
  ProcessDefinition definition_;
};

/// How far the next settings may be from those that run now.
struct MoveLimits {
  std::map<std::string, double> from;     ///< numeric settings that run now
  std::map<std::string, double> largest;  ///< by numeric parameter, in its unit, ≥ 0; other parameters are free
};

/// The set of settings that may be proposed: the parameters' ranges and the relations between them.
struct LUBAN_PROCESS_EXPORT SearchSpace {
  std::vector<Parameter> parameters;
  std::vector<ParameterConstraint> constraints;
  /// Parameters whose range has been narrowed to what one move reaches.
  std::vector<std::string> within_moves = {};
  std::vector<SignomialConstraint> signomials = {};  ///< nonlinear relations between the parameters
  /// Names of the constraints and ranges that `settings` (numeric parameters by name) breaks by more than `slack`
  /// of the range.
  [[nodiscard]] std::vector<std::string> violations(const std::map<std::string, double>& settings,
                                                    double slack = 1e-9) const;
  /// @throws ConfigurationError when a signomial names no numeric parameter (the nearest is named), or a power has no
  /// value within a parameter's range.
  void require_signomials() const;
  [[nodiscard]] static SearchSpace of(const Process& process, const std::optional<MoveLimits>& moves = {});
  /// The part of this space within the moves. @throws ConfigurationError on an unknown name (the nearest is named), a
  /// category, a negative or non-finite move, or settings to move from without the parameter; InfeasibleError where the
  /// search range lies further away than one move.
  [[nodiscard]] SearchSpace reachable(const MoveLimits& moves) const;
};

}  // namespace luban::process
