// A process as a whole: contradictions between its parts, its canonical JSON and its digest.
#include <string>

#include <gtest/gtest.h>

#include <luban/core/json.hpp>
#include <luban/process/process.hpp>

#include "support.hpp"

namespace luban::process {
namespace {

using namespace testing_support;
using core::ConfigurationError;

/// Changes the good definition; it must then be refused, at the place and with the words expected.
template <typename Change>
void expect_refused(const std::string& place, const std::string& expected, const std::string& hint, Change change) {
  ProcessDefinition definition = turning();
  change(definition);
  const core::ErrorDetail detail = refusal<ConfigurationError>([&definition] { return Process(definition).name(); });
  EXPECT_EQ(detail.place, place);
  EXPECT_EQ(detail.expected, expected);
  if (!hint.empty()) {
    EXPECT_EQ(detail.hint, hint);
  }
}

TEST(process, takes_a_definition_that_is_right) {
  const Process process(turning());
  EXPECT_EQ(process.name(), "turning");
  EXPECT_EQ(process.unit("speed"), "m/min");
  EXPECT_EQ(process.unit("wear"), "");
  EXPECT_EQ(process.unit("roughness"), "um");
  EXPECT_EQ(process.unit("rate"), "cm2/min");
  ASSERT_NE(process.find_variable("position"), nullptr);
  EXPECT_EQ(process.find_variable("roughness"), nullptr);
  EXPECT_EQ(process.find_parameter("wear"), nullptr);
  EXPECT_NE(process.find_response("roughness"), nullptr);
  EXPECT_NE(process.find_derived("rate"), nullptr);
  EXPECT_THROW(static_cast<void>(process.unit("sped")), ConfigurationError);
}

TEST(process, needs_something_to_learn_from_and_something_to_learn) {
  expect_refused("process \"turning\"", "at least one response", "", [](ProcessDefinition& d) { d.responses.clear(); });
  expect_refused("process \"turning\"", "at least one parameter or context variable", "", [](ProcessDefinition& d) {
    d.parameters.clear();
    d.context.clear();
  });
  expect_refused("process \"\"", "a name", "", [](ProcessDefinition& d) { d.name.clear(); });
}

TEST(process, refuses_a_name_used_twice_in_any_two_roles) {
  expect_refused("context variable \"feed\"", "each name once in a process", "",
                 [](ProcessDefinition& d) { d.context.front().name = "feed"; });
  expect_refused("derived response \"roughness\"", "each name once in a process", "",
                 [](ProcessDefinition& d) { d.derived.front().name = "roughness"; });
  expect_refused("identifier \"setting\"", "each name once in a process", "",
                 [](ProcessDefinition& d) { d.identifiers.emplace_back("setting"); });
}

TEST(process, refuses_the_names_of_a_historys_own_columns) {
  for (const std::string name : {"run_id", "repeat", "time", "start_time", "source_row"}) {
    expect_refused("identifier \"" + name + "\"", "a name that no history column has", "",
                   [&name](ProcessDefinition& d) { d.identifiers = {name}; });
  }
}

TEST(process, refuses_goals_on_what_is_not_declared) {
  expect_refused("objective on \"roughnes\"", "a declared response", "did you mean \"roughness\"?",
                 [](ProcessDefinition& d) { d.objectives.front().response = "roughnes"; });
  expect_refused("objective on \"speed\"", "a declared response", "",
                 [](ProcessDefinition& d) { d.objectives.front().response = "speed"; });
  expect_refused("objective on \"rate\"", "one objective for a response", "",
                 [](ProcessDefinition& d) { d.objectives.front() = {.response = "rate", .goal = Goal::minimize}; });
  expect_refused("outcome constraint on \"power\"", "a declared response", "",
                 [](ProcessDefinition& d) { d.outcome_constraints.front().response = "power"; });
}

TEST(process, refuses_a_risk_of_what_does_not_scatter) {
  expect_refused("objective on \"roughness\"", "tolerances for the `risk` of an objective",
                 "state under `tolerances:` what the machine does not hold, or leave `risk` out",
                 [](ProcessDefinition& d) {
                   d.objectives.front().risk = RiskMeasure{};
                   d.tolerances.clear();
                 });
  expect_refused("objective on \"rate\"", "a measured response for the `risk` of an objective",
                 "derived responses are judged at the setpoint itself: leave `risk` out",
                 [](ProcessDefinition& d) { d.objectives.back().risk = RiskMeasure{}; });
}

TEST(process, refuses_sums_and_products_of_what_is_no_numeric_parameter) {
  expect_refused("derived response \"rate\"", "a declared parameter", "did you mean \"feed\"?",
                 [](ProcessDefinition& d) { d.derived.front().sum.front().product.back().first = "fed"; });
  expect_refused("parameter constraint wear <= 1", "a declared parameter", "", [](ProcessDefinition& d) {
    d.parameter_constraints = {{.sum = {{"wear", 1.0}}, .upper = 1.0}};
  });
  expect_refused("parameter constraint grade <= 1", "a numeric parameter", "", [](ProcessDefinition& d) {
    d.parameters.push_back(category<Parameter>("grade", {"A", "B"}));
    d.parameter_constraints = {{.sum = {{"grade", 1.0}}, .upper = 1.0}};
  });
  expect_refused("tolerance of \"wear\"", "a declared parameter", "",
                 [](ProcessDefinition& d) { d.tolerances.front().parameter = "wear"; });
  expect_refused("tolerance of \"feed\"", "one tolerance for a parameter", "",
                 [](ProcessDefinition& d) { d.tolerances.push_back(d.tolerances.front()); });
}

TEST(process, refuses_powers_without_a_value_within_the_range) {
  const auto with = [](double low, double exponent) {
    return [low, exponent](ProcessDefinition& d) {
      d.parameters.front().low = low;
      d.parameters.front().limits = {};
      d.derived.front().sum = {{.product = {{d.parameters.front().name, exponent}}}};
    };
  };
  expect_refused("derived response \"rate\"", "a range of \"speed\" above 0, whose exponent is -1", "",
                 with(0.0, -1.0));
  expect_refused("derived response \"rate\"", "a range of \"speed\" not below 0, whose exponent is 0.5", "",
                 with(-1.0, 0.5));
  for (const auto& [low, exponent] : {std::pair(0.0, 0.5), std::pair(-1.0, 3.0), std::pair(1e-9, -0.5)}) {
    ProcessDefinition definition = turning();
    with(low, exponent)(definition);
    EXPECT_NO_THROW(Process{definition});
  }
}

TEST(process, writes_derived_responses_in_their_shortest_form) {
  const auto written = [](std::vector<Monomial> sum) {
    ProcessDefinition definition = turning();
    definition.derived.front().sum = std::move(sum);
    const Process process(definition);
    const Process again = Process::from_json(core::Json::parse(process.to_json().dump()));
    EXPECT_EQ(again.to_json(), process.to_json());
    EXPECT_EQ(again.digest(), process.digest());
    return process.to_json().find("derived")->as_array().front().dump();
  };
  // As it was before there were exponents, so that digests stay.
  EXPECT_NE(written({{{{"speed", 1.0}, {"speed", 1.0}}, 2.0}}).find("\"product\":[\"speed\",\"speed\"]"),
            std::string::npos);
  EXPECT_NE(written({{{{"speed", 1.0}, {"feed", -1.0}}, 2.0}}).find("\"product\":{"), std::string::npos);
  const std::string sum = written({{{{"speed", 2.0}}, 2.0}, {{{"feed", 1.0}}, -1.0}, {{}, 3.5}});
  EXPECT_NE(sum.find("\"sum\":[{"), std::string::npos) << sum;
  EXPECT_NE(sum.find("{\"factor\":3.5}"), std::string::npos) << sum;
}

TEST(search_space, names_broken_signomials) {
  SearchSpace space = SearchSpace::of(Process(turning()));
  space.signomials = {{.sum = {{{{"speed", 1.0}, {"feed", -1.0}}, 1.0}, {{}, -2.0}}, .upper = 100.0}};
  space.require_signomials();
  EXPECT_EQ(space.signomials.front().text(), "speed feed^-1 - 2 <= 100");
  EXPECT_EQ(space.violations({{"speed", 300.0}, {"feed", 0.1}}).back(), "speed feed^-1 - 2 <= 100");
  space.signomials.front().upper = 1e6;
  EXPECT_TRUE(space.violations({{"speed", 300.0}, {"feed", 0.1}}).empty());
  space.signomials.front().sum.front().product.front().first = "sped";
  EXPECT_THROW(space.require_signomials(), ConfigurationError);
}

TEST(process, refuses_run_and_group_columns_that_cannot_name_a_run) {
  expect_refused("run column \"position\"", "a column that is constant within a run", "",
                 [](ProcessDefinition& d) { d.run_id.emplace_back("position"); });
  expect_refused("run column \"seting\"", "a declared parameter, context variable or identifier",
                 "did you mean \"setting\"?", [](ProcessDefinition& d) { d.run_id = {"seting"}; });
  expect_refused("group column \"speed\"", "each column once", "",
                 [](ProcessDefinition& d) { d.groups.emplace_back("speed"); });
  expect_refused("group column \"roughness\"", "a declared parameter, context variable or identifier", "",
                 [](ProcessDefinition& d) { d.groups = {"roughness"}; });
}

TEST(process, groups_may_be_columns_that_every_history_has) {
  ProcessDefinition definition = turning();
  definition.groups = {"material_lot"};
  EXPECT_NO_THROW(Process{definition});
}

TEST(process, refuses_a_cost_that_cannot_be_added_up) {
  expect_refused("cost", "a currency, such as EUR", "", [](ProcessDefinition& d) { d.cost.currency.clear(); });
  expect_refused("cost", "a cost of at least one response", "",
                 [](ProcessDefinition& d) { d.cost.per_response.clear(); });
  expect_refused("cost", "a declared response", "", [](ProcessDefinition& d) {
    d.cost.per_response = {{"power", 1.0}};
  });
  expect_refused("cost", "a finite cost of \"rate\"", "", [](ProcessDefinition& d) {
    d.cost.per_response = {{"rate", no_number}};
  });
}

TEST(process_json, reads_what_it_writes) {
  ProcessDefinition definition = turning();
  definition.equipment.site = "demo";
  definition.equipment.work_unit = "lathe-1";
  definition.parameters.front().limits = {
      .low = 50.0, .high = 400.0, .max_rate = 20.0, .max_rate_per = std::chrono::seconds(60)};
  definition.parameters.push_back(category<Parameter>("grade", {"A", "B"}));
  definition.responses.push_back({.name = "power", .unit = "kW", .optional = true, .late = true});
  definition.objectives.push_back({.response = "power", .goal = Goal::target, .target = 1.5});
  definition.objectives.front().risk = RiskMeasure{.kind = RiskMeasure::Kind::value_at_risk, .level = 0.9};
  definition.objectives.back().risk = RiskMeasure{};
  const Process process(definition);
  const core::Json json = process.to_json();
  const Process again = Process::from_json(core::Json::parse(json.dump()));
  EXPECT_EQ(again.to_json(), json);
  EXPECT_EQ(again.digest(), process.digest());
  EXPECT_EQ(again.definition().parameters.front().limits.max_rate_per, std::chrono::seconds(60));
  EXPECT_EQ(again.definition().objectives.back().target, 1.5);
  EXPECT_EQ(again.definition().objectives.front().risk->kind, RiskMeasure::Kind::value_at_risk);
  EXPECT_EQ(again.definition().objectives.front().risk->level, 0.9);
  EXPECT_EQ(again.definition().objectives.back().risk->kind, RiskMeasure::Kind::conditional_value_at_risk);
  EXPECT_FALSE(again.definition().objectives[1].risk.has_value());
  EXPECT_EQ(again.definition().cost.per_response, definition.cost.per_response);
}

TEST(process_json, the_digest_changes_with_the_content_alone) {
  EXPECT_EQ(Process(turning()).digest(), Process(turning()).digest());
  ProcessDefinition other = turning();
  other.parameters.front().high = 301.0;
  EXPECT_NE(Process(other).digest(), Process(turning()).digest());
}

core::ErrorDetail json_refusal(const std::string& text) {
  return refusal<ConfigurationError>([&text] { return Process::from_json(core::Json::parse(text)).name(); });
}

TEST(process_json, takes_one_risk_measure) {
  const auto with = [](const std::string& risk) {
    return json_refusal(R"({"luban": 1, "process": "p", "objectives": [{"response": "y", "risk": )" + risk + "}]}");
  };
  EXPECT_EQ(with("{}").received, "neither");
  EXPECT_EQ(with(R"({"value_at_risk": 0.8, "conditional_value_at_risk": 0.8})").received, "both");
  EXPECT_EQ(with("{}").place, "objectives[0].risk");
  EXPECT_EQ(with(R"({"value_at_rsk": 0.8})").expected, "one of value_at_risk and conditional_value_at_risk");
}

TEST(process_json, names_the_nearest_known_key_and_the_place) {
  const core::ErrorDetail detail = json_refusal(
      R"({"luban": 1, "process": "p", "parameters": [{"name": "x", "lo": 0, "high": 1}], "responses": []})");
  EXPECT_EQ(detail.place, "parameters[0].lo");
  EXPECT_EQ(detail.hint, "did you mean \"low\"?");
}

TEST(process_json, refuses_values_of_the_wrong_type_and_other_versions) {
  EXPECT_EQ(json_refusal(R"({"process": 7})").place, "process");
  EXPECT_EQ(json_refusal(R"({"process": "p", "parameters": {}})").place, "parameters");
  EXPECT_EQ(json_refusal(R"({"luban": 2, "process": "p"})").place, "luban");
  EXPECT_EQ(json_refusal("[]").expected, "an object");
  EXPECT_EQ(json_refusal(R"({"process": "p", "parameters": [{"name": "x", "kind": "intger"}]})").hint,
            "did you mean \"integer\"?");
}

TEST(search_space, names_what_settings_break) {
  const SearchSpace space = SearchSpace::of(Process(turning()));
  EXPECT_TRUE(space.violations({{"speed", 200.0}, {"feed", 0.1}}).empty());
  EXPECT_EQ(space.violations({{"speed", 301.0}, {"feed", 0.1}}), std::vector<std::string>{"speed"});
  EXPECT_EQ(space.violations({{"speed", 290.0}, {"feed", 0.15}}), std::vector<std::string>{"speed + 900 feed <= 400"});
  EXPECT_EQ(space.violations({{"speed", no_number}, {"feed", 0.1}}).size(), 2U);
  EXPECT_THROW(static_cast<void>(space.violations({{"speed", 200.0}})), ConfigurationError);
}

TEST(search_space, forgives_rounding) {
  const SearchSpace space = SearchSpace::of(Process(turning()));
  EXPECT_TRUE(space.violations({{"speed", 300.0 + 1e-8}, {"feed", 0.1}}).empty());
  EXPECT_FALSE(space.violations({{"speed", 300.0 + 1e-8}, {"feed", 0.1}}, 0.0).empty());
}

TEST(search_space, narrows_to_what_one_move_reaches) {
  const SearchSpace whole = SearchSpace::of(Process(turning()));
  const SearchSpace near =
      SearchSpace::of(Process(turning()), MoveLimits{.from = {{"speed", 290.0}}, .largest = {{"speed", 25.0}}});
  EXPECT_EQ(near.parameters[0].low, 265.0);
  EXPECT_EQ(near.parameters[0].high, 300.0);  // the range ends there
  EXPECT_EQ(near.parameters[1].low, whole.parameters[1].low);
  EXPECT_EQ(near.within_moves, std::vector<std::string>{"speed"});
  EXPECT_EQ(near.constraints.size(), whole.constraints.size());
  const auto refused = [&](const MoveLimits& moves) { static_cast<void>(whole.reachable(moves)); };
  EXPECT_THROW(refused({.from = {{"speed", 400.0}}, .largest = {{"speed", 25.0}}}), core::InfeasibleError);
  EXPECT_THROW(refused({.from = {{"speed", 200.0}}, .largest = {{"sped", 25.0}}}), ConfigurationError);
  EXPECT_THROW(refused({.from = {{"speed", 200.0}}, .largest = {{"speed", -1.0}}}), ConfigurationError);
  EXPECT_THROW(refused({.from = {{"speed", 200.0}}, .largest = {{"speed", no_number}}}), ConfigurationError);
  EXPECT_THROW(refused({.from = {{"speed", 200.0}}, .largest = {{"feed", 0.01}}}), ConfigurationError);
}

}  // namespace
}  // namespace luban::process
