// The parts of a process: each constructor checks what it is given, so that a wrong value never exists in Python.
#include <luban/process/process.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

#include "process_parts.hpp"

namespace luban::bindings {
namespace {

using namespace process;
using Texts = std::vector<std::string>;

constexpr double infinity = std::numeric_limits<double>::infinity();

VariableKind kind_of(const Texts& categories, bool ordered, bool integer) {
  if (!categories.empty()) return ordered ? VariableKind::ordinal : VariableKind::categorical;
  return integer ? VariableKind::integer : VariableKind::continuous;
}

void fill(Variable& out, std::string name, std::string unit, double low, double high, Texts categories, bool ordered,
          bool integer) {
  out.kind = kind_of(categories, ordered, integer);
  out.name = std::move(name);
  out.unit = std::move(unit);
  out.low = low;
  out.high = high;
  out.categories = std::move(categories);
}

template <typename V>
V make_variable(std::string name, std::string unit, double low, double high, Texts categories, bool ordered,
                bool integer) {
  V out;
  fill(out, std::move(name), std::move(unit), low, high, std::move(categories), ordered, integer);
  out.validate();
  return out;
}

Parameter make_parameter(std::string name, std::string unit, double low, double high, Texts categories, bool ordered,
                         bool integer, const OperatingLimits& limits) {
  Parameter out;
  fill(out, std::move(name), std::move(unit), low, high, std::move(categories), ordered, integer);
  out.limits = limits;
  out.validate();
  return out;
}

/// Aggregates have no constructors to name: this makes one checked value out of its fields.
template <typename T>
T checked(T value) {
  value.validate();
  return value;
}

template <typename V>
void bind_plain_variable(py::module_& module, const char* name, const char* doc) {
  py::classh<V, Variable>(module, name, doc)
      .def(py::init(&make_variable<V>), py::arg("name"), py::kw_only(), py::arg("unit") = "",
           py::arg("low") = no_number, py::arg("high") = no_number, py::arg("categories") = Texts{},
           py::arg("ordered") = false, py::arg("integer") = false);
}

void bind_variables(py::module_& module) {
  py::native_enum<VariableKind>(module, "VariableKind", "enum.Enum", "How values relate to each other.")
      .value("continuous", VariableKind::continuous)
      .value("integer", VariableKind::integer)
      .value("categorical", VariableKind::categorical)
      .value("ordinal", VariableKind::ordinal)
      .finalize();
  py::classh<OperatingLimits>(module, "OperatingLimits", "Hard bounds on a setpoint; absent bounds are infinite.")
      .def(py::init([](double low, double high, double max_rate, double per_s) {
             return OperatingLimits{
                 .low = low,
                 .high = high,
                 .max_rate = max_rate,
                 .max_rate_per = std::chrono::round<core::Nanoseconds>(std::chrono::duration<double>(per_s))};
           }),
           py::arg("low") = -infinity, py::arg("high") = infinity, py::kw_only(), py::arg("max_rate") = infinity,
           py::arg("max_rate_per_s") = 0.0)
      .def_readonly("low", &OperatingLimits::low)
      .def_readonly("high", &OperatingLimits::high)
      .def_readonly("max_rate", &OperatingLimits::max_rate)
      .def_property_readonly("max_rate_per_s", [](const OperatingLimits& limits) {
        return std::chrono::duration<double>(limits.max_rate_per).count();
      });
  py::classh<Variable>(module, "Variable", "What is common to everything a response may depend on.")
      .def_readonly("name", &Variable::name)
      .def_readonly("unit", &Variable::unit)
      .def_readonly("kind", &Variable::kind)
      .def_readonly("low", &Variable::low)
      .def_readonly("high", &Variable::high)
      .def_readonly("categories", &Variable::categories)
      .def_property_readonly("is_numeric", &Variable::is_numeric)
      .def("code", &Variable::code, py::arg("category"), "Code of a category, None when it is none of them.");
  py::classh<Parameter, Variable>(module, "Parameter", "An adjustable process quantity.")
      .def(py::init(&make_parameter), py::arg("name"), py::kw_only(), py::arg("unit") = "", py::arg("low") = no_number,
           py::arg("high") = no_number, py::arg("categories") = Texts{}, py::arg("ordered") = false,
           py::arg("integer") = false, py::arg_v("limits", OperatingLimits{}, "OperatingLimits()"))
      .def_readonly("limits", &Parameter::limits);
  bind_plain_variable<ContextVariable>(module, "ContextVariable", "Known before the run and not ours to choose.");
  bind_plain_variable<NoiseVariable>(module, "NoiseVariable", "Varies and is not known before the run.");
}

/// Exponents by name, or names alone, whose exponents are 1.
Monomial make_monomial(const py::object& product, double factor) {
  Monomial out{.product = {}, .factor = factor};
  if (py::isinstance<py::dict>(product)) {
    for (const auto& [name, exponent] : product.cast<py::dict>()) {
      out.product.emplace_back(name.cast<std::string>(), exponent.cast<double>());
    }
  } else {
    for (std::string& name : product.cast<Texts>()) out.product.emplace_back(std::move(name), 1.0);
  }
  return out;
}

void bind_responses(py::module_& module) {
  py::classh<Response>(module, "Response", "A measured result of a run.")
      .def(py::init([](std::string name, std::string unit, double low, double high, bool optional, bool late) {
             return checked(Response{.name = std::move(name),
                                     .unit = std::move(unit),
                                     .valid_low = low,
                                     .valid_high = high,
                                     .optional = optional,
                                     .late = late});
           }),
           py::arg("name"), py::kw_only(), py::arg("unit") = "", py::arg("valid_low") = -infinity,
           py::arg("valid_high") = infinity, py::arg("optional") = false, py::arg("late") = false)
      .def_readonly("name", &Response::name)
      .def_readonly("unit", &Response::unit)
      .def_readonly("valid_low", &Response::valid_low)
      .def_readonly("valid_high", &Response::valid_high)
      .def_readonly("optional", &Response::optional)
      .def_readonly("late", &Response::late);
  py::classh<Monomial>(module, "Monomial", "factor · Π parameter^exponent; without parameters the factor alone.")
      .def(py::init(&make_monomial), py::arg("product") = py::dict(), py::kw_only(), py::arg("factor") = 1.0)
      .def_property_readonly("product",
                             [](const Monomial& monomial) {
                               py::dict out;
                               for (const auto& [name, exponent] : monomial.product) {
                                 const py::str key(name);
                                 out[key] = out.contains(key) ? out[key].cast<double>() + exponent : exponent;
                               }
                               return out;
                             })
      .def_readonly("factor", &Monomial::factor);
  py::classh<DerivedResponse>(module, "DerivedResponse", "A sum of products of parameters' powers, computed exactly.")
      .def(py::init([](std::string name, std::vector<Monomial> sum, std::string unit) {
             return checked(DerivedResponse{.name = std::move(name), .unit = std::move(unit), .sum = std::move(sum)});
           }),
           py::arg("name"), py::arg("sum"), py::kw_only(), py::arg("unit") = "")
      .def_readonly("name", &DerivedResponse::name)
      .def_readonly("unit", &DerivedResponse::unit)
      .def_readonly("sum", &DerivedResponse::sum);
}

Goal goal_of(const std::string& word) {
  const Texts known = {"minimize", "maximize", "target"};
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == word) return static_cast<Goal>(i);
  }
  throw core::ConfigurationError({.where = "process.Objective",
                                  .expected = "goal minimize, maximize or target",
                                  .received = core::quoted(word),
                                  .place = {},
                                  .hint = core::nearest_hint(word, known)});
}

const char* goal_name(const Objective& objective) {
  return objective.goal == Goal::minimize ? "minimize" : objective.goal == Goal::maximize ? "maximize" : "target";
}

std::optional<RiskEntry> risk_entry(const Objective& objective) {
  if (!objective.risk) return std::nullopt;
  const auto kind = static_cast<std::size_t>(objective.risk->kind);
  return RiskEntry{{risk_measure_names.at(kind), objective.risk->level}};
}

void bind_goals(py::module_& module) {
  py::classh<Objective>(module, "Objective", "What to improve; risk = {name of a risk measure: level}.")
      .def(py::init(
               [](std::string response, const std::string& goal, double target, const std::optional<RiskEntry>& risk) {
                 return checked(Objective{.response = std::move(response),
                                          .goal = goal_of(goal),
                                          .target = target,
                                          .risk = risk_of(risk, "process.Objective")});
               }),
           py::arg("response"), py::arg("goal") = "minimize", py::kw_only(), py::arg("target") = no_number,
           py::arg("risk") = py::none())
      .def_readonly("response", &Objective::response)
      .def_property_readonly("goal", &goal_name)
      .def_readonly("target", &Objective::target)
      .def_property_readonly("risk", &risk_entry);
  py::classh<OutcomeConstraint>(module, "OutcomeConstraint", "Bound on a response's run mean with a probability.")
      .def(py::init([](std::string response, double lower, double upper, double probability) {
             return checked(OutcomeConstraint{
                 .response = std::move(response), .lower = lower, .upper = upper, .probability = probability});
           }),
           py::arg("response"), py::kw_only(), py::arg("lower") = -infinity, py::arg("upper") = infinity,
           py::arg("probability") = 0.95)
      .def_readonly("response", &OutcomeConstraint::response)
      .def_readonly("lower", &OutcomeConstraint::lower)
      .def_readonly("upper", &OutcomeConstraint::upper)
      .def_readonly("probability", &OutcomeConstraint::probability)
      .attr("default_probability") = OutcomeConstraint{}.probability;
  py::classh<ParameterConstraint>(module, "ParameterConstraint", "lower ≤ Σ coefficient · parameter ≤ upper.")
      .def(py::init([](const py::dict& sum, double lower, double upper) {
             ParameterConstraint out{.sum = {}, .lower = lower, .upper = upper};
             for (const auto& [name, coefficient] : sum) {
               out.sum.emplace_back(name.cast<std::string>(), coefficient.cast<double>());
             }
             return checked(std::move(out));
           }),
           py::arg("sum"), py::kw_only(), py::arg("lower") = -infinity, py::arg("upper") = infinity)
      .def_property_readonly("sum",
                             [](const ParameterConstraint& constraint) {
                               py::dict out;
                               for (const auto& [name, coefficient] : constraint.sum) out[py::str(name)] = coefficient;
                               return out;
                             })
      .def_readonly("lower", &ParameterConstraint::lower)
      .def_readonly("upper", &ParameterConstraint::upper)
      .def("__str__", &ParameterConstraint::text);
  py::classh<SignomialConstraint>(module, "SignomialConstraint", "lower ≤ Σ factor · Π parameter^exponent ≤ upper.")
      .def(py::init([](std::vector<Monomial> sum, double lower, double upper) {
             return checked(SignomialConstraint{.sum = std::move(sum), .lower = lower, .upper = upper});
           }),
           py::arg("sum"), py::kw_only(), py::arg("lower") = -infinity, py::arg("upper") = infinity)
      .def_readonly("sum", &SignomialConstraint::sum)
      .def_readonly("lower", &SignomialConstraint::lower)
      .def_readonly("upper", &SignomialConstraint::upper)
      .def("__str__", &SignomialConstraint::text);
  py::classh<Tolerance>(module, "Tolerance", "Standard deviation with which an applied value scatters.")
      .def(py::init([](std::string parameter, double sd) {
             return checked(Tolerance{.parameter = std::move(parameter), .sd = sd});
           }),
           py::arg("parameter"), py::arg("sd"))
      .def_readonly("parameter", &Tolerance::parameter)
      .def_readonly("sd", &Tolerance::sd);
}

void bind_definition(py::module_& module) {
  py::classh<Process>(module, "Process", "A validated process; immutable.")
      .def_static(
          "from_json", [](const std::string& text) { return Process::from_json(core::Json::parse(text)); },
          py::arg("text"), "Reads the canonical JSON; ConfigurationError on an unknown key or a contradiction.")
      .def("to_json", [](const Process& process) { return process.to_json().dump(); })
      .def_property_readonly("digest", &Process::digest)
      .def_property_readonly("name", &Process::name)
      .def_property_readonly("parameters", &Process::parameters)
      .def_property_readonly("context", &Process::context)
      .def_property_readonly("noise", &Process::noise)
      .def_property_readonly("identifiers", [](const Process& process) { return process.definition().identifiers; })
      .def_property_readonly("responses", &Process::responses)
      .def_property_readonly("derived", &Process::derived)
      .def_property_readonly("objectives", &Process::objectives)
      .def_property_readonly("outcome_constraints",
                             [](const Process& process) { return process.definition().outcome_constraints; })
      .def_property_readonly("parameter_constraints",
                             [](const Process& process) { return process.definition().parameter_constraints; })
      .def_property_readonly("tolerances", [](const Process& process) { return process.definition().tolerances; })
      .def_property_readonly("run_id", [](const Process& process) { return process.definition().run_id; })
      .def_property_readonly("groups", [](const Process& process) { return process.definition().groups; })
      .def("unit", &Process::unit, py::arg("name"))
      .def(
          "violations",
          [](const Process& process, const std::map<std::string, double>& settings, double slack) {
            return SearchSpace::of(process).violations(settings, slack);
          },
          py::arg("settings"), py::arg("slack") = 1e-9,
          "Names of the ranges and constraints that settings break by more than `slack` of the range.");
}

}  // namespace

void bind_process(py::module_& module) {
  bind_variables(module);
  bind_responses(module);
  bind_goals(module);
  bind_definition(module);
  bind_process_table(module);
  bind_process_arrow(module);
  bind_process_trial(module);
}

std::optional<RiskMeasure> risk_of(const std::optional<RiskEntry>& entry, const std::string& where) {
  if (!entry) return std::nullopt;
  const Texts known(risk_measure_names.begin(), risk_measure_names.end());
  const std::string given = entry->size() == 1 ? entry->begin()->first : "";
  const auto found = std::find(known.begin(), known.end(), given);
  if (found == known.end()) {
    throw core::ConfigurationError({.where = where,
                                    .expected = "one risk measure, " + known[0] + " or " + known[1],
                                    .received = given.empty() ? std::to_string(entry->size()) : core::quoted(given),
                                    .place = {},
                                    .hint = given.empty() ? "" : core::nearest_hint(given, known)});
  }
  return RiskMeasure{.kind = static_cast<RiskMeasure::Kind>(found - known.begin()), .level = entry->begin()->second};
}

}  // namespace luban::bindings
