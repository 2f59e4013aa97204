// What a guard refuses to be made of.
#include <cmath>
#include <functional>
#include <type_traits>

#include "support.hpp"

namespace luban::guard {
namespace {

using namespace testing_support;

static_assert(!std::is_default_constructible_v<Setpoint>);
static_assert(!std::is_copy_assignable_v<Setpoint> && !std::is_move_assignable_v<Setpoint>);
static_assert(std::is_copy_constructible_v<Setpoint>);
static_assert(!std::is_aggregate_v<Setpoint>);

template <typename E>
void expect_refusal(const process::ProcessDefinition& definition, const process::TrainingEnvelope& given,
                    const GuardOptions& with, const std::string& digest = {}) {
  const process::Process process(definition);
  EXPECT_THROW(Guard(process, given, digest.empty() ? digest_of(given) : digest, with), E);
}

TEST(construction, pins_the_envelope_by_its_digest) {
  process::TrainingEnvelope other = envelope();
  other.mean[0] = std::nextafter(other.mean[0], infinity);
  EXPECT_NE(digest_of(other), digest_of(envelope()));
  expect_refusal<core::IntegrityError>(turning(), other, options(), digest_of(envelope()));
  expect_refusal<core::IntegrityError>(turning(), envelope(), options(), "0");
  EXPECT_EQ(turning_guard().envelope_digest(), digest_of(envelope()));
}

TEST(construction, the_envelope_covers_the_process) {
  process::TrainingEnvelope unknown = envelope();
  unknown.names[1] = "feeed";
  expect_refusal<core::ConfigurationError>(turning(), unknown, options());
  process::TrainingEnvelope swapped = envelope();
  swapped.category_names[0] = "speed";
  expect_refusal<core::ConfigurationError>(turning(), swapped, options());
  process::ProcessDefinition wider = turning();
  wider.parameters.push_back(number("pressure", "bar", 1.0, 2.0));
  expect_refusal<core::ConfigurationError>(wider, envelope(), options());
  process::ProcessDefinition more_context = turning();
  more_context.context.push_back(category<process::ContextVariable>("shift", {"A", "B"}));
  expect_refusal<core::ConfigurationError>(more_context, envelope(), options());
}

TEST(construction, an_envelope_that_cannot_judge_is_refused) {
  process::TrainingEnvelope broken = envelope();
  broken.distance_quantiles = {1.0, 2.0, nan, nan};
  expect_refusal<core::ConfigurationError>(turning(), broken, options());
  broken = envelope();
  broken.quantile_levels = {0.9, 0.5, 0.99, 0.999};
  expect_refusal<core::ConfigurationError>(turning(), broken, options());
  broken = envelope();
  broken.quantile_levels.clear();
  broken.distance_quantiles.clear();
  expect_refusal<core::ConfigurationError>(turning(), broken, options());
  broken = envelope();
  broken.scale[0] = 0.0;
  expect_refusal<core::DataError>(turning(), broken, options());
  broken = envelope();
  broken.mean.pop_back();
  expect_refusal<core::DataError>(turning(), broken, options());
}

TEST(construction, a_process_without_parameters_has_nothing_to_guard) {
  process::ProcessDefinition nothing = turning();
  nothing.parameters.clear();
  nothing.parameter_constraints.clear();
  expect_refusal<core::ConfigurationError>(nothing, envelope(), options());
}

TEST(construction, novelty_is_a_quantile_of_the_envelope) {
  GuardOptions with = options();
  EXPECT_EQ(turning_guard(with).novelty_threshold(), 3.0);
  with.novelty = 0.945;
  EXPECT_NEAR(turning_guard(with).novelty_threshold(), 2.75, 1e-12);
  with.novelty = 0.5;
  EXPECT_EQ(turning_guard(with).novelty_threshold(), 1.5);
  for (const double outside : {0.4, 0.9999, 0.0, 1.0, nan}) {
    with.novelty = outside;
    expect_refusal<core::ConfigurationError>(turning(), envelope(), with);
  }
}

TEST(construction, options_out_of_range_are_refused) {
  const std::vector<std::function<void(GuardOptions&)>> spoils = {
      [](auto& o) { o.dwell = -1ns; },
      [](auto& o) { o.max_input_age = -1ns; },
      [](auto& o) { o.max_output_age = -1ns; },
      [](auto& o) { o.max_skew = -1ns; },
      [](auto& o) { o.deadband = nan; },
      [](auto& o) { o.deadband = 1.1; },
      [](auto& o) { o.written_tolerance = -0.1; },
      [](auto& o) { o.parameter_deadband["feeed"] = 0.1; },
      [](auto& o) { o.parameter_deadband["coolant"] = 0.1; },
      [](auto& o) { o.parameter_deadband["feed"] = 2.0; },
      [](auto& o) { o.inputs.push_back(o.inputs[0]); },
      [](auto& o) { o.inputs[0].name = ""; },
      [](auto& o) { o.inputs[0].low = 200.0; },
      [](auto& o) { o.inputs[0].low = nan; },
      [](auto& o) { o.inputs[0].stuck_after = -1ns; },
      [](auto& o) { o.inputs.push_back({.name = "roughness", .unit = "mm"}); },
  };
  for (std::size_t i = 0; i < spoils.size(); ++i) {
    SCOPED_TRACE(i);
    GuardOptions with = options();
    spoils[i](with);
    expect_refusal<core::ConfigurationError>(turning(), envelope(), with);
  }
}

TEST(construction, a_rule_for_a_declared_input_has_the_unit_of_the_process) {
  GuardOptions with = options();
  with.inputs.push_back({.name = "roughness", .unit = "", .high = 2.0});
  GuardRequest high = request();
  high.inputs[1].value.value = 2.5;
  expect_only(turning_guard(with).judge(high), Decision::reject, Reason::outside_instrument_range, Subject::input,
              "roughness");
}

TEST(construction, names_used_twice_do_not_even_make_a_recipe) {
  EXPECT_THROW(process::Recipe({{"feed", 0.1, "mm/rev"}, {"feed", 0.2, "mm/rev"}}), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::guard
