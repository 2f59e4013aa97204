// The parts of a process, each checked on its own.
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <luban/process/constraint.hpp>
#include <luban/process/data_value.hpp>
#include <luban/process/response.hpp>
#include <luban/process/variable.hpp>

#include "support.hpp"

namespace luban::process {
namespace {

using namespace testing_support;
using core::ConfigurationError;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Changes a good parameter; it must then be refused with the words expected.
template <typename Change>
void expect_parameter_refused(const std::string& expected, Change change) {
  Parameter parameter = number("speed", "m/min", 100.0, 300.0);
  EXPECT_NO_THROW(parameter.validate());
  change(parameter);
  const auto validate = [&parameter] { return parameter.validate(), 0; };
  EXPECT_EQ(refusal<ConfigurationError>(validate).expected, expected);
}

TEST(parameter, refuses_a_range_that_is_none) {
  expect_parameter_refused("low at most high", [](Parameter& p) { p.low = 301.0; });
  expect_parameter_refused("low and high together, or neither", [](Parameter& p) { p.low = no_number; });
  expect_parameter_refused("low and high of the search range", [](Parameter& p) { p.low = p.high = no_number; });
  expect_parameter_refused("finite low and high", [](Parameter& p) { p.high = infinity; });
  expect_parameter_refused("whole numbers for an integer variable", [](Parameter& p) {
    p.kind = VariableKind::integer;
    p.low = 100.5;
  });
}

TEST(parameter, refuses_a_name_that_nobody_can_type) {
  expect_parameter_refused("a name", [](Parameter& p) { p.name.clear(); });
  expect_parameter_refused("a name without spaces around it", [](Parameter& p) { p.name = "speed "; });
  expect_parameter_refused("a name without control characters", [](Parameter& p) { p.name = "spe\ted"; });
}

TEST(parameter, takes_the_names_that_plants_use) {
  for (const std::string name : {"TIC-101.PV", "Druck (Düse)", "进给", "a+b*c", "x y"}) {
    EXPECT_NO_THROW(number(name, "", 0.0, 1.0).validate()) << name;
  }
}

TEST(parameter, refuses_a_search_range_outside_its_limits) {
  expect_parameter_refused("a search range inside the operating limits", [](Parameter& p) { p.limits.low = 101.0; });
  expect_parameter_refused("a search range inside the operating limits", [](Parameter& p) { p.limits.high = 299.0; });
  expect_parameter_refused("the lower limit at most the upper one", [](Parameter& p) {
    p.limits.low = 400.0;
    p.limits.high = 50.0;
  });
  expect_parameter_refused("limits that are numbers", [](Parameter& p) { p.limits.low = no_number; });
}

TEST(parameter, refuses_a_rate_that_is_none) {
  expect_parameter_refused("a maximum rate above 0 per a time above 0", [](Parameter& p) {
    p.limits.max_rate = 0.0;
    p.limits.max_rate_per = std::chrono::seconds(60);
  });
  expect_parameter_refused("a maximum rate above 0 per a time above 0", [](Parameter& p) {
    p.limits.max_rate = 20.0;
    p.limits.max_rate_per = std::chrono::seconds(-60);
  });
  expect_parameter_refused("the time that the maximum rate is meant per",
                           [](Parameter& p) { p.limits.max_rate = 1.0; });
}

TEST(parameter, with_categories_has_no_numbers) {
  Parameter grade = category<Parameter>("grade", {"A", "B"});
  EXPECT_NO_THROW(grade.validate());
  EXPECT_FALSE(grade.is_numeric());
  EXPECT_EQ(grade.code("B"), 1);
  EXPECT_EQ(grade.code("C"), std::nullopt);
  grade.limits.high = 3.0;
  EXPECT_THROW(grade.validate(), ConfigurationError);
  grade.limits.high = infinity;
  grade.low = 1.0;
  EXPECT_THROW(grade.validate(), ConfigurationError);
}

TEST(categories, have_names_that_differ) {
  EXPECT_THROW(category<ContextVariable>("wear", {}).validate(), ConfigurationError);
  EXPECT_THROW(category<ContextVariable>("wear", {"New", ""}).validate(), ConfigurationError);
  EXPECT_THROW(category<ContextVariable>("wear", {"New", "Worn", "New"}).validate(), ConfigurationError);
  NoiseVariable numeric;
  numeric.name = "ambient";
  EXPECT_NO_THROW(numeric.validate());  // its range comes from the data
  numeric.categories = {"cold"};
  EXPECT_THROW(numeric.validate(), ConfigurationError);
}

TEST(response, refuses_valid_bounds_that_are_none) {
  Response response{.name = "roughness", .unit = "um"};
  EXPECT_NO_THROW(response.validate());
  response.valid_low = 1.0;
  response.valid_high = 0.0;
  EXPECT_THROW(response.validate(), ConfigurationError);
  response.valid_high = no_number;
  EXPECT_THROW(response.validate(), ConfigurationError);
}

TEST(derived_response, needs_factors) {
  DerivedResponse derived{.name = "rate", .unit = "cm3/min", .sum = {{.product = {{"speed", 1.0}}}}};
  EXPECT_NO_THROW(derived.validate());
  Monomial& term = derived.sum.front();
  term.factor = 0.0;
  EXPECT_THROW(derived.validate(), ConfigurationError);
  term.factor = infinity;
  EXPECT_THROW(derived.validate(), ConfigurationError);
  term.factor = 1.0;
  for (const double exponent : {0.0, infinity, no_number}) {
    term.product.front().second = exponent;
    EXPECT_THROW(derived.validate(), ConfigurationError);
  }
  term.product.clear();
  EXPECT_THROW(derived.validate(), ConfigurationError);
}

TEST(objective, has_a_target_exactly_when_the_goal_is_one) {
  EXPECT_NO_THROW((Objective{.response = "r", .goal = Goal::target, .target = 1.0}.validate()));
  EXPECT_THROW((Objective{.response = "r", .goal = Goal::target}.validate()), ConfigurationError);
  EXPECT_THROW((Objective{.response = "r", .goal = Goal::target, .target = infinity}.validate()), ConfigurationError);
  EXPECT_THROW((Objective{.response = "r", .goal = Goal::minimize, .target = 1.0}.validate()), ConfigurationError);
}

TEST(objective, has_a_risk_of_at_least_the_worse_half) {
  Objective objective{.response = "r", .risk = RiskMeasure{}};
  for (const double level : {0.5, 0.8, 0.999}) {
    objective.risk->level = level;
    EXPECT_NO_THROW(objective.validate()) << level;
  }
  for (const double level : {0.0, 0.49, 1.0, 80.0, -0.8, no_number, infinity}) {
    objective.risk->level = level;
    EXPECT_THROW(objective.validate(), ConfigurationError) << level;
  }
  objective.risk->level = 80.0;
  EXPECT_EQ(refusal<ConfigurationError>([&] { return objective.validate(), 0; }).hint, "write 80 % as 0.8");
  objective.risk->level = 0.2;
  EXPECT_EQ(refusal<ConfigurationError>([&] { return objective.validate(), 0; }).hint,
            "the level is the share that comes out better: 0.8 for the worst 20 %");
}

TEST(outcome_constraint, needs_a_bound_and_a_probability) {
  EXPECT_NO_THROW((OutcomeConstraint{.response = "r", .upper = 3.2}.validate()));
  EXPECT_THROW((OutcomeConstraint{.response = "r"}.validate()), ConfigurationError);
  EXPECT_THROW((OutcomeConstraint{.response = "r", .lower = 2.0, .upper = 1.0}.validate()), ConfigurationError);
  EXPECT_THROW((OutcomeConstraint{.response = "r", .upper = no_number}.validate()), ConfigurationError);
  for (const double probability : {0.0, 1.0, -0.1, no_number}) {
    EXPECT_THROW((OutcomeConstraint{.response = "r", .upper = 1.0, .probability = probability}.validate()),
                 ConfigurationError)
        << probability;
  }
  const OutcomeConstraint percent{.response = "r", .upper = 1.0, .probability = 95.0};
  EXPECT_EQ(refusal<ConfigurationError>([&] { return percent.validate(), 0; }).hint, "write 95 % as 0.95");
}

TEST(parameter_constraint, is_written_as_people_write_it) {
  EXPECT_EQ((ParameterConstraint{.sum = {{"speed", 1.0}, {"feed", 900.0}}, .upper = 480.0}.text()),
            "speed + 900 feed <= 480");
  EXPECT_EQ((ParameterConstraint{.sum = {{"a", -1.0}, {"b", -2.5}}, .lower = -1.0, .upper = 3.0}.text()),
            "-1 <= -a - 2.5 b <= 3");
}

TEST(parameter_constraint, refuses_what_bounds_nothing) {
  EXPECT_THROW((ParameterConstraint{.sum = {}, .upper = 1.0}.validate()), ConfigurationError);
  EXPECT_THROW((ParameterConstraint{.sum = {{"a", 0.0}}, .upper = 1.0}.validate()), ConfigurationError);
  EXPECT_THROW((ParameterConstraint{.sum = {{"a", no_number}}, .upper = 1.0}.validate()), ConfigurationError);
  EXPECT_THROW((ParameterConstraint{.sum = {{"a", 1.0}, {"a", 2.0}}, .upper = 1.0}.validate()), ConfigurationError);
  EXPECT_THROW((ParameterConstraint{.sum = {{"a", 1.0}}}.validate()), ConfigurationError);
  EXPECT_THROW((ParameterConstraint{.sum = {{"a", 1.0}}, .lower = 2.0, .upper = 1.0}.validate()), ConfigurationError);
  EXPECT_THROW((ParameterConstraint{.sum = {{"a", 1.0}}, .upper = no_number}.validate()), ConfigurationError);
}

TEST(tolerance, scatters_by_more_than_nothing) {
  EXPECT_NO_THROW((Tolerance{.parameter = "feed", .sd = 0.002}.validate()));
  for (const double sd : {0.0, -1.0, infinity, no_number}) {
    EXPECT_THROW((Tolerance{.parameter = "feed", .sd = sd}.validate()), ConfigurationError) << sd;
  }
}

Severity severity(std::uint32_t status) {
  DataValue value;
  value.status = status;
  return value.severity();
}

TEST(data_value, takes_its_severity_from_the_top_bits_of_the_status) {
  EXPECT_EQ(severity(0x00000000U), Severity::good);
  EXPECT_EQ(severity(0x40000000U), Severity::uncertain);
  EXPECT_EQ(severity(0x80000000U), Severity::bad);
  EXPECT_EQ(severity(0xC0000000U), Severity::bad);
}

}  // namespace
}  // namespace luban::process
