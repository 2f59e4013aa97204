// The canonical JSON of a process: members in a fixed order, absent members left out, so that equal processes have
// equal text and thus equal digests.
#include <array>
#include <cmath>
#include <string_view>

#include <luban/core/json.hpp>
#include <luban/process/process.hpp>

#include "detail/json_object.hpp"

namespace luban::process {
namespace {

using core::Json;
using detail::JsonObject;

constexpr std::int64_t format_version = 1;
constexpr std::array<std::string_view, 4> kind_names = {"continuous", "integer", "categorical", "ordinal"};
constexpr std::array<std::string_view, 3> goal_names = {"minimize", "maximize", "target"};

void set_text(Json& out, const char* key, const std::string& value) {
  if (!value.empty()) out.set(key, value);
}

/// JSON has no infinities; an absent bound is one.
void set_finite(Json& out, const char* key, double value) {
  if (std::isfinite(value)) out.set(key, value);
}

void set_texts(Json& out, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) out.set(key, values);
}

Json weights(const std::vector<std::pair<std::string, double>>& pairs) {
  Json out = Json::object();
  for (const auto& [name, value] : pairs) out.set(name, value);
  return out;
}

template <typename Items, typename Convert>
void set_list(Json& out, const char* key, const Items& items, Convert convert) {
  if (items.empty()) return;
  Json list = Json::array();
  for (const auto& item : items) list.push_back(convert(item));
  out.set(key, std::move(list));
}

Json variable_json(const Variable& variable) {
  Json out = Json::object();
  out.set("name", variable.name);
  set_text(out, "unit", variable.unit);
  out.set("kind", kind_names[static_cast<std::size_t>(variable.kind)]);
  set_finite(out, "low", variable.low);
  set_finite(out, "high", variable.high);
  set_texts(out, "categories", variable.categories);
  return out;
}

Json parameter_json(const Parameter& parameter) {
  Json out = variable_json(parameter);
  Json limits = Json::object();
  set_finite(limits, "low", parameter.limits.low);
  set_finite(limits, "high", parameter.limits.high);
  set_finite(limits, "max_rate", parameter.limits.max_rate);
  if (parameter.limits.max_rate_per.count() != 0) limits.set("max_rate_per_ns", parameter.limits.max_rate_per.count());
  if (!limits.as_object().empty()) out.set("limits", std::move(limits));
  return out;
}

Json response_json(const Response& response) {
  Json out = Json::object();
  out.set("name", response.name);
  set_text(out, "unit", response.unit);
  set_finite(out, "valid_low", response.valid_low);
  set_finite(out, "valid_high", response.valid_high);
  if (response.optional) out.set("optional", true);
  if (response.late) out.set("late", true);
  return out;
}

/// Names where all exponents are 1, else exponents by name.
void set_monomial(Json& out, const Monomial& monomial) {
  const auto& product = monomial.product;
  std::vector<std::string> names;
  for (const auto& [name, exponent] : product) {
    if (exponent == 1.0) names.push_back(name);
  }
  if (names.size() == product.size()) {
    set_texts(out, "product", names);
  } else {
    out.set("product", weights(product));
  }
  out.set("factor", monomial.factor);
}

Json derived_json(const DerivedResponse& derived) {
  Json out = Json::object();
  out.set("name", derived.name);
  set_text(out, "unit", derived.unit);
  if (derived.sum.size() == 1) {  // the short form
    set_monomial(out, derived.sum.front());
  } else {
    set_list(out, "sum", derived.sum, [](const Monomial& monomial) {
      Json term = Json::object();
      set_monomial(term, monomial);
      return term;
    });
  }
  return out;
}

Json objective_json(const Objective& objective) {
  Json out = Json::object();
  out.set("response", objective.response).set("goal", goal_names[static_cast<std::size_t>(objective.goal)]);
  set_finite(out, "target", objective.target);
  if (objective.risk) {
    const char* name = risk_measure_names[static_cast<std::size_t>(objective.risk->kind)];
    out.set("risk", Json::object().set(name, objective.risk->level));
  }
  return out;
}

Json outcome_json(const OutcomeConstraint& constraint) {
  Json out = Json::object();
  out.set("response", constraint.response);
  set_finite(out, "lower", constraint.lower);
  set_finite(out, "upper", constraint.upper);
  return out.set("probability", constraint.probability);
}

Json constraint_json(const ParameterConstraint& constraint) {
  Json out = Json::object();
  out.set("sum", weights(constraint.sum));
  set_finite(out, "lower", constraint.lower);
  set_finite(out, "upper", constraint.upper);
  return out;
}

Json equipment_json(const Equipment& equipment) {
  Json out = Json::object();
  set_text(out, "site", equipment.site);
  set_text(out, "area", equipment.area);
  set_text(out, "work_center", equipment.work_center);
  set_text(out, "work_unit", equipment.work_unit);
  return out;
}

/// Index of a word in a list of words; the absent word is the first.
template <std::size_t N>
std::size_t choice(JsonObject& in, const char* key, const std::array<std::string_view, N>& words) {
  const std::string word = in.text(key, std::string(words.front()));
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) {
    const std::vector<std::string> known(words.begin(), words.end());
    in.refuse(key)("one of " + core::listed(known), core::quoted(word), core::nearest_hint(word, known));
  }
  return static_cast<std::size_t>(at - words.begin());
}

void read_variable(JsonObject& in, Variable& out) {
  out.name = in.text("name");
  out.unit = in.text("unit");
  out.kind = static_cast<VariableKind>(choice(in, "kind", kind_names));
  out.low = in.number("low", out.low);
  out.high = in.number("high", out.high);
  out.categories = in.texts("categories");
}

template <typename V>
V read_plain_variable(JsonObject& in) {
  V out;
  read_variable(in, out);
  return out;
}

Parameter read_parameter(JsonObject& in) {
  Parameter out;
  read_variable(in, out);
  in.object("limits", [&out](JsonObject& limits) {
    out.limits.low = limits.number("low", out.limits.low);
    out.limits.high = limits.number("high", out.limits.high);
    out.limits.max_rate = limits.number("max_rate", out.limits.max_rate);
    out.limits.max_rate_per = core::Nanoseconds(limits.integer("max_rate_per_ns", 0));
  });
  return out;
}

Response read_response(JsonObject& in) {
  Response out;
  out.name = in.text("name");
  out.unit = in.text("unit");
  out.valid_low = in.number("valid_low", out.valid_low);
  out.valid_high = in.number("valid_high", out.valid_high);
  out.optional = in.flag("optional");
  out.late = in.flag("late");
  return out;
}

Monomial read_monomial(JsonObject& in) {
  Monomial out;
  out.product = in.powers("product");
  out.factor = in.number("factor", out.factor);
  return out;
}

DerivedResponse read_derived(JsonObject& in) {
  DerivedResponse out;
  out.name = in.text("name");
  out.unit = in.text("unit");
  out.sum = in.list<Monomial>("sum", read_monomial);
  Monomial only = read_monomial(in);
  const bool short_form = !only.product.empty();
  if (short_form && !out.sum.empty()) in.refuse("sum")("either `product` or `sum`", "both");
  if (short_form) out.sum.push_back(std::move(only));
  return out;
}

/// The level under the name of the one measure that is wanted.
void read_risk(JsonObject& in, std::optional<RiskMeasure>& out) {
  int given = 0;
  for (std::size_t kind = 0; kind < risk_measure_names.size(); ++kind) {
    const double level = in.number(risk_measure_names[kind], no_number);
    if (std::isnan(level)) continue;
    ++given;
    out = RiskMeasure{.kind = static_cast<RiskMeasure::Kind>(kind), .level = level};
  }
  const std::string both = std::string(risk_measure_names[0]) + " and " + risk_measure_names[1];
  if (given != 1) in.refuse("")("one of " + both, given == 0 ? "neither" : "both");
}

Objective read_objective(JsonObject& in) {
  Objective out;
  out.response = in.text("response");
  out.goal = static_cast<Goal>(choice(in, "goal", goal_names));
  out.target = in.number("target", out.target);
  in.object("risk", [&out](JsonObject& risk) { read_risk(risk, out.risk); });
  return out;
}

OutcomeConstraint read_outcome(JsonObject& in) {
  OutcomeConstraint out;
  out.response = in.text("response");
  out.lower = in.number("lower", out.lower);
  out.upper = in.number("upper", out.upper);
  out.probability = in.number("probability", out.probability);
  return out;
}

ParameterConstraint read_constraint(JsonObject& in) {
  ParameterConstraint out;
  out.sum = in.weights("sum");
  out.lower = in.number("lower", out.lower);
  out.upper = in.number("upper", out.upper);
  return out;
}

Tolerance read_tolerance(JsonObject& in) {
  Tolerance out;
  out.parameter = in.text("parameter");
  out.sd = in.number("sd", out.sd);
  return out;
}

void read_equipment(JsonObject& in, Equipment& out) {
  out.site = in.text("site");
  out.area = in.text("area");
  out.work_center = in.text("work_center");
  out.work_unit = in.text("work_unit");
}

void require_version(JsonObject& in) {
  const std::int64_t version = in.integer("luban", format_version);
  if (version != format_version) {
    in.refuse("luban")("version " + std::to_string(format_version) + " of the process definition",
                       std::to_string(version), "it was written by another version of luban");
  }
}

}  // namespace

core::Json Process::to_json() const {
  const ProcessDefinition& d = definition_;
  Json out = Json::object();
  out.set("luban", format_version).set("process", d.name);
  Json equipment = equipment_json(d.equipment);
  if (!equipment.as_object().empty()) out.set("equipment", std::move(equipment));
  set_list(out, "parameters", d.parameters, parameter_json);
  set_list(out, "context", d.context, variable_json);
  set_list(out, "noise", d.noise, variable_json);
  set_texts(out, "identifiers", d.identifiers);
  set_list(out, "responses", d.responses, response_json);
  set_list(out, "derived", d.derived, derived_json);
  set_list(out, "objectives", d.objectives, objective_json);
  set_list(out, "outcome_constraints", d.outcome_constraints, outcome_json);
  set_list(out, "parameter_constraints", d.parameter_constraints, constraint_json);
  set_list(out, "tolerances", d.tolerances, [](const Tolerance& tolerance) {
    return Json::object().set("parameter", tolerance.parameter).set("sd", tolerance.sd);
  });
  set_texts(out, "run_id", d.run_id);
  set_text(out, "repeat", d.repeat);
  set_texts(out, "groups", d.groups);
  if (!d.cost.per_response.empty()) {
    out.set("cost", Json::object().set("currency", d.cost.currency).set("per_response", weights(d.cost.per_response)));
  }
  return out;
}

Process Process::from_json(const core::Json& json) {
  JsonObject in(json, "");
  require_version(in);
  ProcessDefinition d;
  d.name = in.text("process");
  in.object("equipment", [&d](JsonObject& equipment) { read_equipment(equipment, d.equipment); });
  d.parameters = in.list<Parameter>("parameters", read_parameter);
  d.context = in.list<ContextVariable>("context", read_plain_variable<ContextVariable>);
  d.noise = in.list<NoiseVariable>("noise", read_plain_variable<NoiseVariable>);
  d.identifiers = in.texts("identifiers");
  d.responses = in.list<Response>("responses", read_response);
  d.derived = in.list<DerivedResponse>("derived", read_derived);
  d.objectives = in.list<Objective>("objectives", read_objective);
  d.outcome_constraints = in.list<OutcomeConstraint>("outcome_constraints", read_outcome);
  d.parameter_constraints = in.list<ParameterConstraint>("parameter_constraints", read_constraint);
  d.tolerances = in.list<Tolerance>("tolerances", read_tolerance);
  d.run_id = in.texts("run_id");
  d.repeat = in.text("repeat");
  d.groups = in.texts("groups");
  in.object("cost", [&d](JsonObject& cost) {
    d.cost.currency = cost.text("currency");
    d.cost.per_response = cost.weights("per_response");
  });
  in.finish();
  return Process(std::move(d));
}

}  // namespace luban::process
