#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/process/process.hpp>
#include <luban/process/run.hpp>

namespace luban::process::testing_support {

inline Parameter number(const std::string& name, const std::string& unit, double low, double high) {
  Parameter out;
  out.name = name;
  out.unit = unit;
  out.low = low;
  out.high = high;
  return out;
}

template <typename V>
V category(const std::string& name, std::vector<std::string> categories) {
  V out;
  out.name = name;
  out.kind = VariableKind::categorical;
  out.categories = std::move(categories);
  return out;
}

/// A small turning process that is right in every part.
inline ProcessDefinition turning() {
  ProcessDefinition out;
  out.name = "turning";
  out.parameters = {number("speed", "m/min", 100.0, 300.0), number("feed", "mm/rev", 0.05, 0.15)};
  out.context = {category<ContextVariable>("wear", {"New", "Worn"})};
  out.noise = {category<NoiseVariable>("position", {"Chuck", "Middle"})};
  out.identifiers = {"setting"};
  out.responses = {{.name = "roughness", .unit = "um", .valid_low = 0.0, .valid_high = 50.0}};
  out.derived = {{.name = "rate", .unit = "cm2/min", .sum = {{{{"speed", 1.0}, {"feed", 1.0}}, 10.0}}}};
  out.objectives = {{.response = "roughness"}, {.response = "rate", .goal = Goal::maximize}};
  out.outcome_constraints = {{.response = "roughness", .upper = 3.2}};
  out.parameter_constraints = {{.sum = {{"speed", 1.0}, {"feed", 900.0}}, .upper = 400.0}};
  out.tolerances = {{.parameter = "feed", .sd = 0.002}};
  out.run_id = {"setting", "wear"};
  out.groups = {"speed", "feed"};
  out.cost = {.currency = "EUR", .per_response = {{"rate", -0.8}}};
  return out;
}

inline NamedValue value(const std::string& name, Value content, const std::string& unit = {}) {
  return {.name = name, .value = std::move(content), .unit = unit};
}

/// The detail of the error of type E that `call` throws; a failure when it throws none.
template <typename E, typename Call>
core::ErrorDetail refusal(Call call) {
  try {
    static_cast<void>(call());
  } catch (const E& error) {
    return error.detail();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

}  // namespace luban::process::testing_support
