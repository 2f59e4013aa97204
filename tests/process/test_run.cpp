#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <luban/process/run.hpp>

#include "support.hpp"

namespace luban::process {
namespace {

using namespace testing_support;
using core::ConfigurationError;
using core::DataError;

Run good_run() {
  Run run;
  run.run_id = "7";
  run.start_time = core::UtcTime::parse("2026-11-24T10:00:00Z");
  run.end_time = core::UtcTime::parse("2026-11-24T10:05:00Z");
  run.recipe = Recipe({value("speed", 200.0, "m/min"), value("feed", 0.1, "mm/rev")});
  run.context = {value("wear", "New")};
  run.readings = {
      {.repeat = 1, .time = {}, .noise = {value("position", "Chuck")}, .responses = {value("roughness", 1.2, "um")}},
      {.repeat = 2, .time = {}, .noise = {value("position", "Middle")}, .responses = {value("roughness", 1.3, "um")}}};
  return run;
}

TEST(recipe, finds_its_values) {
  const Recipe recipe({value("speed", 200.0, "m/min"), value("grade", "A")});
  EXPECT_EQ(recipe.number("speed"), 200.0);
  ASSERT_NE(recipe.find("grade"), nullptr);
  EXPECT_EQ(std::get<std::string>(*recipe.find("grade")), "A");
  EXPECT_EQ(recipe.find("feed"), nullptr);
  EXPECT_THROW(static_cast<void>(recipe.number("grade")), ConfigurationError);
  const core::ErrorDetail detail = refusal<ConfigurationError>([&] { return recipe.number("sped"); });
  EXPECT_EQ(detail.hint, "did you mean \"speed\"?");
}

TEST(recipe, refuses_a_name_twice) {
  EXPECT_THROW(Recipe({value("speed", 1.0), value("speed", 2.0)}), ConfigurationError);
  EXPECT_THROW(Recipe({value("", 1.0)}), ConfigurationError);
}

TEST(run, that_fits_its_process_is_taken) {
  EXPECT_NO_THROW(good_run().validate(Process(turning())));
}

template <typename Change>
void expect_refused(const std::string& expected, Change change) {
  process::Run run = good_run();
  change(run);
  const Process process(turning());
  const core::ErrorDetail detail = refusal<DataError>([&] { return run.validate(process), 0; });
  EXPECT_EQ(detail.expected, expected);
}

TEST(run, refuses_what_its_process_does_not_know) {
  expect_refused("a declared parameter", [](process::Run& r) { r.recipe = Recipe({value("sped", 200.0, "m/min")}); });
  expect_refused("a declared context variable", [](process::Run& r) { r.context.front().name = "lot"; });
  expect_refused("a declared noise variable", [](process::Run& r) { r.readings.front().noise.front().name = "place"; });
  expect_refused("a declared response", [](process::Run& r) { r.readings.front().responses.front().name = "Ra"; });
  expect_refused("a known category of \"wear\"", [](process::Run& r) { r.context.front().value = "Old"; });
}

TEST(run, refuses_units_that_differ) {
  expect_refused("unit \"m/min\" of \"speed\"",
                 [](process::Run& r) { r.recipe = Recipe({value("speed", 200.0, "ft/min")}); });
  expect_refused("unit \"um\" of \"roughness\"",
                 [](process::Run& r) { r.readings.front().responses.front().unit = "nm"; });
}

TEST(run, refuses_values_of_the_wrong_kind) {
  expect_refused("a number for \"speed\"",
                 [](process::Run& r) { r.recipe = Recipe({value("speed", "fast", "m/min")}); });
  expect_refused("a category of \"wear\"", [](process::Run& r) { r.context.front().value = 1.0; });
  expect_refused("a finite value of \"roughness\"",
                 [](process::Run& r) { r.readings.front().responses.front().value = no_number; });
}

TEST(run, refuses_contradictions_within_itself) {
  expect_refused("a run_id", [](process::Run& r) { r.run_id.clear(); });
  expect_refused("each context variable once", [](process::Run& r) { r.context.push_back(r.context.front()); });
  expect_refused("each reading number once", [](process::Run& r) { r.readings.back().repeat = 1; });
  expect_refused("each response once in a reading",
                 [](process::Run& r) { r.readings.front().responses.push_back(r.readings.front().responses.front()); });
  expect_refused("an end after the start 2026-11-24T10:00:00.000000000Z",
                 [](process::Run& r) { r.end_time = core::UtcTime::parse("2026-11-24T09:59:00Z"); });
}

TEST(run, refuses_a_broken_number_for_an_integer_parameter) {
  ProcessDefinition definition = turning();
  definition.parameters.push_back(number("passes", "", 1.0, 5.0));
  definition.parameters.back().kind = VariableKind::integer;
  const Process process(definition);
  process::Run run = good_run();
  run.recipe = Recipe({value("passes", 2.0)});
  EXPECT_NO_THROW(run.validate(process));
  run.recipe = Recipe({value("passes", 2.5)});
  EXPECT_THROW(run.validate(process), DataError);
}

}  // namespace
}  // namespace luban::process
