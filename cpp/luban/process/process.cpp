#include <luban/process/process.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/core/text.hpp>

#include "detail/monomials.hpp"
#include "detail/refuse.hpp"

namespace luban::process {
namespace {

using core::quoted;
using detail::Refuse;

/// Columns that every history has: a variable of that name could not be told from them.
constexpr std::array<std::string_view, 10> reserved_columns = {"run_id",   "run",    "repeat", "time",   "start_time",
                                                               "end_time", "status", "group",  "source", "source_row"};

/// Columns of a history, besides the process's own, that may tell groups apart.
constexpr std::array<std::string_view, 3> group_columns = {"run_id", "material_lot", "source"};

template <typename Items>
void append_names(std::vector<std::string>& out, const Items& items) {
  for (const auto& item : items) out.push_back(item.name);
}

template <typename Item>
const Item* find_by_name(const std::vector<Item>& items, const std::string& name) noexcept {
  const auto at = std::find_if(items.begin(), items.end(), [&name](const Item& item) { return item.name == name; });
  return at == items.end() ? nullptr : &*at;
}

/// Every name once over all roles, and none that a history needs for itself.
class NameBook {
 public:
  void add(const std::string& role, const std::string& name) {
    const Refuse refuse{.where = "process.Process", .place = role + " " + quoted(name)};
    detail::require_name(name, refuse);
    if (std::find(reserved_columns.begin(), reserved_columns.end(), name) != reserved_columns.end()) {
      refuse("a name that no history column has", quoted(name),
             "choose another name, for example " + quoted("my_" + name) + "; the source column keeps its own");
    }
    const auto [at, is_new] = roles_.emplace(name, role);
    if (!is_new) refuse("each name once in a process", quoted(name) + " as " + at->second + " and as " + role);
  }
  template <typename Items>
  void add_all(const std::string& role, const Items& items) {
    for (const auto& item : items) add(role, item.name);
  }

 private:
  std::map<std::string, std::string> roles_;
};

void check_names(const ProcessDefinition& definition) {
  NameBook book;
  book.add_all("parameter", definition.parameters);
  book.add_all("context variable", definition.context);
  book.add_all("noise variable", definition.noise);
  for (const std::string& identifier : definition.identifiers) book.add("identifier", identifier);
  book.add_all("response", definition.responses);
  book.add_all("derived response", definition.derived);
}

/// A numeric parameter by name, or a refusal that says which kind of thing the name is instead.
const Parameter& numeric_parameter(const std::vector<Parameter>& parameters, const std::string& name,
                                   const Refuse& refuse) {
  const Parameter* parameter = find_by_name(parameters, name);
  if (parameter == nullptr) {
    std::vector<std::string> known;
    append_names(known, parameters);
    refuse("a declared parameter", quoted(name), core::nearest_hint(name, known));
  }
  if (!parameter->is_numeric()) refuse("a numeric parameter", quoted(name) + " with categories");
  return *parameter;
}

void require_powers_within(const std::vector<Parameter>& parameters, const std::vector<Monomial>& sum,
                           const Refuse& refuse) {
  const auto range_of = [&](const std::string& name) -> const Variable& {
    return numeric_parameter(parameters, name, refuse);
  };
  for (const Monomial& monomial : sum) {  // names first: a range is no answer to a misspelt one
    for (const auto& [name, exponent] : monomial.product) range_of(name);
  }
  detail::require_powers(sum, range_of, refuse);
}

std::vector<std::string> response_names(const ProcessDefinition& definition) {
  std::vector<std::string> known;
  append_names(known, definition.responses);
  append_names(known, definition.derived);
  return known;
}

void require_response(const ProcessDefinition& definition, const std::string& name, const Refuse& refuse) {
  const std::vector<std::string> known = response_names(definition);
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    refuse("a declared response", quoted(name), core::nearest_hint(name, known));
  }
}

void check_responses(const ProcessDefinition& definition) {
  for (const Response& response : definition.responses) response.validate();
  for (const DerivedResponse& derived : definition.derived) {
    derived.validate();
    const Refuse refuse{.where = "process.Process", .place = "derived response " + quoted(derived.name)};
    require_powers_within(definition.parameters, derived.sum, refuse);
  }
}

/// A risk measure needs something that scatters, and a response that is predicted around the setpoint.
void check_risk(const ProcessDefinition& definition, const Objective& objective, const Refuse& refuse) {
  if (!objective.risk) return;
  if (definition.tolerances.empty()) {
    refuse("tolerances for the `risk` of an objective", "none",
           "state under `tolerances:` what the machine does not hold, or leave `risk` out");
  }
  if (find_by_name(definition.derived, objective.response) != nullptr) {
    refuse("a measured response for the `risk` of an objective", "the derived response " + quoted(objective.response),
           "derived responses are judged at the setpoint itself: leave `risk` out");
  }
}

void check_goals(const ProcessDefinition& definition) {
  std::set<std::string> seen;
  for (const Objective& objective : definition.objectives) {
    objective.validate();
    const Refuse refuse{.where = "process.Process", .place = "objective on " + quoted(objective.response)};
    require_response(definition, objective.response, refuse);
    if (!seen.insert(objective.response).second) refuse("one objective for a response", "two");
    check_risk(definition, objective, refuse);
  }
  for (const OutcomeConstraint& constraint : definition.outcome_constraints) {
    constraint.validate();
    require_response(definition, constraint.response,
                     {.where = "process.Process", .place = "outcome constraint on " + quoted(constraint.response)});
  }
}

void check_constraints(const ProcessDefinition& definition) {
  for (const ParameterConstraint& constraint : definition.parameter_constraints) {
    constraint.validate();
    const Refuse refuse{.where = "process.Process", .place = "parameter constraint " + constraint.text()};
    for (const auto& [name, coefficient] : constraint.sum) numeric_parameter(definition.parameters, name, refuse);
  }
  std::set<std::string> seen;
  for (const Tolerance& tolerance : definition.tolerances) {
    tolerance.validate();
    const Refuse refuse{.where = "process.Process", .place = "tolerance of " + quoted(tolerance.parameter)};
    numeric_parameter(definition.parameters, tolerance.parameter, refuse);
    if (!seen.insert(tolerance.parameter).second) refuse("one tolerance for a parameter", "two");
  }
}

/// Run and group columns must be known for a run as a whole: a noise variable changes within it.
void check_columns(const ProcessDefinition& definition) {
  std::vector<std::string> known = definition.identifiers;
  append_names(known, definition.parameters);
  append_names(known, definition.context);
  const auto check = [&](const std::vector<std::string>& names, const std::string& role, bool with_history_columns) {
    std::set<std::string> seen;
    for (const std::string& name : names) {
      const Refuse refuse{.where = "process.Process", .place = role + " " + quoted(name)};
      if (!seen.insert(name).second) refuse("each column once", quoted(name) + " twice");
      if (find_by_name(definition.noise, name) != nullptr) {
        refuse("a column that is constant within a run", "the noise variable " + quoted(name));
      }
      const bool of_history = std::find(group_columns.begin(), group_columns.end(), name) != group_columns.end();
      if (of_history && with_history_columns) continue;
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        refuse("a declared parameter, context variable or identifier", quoted(name), core::nearest_hint(name, known));
      }
    }
  };
  check(definition.run_id, "run column", false);
  check(definition.groups, "group column", true);
}

void check_cost(const ProcessDefinition& definition) {
  const Refuse refuse{.where = "process.Process", .place = "cost"};
  const auto& [currency, per_response] = definition.cost;
  if (per_response.empty()) {
    if (!currency.empty()) refuse("a cost of at least one response", "the currency alone");
    return;
  }
  if (currency.empty()) refuse("a currency, such as EUR", "none");
  std::set<std::string> seen;
  for (const auto& [name, cost] : per_response) {
    require_response(definition, name, refuse);
    if (!std::isfinite(cost)) refuse("a finite cost of " + quoted(name), core::number_text(cost));
    if (!seen.insert(name).second) refuse("one cost for a response", quoted(name) + " twice");
  }
}

void validate(const ProcessDefinition& definition) {
  const Refuse refuse{.where = "process.Process", .place = "process " + quoted(definition.name)};
  detail::require_name(definition.name, refuse);
  if (definition.parameters.empty() && definition.context.empty()) {
    refuse("at least one parameter or context variable", "none");
  }
  if (definition.responses.empty()) refuse("at least one response", "none");
  for (const Parameter& parameter : definition.parameters) parameter.validate();
  for (const ContextVariable& variable : definition.context) variable.validate();
  for (const NoiseVariable& variable : definition.noise) variable.validate();
  check_names(definition);
  check_responses(definition);
  check_goals(definition);
  check_constraints(definition);
  check_columns(definition);
  check_cost(definition);
}

}  // namespace

Process::Process(ProcessDefinition definition) : definition_(std::move(definition)) {
  validate(definition_);
}

const Variable* Process::find_variable(const std::string& variable) const noexcept {
  if (const Variable* found = find_by_name(definition_.parameters, variable)) return found;
  if (const Variable* found = find_by_name(definition_.context, variable)) return found;
  return find_by_name(definition_.noise, variable);
}

const Parameter* Process::find_parameter(const std::string& parameter) const noexcept {
  return find_by_name(definition_.parameters, parameter);
}

const Response* Process::find_response(const std::string& response) const noexcept {
  return find_by_name(definition_.responses, response);
}

const DerivedResponse* Process::find_derived(const std::string& response) const noexcept {
  return find_by_name(definition_.derived, response);
}

const std::string& Process::unit(const std::string& name) const {
  if (const Variable* variable = find_variable(name)) return variable->unit;
  if (const Response* response = find_response(name)) return response->unit;
  if (const DerivedResponse* derived = find_derived(name)) return derived->unit;
  std::vector<std::string> known = response_names(definition_);
  append_names(known, definition_.parameters);
  append_names(known, definition_.context);
  append_names(known, definition_.noise);
  throw core::ConfigurationError({.where = "process.Process.unit",
                                  .expected = "a variable or response of the process",
                                  .received = quoted(name),
                                  .place = "process " + quoted(definition_.name),
                                  .hint = core::nearest_hint(name, known)});
}

std::string Process::digest() const {
  return core::Sha256().update(to_json().dump()).hex();
}

std::vector<std::string> SearchSpace::violations(const std::map<std::string, double>& settings, double slack) const {
  std::vector<std::string> out;
  std::map<std::string, double> ranges;
  for (const Parameter& parameter : parameters) {
    if (!parameter.is_numeric()) continue;
    const auto at = settings.find(parameter.name);
    const Refuse refuse{.where = "process.SearchSpace.violations", .place = "parameter " + quoted(parameter.name)};
    if (at == settings.end()) refuse("a value for every numeric parameter", "none");
    const double range = parameter.high - parameter.low;
    ranges[parameter.name] = range;
    const double allowed = slack * range;
    // Written so that NaN is a violation.
    const bool inside = at->second >= parameter.low - allowed && at->second <= parameter.high + allowed;
    if (!inside) out.push_back(parameter.name);
  }
  const auto judge = [&](const auto& constraint, double value, double scale) {
    const bool inside = value >= constraint.lower - slack * scale && value <= constraint.upper + slack * scale;
    if (!inside) out.push_back(constraint.text());
  };
  for (const ParameterConstraint& constraint : constraints) {
    double value = 0.0;
    double scale = 0.0;
    for (const auto& [name, coefficient] : constraint.sum) {
      value += coefficient * settings.at(name);
      scale += std::abs(coefficient) * ranges.at(name);
    }
    judge(constraint, value, scale);
  }
  for (const SignomialConstraint& constraint : signomials) {
    double value = 0.0;
    double scale = 0.0;
    for (const Monomial& monomial : constraint.sum) {
      const double term = value_of({monomial}, [&](const std::string& name) { return settings.at(name); });
      value += term;
      scale += std::abs(term);
    }
    judge(constraint, value, scale);
  }
  return out;
}

void SearchSpace::require_signomials() const {
  for (const SignomialConstraint& constraint : signomials) {
    constraint.validate();
    require_powers_within(parameters, constraint.sum,
                          {.where = "process.SearchSpace", .place = "constraint " + constraint.text()});
  }
}

SearchSpace SearchSpace::reachable(const MoveLimits& moves) const {
  SearchSpace out = *this;
  for (const auto& [name, move] : moves.largest) {
    const Refuse refuse{.where = "process.SearchSpace.reachable", .place = "largest move of " + quoted(name)};
    const auto found = std::find_if(out.parameters.begin(), out.parameters.end(),
                                    [&name = name](const Parameter& parameter) { return parameter.name == name; });
    if (found == out.parameters.end() || !found->is_numeric()) {
      std::vector<std::string> known;
      for (const Parameter& parameter : parameters) {
        if (parameter.is_numeric()) known.push_back(parameter.name);
      }
      refuse("the name of a numeric parameter", quoted(name), core::nearest_hint(name, known));
    }
    if (!(move >= 0.0) || !std::isfinite(move)) refuse("a largest move of at least 0", core::number_text(move));
    const auto now = moves.from.find(name);
    if (now == moves.from.end() || !std::isfinite(now->second)) refuse("the setting to move from", "none");
    const double here = now->second;
    const double low = std::max(found->low, here - move);
    const double high = std::min(found->high, here + move);
    if (low > high) {
      throw core::InfeasibleError({.where = "process.SearchSpace.reachable",
                                   .expected = "a search range that one move reaches",
                                   .received = name + " = " + core::number_text(here) + ", a largest move of " +
                                               core::number_text(move) + " and the search range [" +
                                               core::number_text(found->low) + ", " + core::number_text(found->high) +
                                               "]",
                                   .place = {},
                                   .hint = "allow larger moves, or bring the line back in steps of your own first"});
    }
    found->low = low;
    found->high = high;
    out.within_moves.push_back(name);
  }
  return out;
}

SearchSpace SearchSpace::of(const Process& process, const std::optional<MoveLimits>& moves) {
  const SearchSpace whole{.parameters = process.parameters(),
                          .constraints = process.definition().parameter_constraints};
  return moves ? whole.reachable(*moves) : whole;
}

}  // namespace luban::process
