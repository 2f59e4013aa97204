#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/guard/guard.hpp>

namespace luban::guard::testing_support {

using namespace std::chrono_literals;
using process::NamedValue;
using process::Value;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

inline process::Parameter number(const std::string& name, const std::string& unit, double low, double high,
                                 process::OperatingLimits limits = {}) {
  process::Parameter out;
  out.name = name;
  out.unit = unit;
  out.low = low;
  out.high = high;
  out.limits = limits;
  return out;
}

template <typename V>
V category(const std::string& name, std::vector<std::string> categories) {
  V out;
  out.name = name;
  out.kind = process::VariableKind::categorical;
  out.categories = std::move(categories);
  return out;
}

/// speed 100 … 300 m/min (limits 80 … 320, 20 per minute), feed 0.05 … 0.15 mm/rev, passes 1 … 5, coolant, a context
/// with a number and a category, and speed + 1000 feed ≤ 400.
inline process::ProcessDefinition turning() {
  process::ProcessDefinition out;
  out.name = "turning";
  process::Parameter passes = number("passes", "", 1.0, 5.0);
  passes.kind = process::VariableKind::integer;
  out.parameters = {
      number("speed", "m/min", 100.0, 300.0, {.low = 80.0, .high = 320.0, .max_rate = 20.0, .max_rate_per = 60s}),
      number("feed", "mm/rev", 0.05, 0.15), passes, category<process::Parameter>("coolant", {"dry", "wet"})};
  process::ContextVariable hardness;
  hardness.name = "hardness";
  hardness.unit = "HB";
  out.context = {hardness, category<process::ContextVariable>("wear", {"New", "Worn"})};
  out.responses = {{.name = "roughness", .unit = "um"}};
  out.parameter_constraints = {{.sum = {{"speed", 1.0}, {"feed", 1000.0}}, .upper = 400.0}};
  return out;
}

/// Round in the scaled numbers, generous: distance 3 at the 0.99 quantile, scale a quarter of the range.
inline process::TrainingEnvelope envelope() {
  return {.names = {"speed", "feed", "passes", "hardness"},
          .mean = {200.0, 0.1, 3.0, 150.0},
          .scale = {50.0, 0.025, 1.0, 10.0},
          .inverse_covariance = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1},
          .quantile_levels = {0.5, 0.9, 0.99, 0.999},
          .distance_quantiles = {1.5, 2.5, 3.0, 4.0},
          .category_names = {"coolant", "wear"},
          .combinations = {{"dry", "New"}, {"wet", "New"}, {"wet", "Worn"}}};
}

inline GuardOptions options() {
  GuardOptions out;
  out.inputs = {{.name = "spindle_load", .unit = "%", .low = 0.0, .high = 150.0, .stuck_after = 60s}};
  return out;
}

inline Guard turning_guard(GuardOptions with = options()) {
  return {process::Process(turning()), envelope(), digest_of(envelope()), std::move(with)};
}

inline process::Recipe recipe(Value speed, Value feed, Value passes, Value coolant) {
  return process::Recipe({{"speed", std::move(speed), "m/min"},
                          {"feed", std::move(feed), "mm/rev"},
                          {"passes", std::move(passes), ""},
                          {"coolant", std::move(coolant), ""}});
}

inline ConfirmedOutput output(const std::string& name, Value value, const std::string& unit) {
  ConfirmedOutput out;
  out.value = {.name = name, .value = std::move(value), .unit = unit};
  out.age = 100ms;
  return out;
}

inline JudgedInput input(const std::string& name, double value, const std::string& unit) {
  JudgedInput out;
  out.name = name;
  out.value.value = value;
  out.value.unit = unit;
  out.age = 200ms;
  out.unchanged = 1s;
  return out;
}

inline core::MonotonicTime at(core::Nanoseconds time) {
  return core::MonotonicTime(time);
}

/// Everything in order: confirmed 200, 0.1, 3, wet; proposed 210, 0.11, 3, wet; a minute since the last move.
inline GuardRequest request() {
  GuardRequest out;
  out.cycle = 7;
  out.now = at(1000s);
  out.deadline = at(1002s);
  out.sequence = 41;
  out.last_sequence = 40;
  out.proposal = recipe(210.0, 0.11, 3.0, "wet");
  out.inputs = {input("spindle_load", 55.0, "%"), input("roughness", 1.8, "um")};
  out.outputs = {output("speed", 200.0, "m/min"), output("feed", 0.1, "mm/rev"), output("passes", 3.0, ""),
                 output("coolant", std::string("wet"), "")};
  out.last_move = at(940s);
  out.context = {{"hardness", 152.0, "HB"}, {"wear", std::string("New"), ""}};
  return out;
}

inline std::vector<double> numbers_of(const Setpoint& setpoint) {
  std::vector<double> out;
  for (const NamedValue& item : setpoint.values()) {
    if (const double* value = std::get_if<double>(&item.value)) out.push_back(*value);
  }
  return out;
}

/// Whether a finding with this reason, subject and name is there.
inline bool reports(const Verdict& verdict, Reason reason, Subject subject, const std::string& name = {}) {
  return std::any_of(verdict.findings.begin(), verdict.findings.end(), [&](const GuardFinding& finding) {
    return finding.reason == reason && finding.subject == subject && finding.name == name;
  });
}

/// The answer is `decision` without a setpoint, and the only finding is this one.
inline void expect_only(const Judgement& judgement, Decision decision, Reason reason, Subject subject,
                        const std::string& name = {}) {
  EXPECT_EQ(judgement.verdict.decision, decision);
  EXPECT_FALSE(judgement.setpoint.has_value());
  EXPECT_TRUE(reports(judgement.verdict, reason, subject, name));
  EXPECT_EQ(judgement.verdict.findings.size(), 1U);
}

}  // namespace luban::guard::testing_support
