#include "plan.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/guard/guard.hpp>

namespace luban::guard::detail {
namespace {

using core::quoted;

[[noreturn]] void refuse(const std::string& expected, const std::string& received, const std::string& place,
                         const std::string& hint = {}) {
  throw core::ConfigurationError(
      {.where = "guard.Guard", .expected = expected, .received = received, .place = place, .hint = hint});
}

/// The first of some lengths that can measure distances of a parameter.
double scale_of(const process::Parameter& parameter) {
  for (const double length : {parameter.high - parameter.low, parameter.limits.high - parameter.limits.low}) {
    if (length > 0.0 && std::isfinite(length)) return length;
  }
  return std::max(1.0, std::abs(parameter.low));
}

void add_parameters(Plan& plan, const process::Process& process) {
  if (process.parameters().empty()) {
    refuse("at least one parameter to set", "none", "process " + quoted(process.name()));
  }
  std::map<std::string, std::size_t> place;
  for (const process::Parameter& parameter : process.parameters()) {
    plan.parameters.add(parameter);
    plan.limits.push_back(parameter.limits);
    if (!parameter.is_numeric()) continue;
    place[parameter.name] = plan.numeric.size();
    plan.numeric.push_back(plan.parameters.list.size() - 1);
    const process::OperatingLimits& limits = parameter.limits;
    plan.region.low.push_back(std::isfinite(limits.low) ? limits.low : parameter.low);
    plan.region.high.push_back(std::isfinite(limits.high) ? limits.high : parameter.high);
    plan.region.scale.push_back(scale_of(parameter));
    plan.region.whole.push_back(parameter.kind == process::VariableKind::integer ? 1 : 0);
    const auto own = plan.options.parameter_deadband.find(parameter.name);
    plan.deadband.push_back(own == plan.options.parameter_deadband.end() ? plan.options.deadband : own->second);
  }
  for (const process::ParameterConstraint& constraint : process.definition().parameter_constraints) {
    Row row{.sum = {}, .lower = constraint.lower, .upper = constraint.upper};
    for (const auto& [name, coefficient] : constraint.sum) row.sum.emplace_back(place.at(name), coefficient);
    plan.region.rows.push_back(std::move(row));
    plan.row_texts.push_back(constraint.text());
  }
}

/// Inputs that the process declares need no rule; others are known by their rule alone.
void add_inputs(Plan& plan, const process::Process& process) {
  const auto declare = [&plan](const auto& items) {
    for (const auto& item : items) plan.inputs[item.name] = InputRule{.name = item.name, .unit = item.unit};
  };
  declare(process.parameters());
  declare(process.context());
  declare(process.noise());
  declare(process.responses());
  declare(process.derived());
  for (InputRule rule : plan.options.inputs) {
    const auto declared = plan.inputs.find(rule.name);
    if (declared != plan.inputs.end()) rule.unit = declared->second.unit;
    plan.inputs[rule.name] = rule;
  }
}

Source source_of(const Plan& plan, const std::string& name, bool numeric) {
  for (const Variables* variables : {&plan.parameters, &plan.context}) {
    const auto at = variables->position.find(name);
    if (at == variables->position.end()) continue;
    if (variables->list[at->second].is_numeric() != numeric) break;
    return {.is_parameter = variables == &plan.parameters, .position = at->second};
  }
  refuse(numeric ? "numeric parameters and context variables of the process" : "its categorical ones", quoted(name),
         "training envelope", "the envelope belongs to another process, or the process file has changed since the fit");
}

double threshold_of(const process::TrainingEnvelope& envelope, double level) {
  const std::vector<double>& levels = envelope.quantile_levels;
  const std::vector<double>& distances = envelope.distance_quantiles;
  if (levels.empty() || !(level >= levels.front() && level <= levels.back()) ||
      !std::is_sorted(levels.begin(), levels.end())) {
    refuse("novelty within the quantiles that the envelope states", core::number_text(level), "training envelope");
  }
  std::size_t k = 0;
  while (levels[k] < level) ++k;
  double threshold = distances[k];
  if (levels[k] > level) {
    const double part = (level - levels[k - 1]) / (levels[k] - levels[k - 1]);
    threshold = distances[k - 1] + part * (distances[k] - distances[k - 1]);
  }
  if (!(threshold >= 0.0 && std::isfinite(threshold))) {
    refuse("a quantile of distances that is finite", core::number_text(threshold), "training envelope");
  }
  return threshold;
}

/// A variable that the envelope does not know would never be judged, so it may not be missing there.
void require_cover(const Plan& plan) {
  std::set<std::string> covered(plan.envelope.names.begin(), plan.envelope.names.end());
  covered.insert(plan.envelope.category_names.begin(), plan.envelope.category_names.end());
  for (const Variables* variables : {&plan.parameters, &plan.context}) {
    for (const process::Variable& variable : variables->list) {
      if (covered.count(variable.name) == 0) {
        refuse("every parameter and context variable", "none named " + quoted(variable.name), "training envelope",
               "fit the model again with the present process file");
      }
    }
  }
}

void add_envelope(Plan& plan, const process::TrainingEnvelope& envelope, const std::string& expected_digest) {
  plan.envelope_digest = digest_of(envelope);
  if (plan.envelope_digest != expected_digest) {
    throw core::IntegrityError({.where = "guard.Guard",
                                .expected = "a training envelope with digest " + quoted(expected_digest),
                                .received = quoted(plan.envelope_digest),
                                .place = "training envelope",
                                .hint = "the model was exchanged: arm the loop again, with people, for the new one"});
  }
  // Reading it back applies the checks of lengths and scales.
  plan.envelope = process::TrainingEnvelope::from_json(envelope.to_json());
  plan.novelty_threshold = threshold_of(plan.envelope, plan.options.novelty);
  for (const std::string& name : plan.envelope.names) plan.numbers.push_back(source_of(plan, name, true));
  for (const std::string& name : plan.envelope.category_names) plan.categories.push_back(source_of(plan, name, false));
  plan.combinations = {plan.envelope.combinations.begin(), plan.envelope.combinations.end()};
  require_cover(plan);
}

}  // namespace

Plan make_plan(const process::Process& process, const process::TrainingEnvelope& envelope,
               const std::string& envelope_digest, GuardOptions options) {
  options.validate(process);
  Plan plan;
  plan.options = std::move(options);
  add_parameters(plan, process);
  for (const process::ContextVariable& variable : process.context()) plan.context.add(variable);
  add_inputs(plan, process);
  add_envelope(plan, envelope, envelope_digest);
  return plan;
}

}  // namespace luban::guard::detail
