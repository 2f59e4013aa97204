#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/json.hpp>
#include <luban/process/envelope.hpp>

#include "support.hpp"

namespace luban::process {
namespace {

using core::DataError;
using testing_support::refusal;

TrainingEnvelope envelope() {
  return {.names = {"speed", "feed"},
          .mean = {200.0, 0.1},
          .scale = {50.0, 0.02},
          .inverse_covariance = {2.0, -1.0, -1.0, 2.0},
          .quantile_levels = {0.5, 0.99},
          .distance_quantiles = {1.0, 3.0},
          .category_names = {"wear"},
          .combinations = {{"New"}, {"Worn"}}};
}

TEST(training_envelope, measures_distances_in_its_own_metric) {
  EXPECT_EQ(envelope().distance({200.0, 0.1}), 0.0);
  EXPECT_NEAR(envelope().distance({250.0, 0.1}), std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(envelope().distance({250.0, 0.12}), std::sqrt(2.0), 1e-12);  // 2 + 2 - 2
  EXPECT_NEAR(envelope().distance({250.0, 0.08}), std::sqrt(6.0), 1e-12);  // 2 + 2 + 2
  EXPECT_TRUE(std::isnan(envelope().distance({no_number, 0.1})));
  EXPECT_THROW(static_cast<void>(envelope().distance({200.0})), DataError);
}

TEST(training_envelope, reads_what_it_writes) {
  const core::Json json = envelope().to_json();
  const TrainingEnvelope again = TrainingEnvelope::from_json(core::Json::parse(json.dump()));
  EXPECT_EQ(again.to_json(), json);
  EXPECT_EQ(again.combinations, envelope().combinations);
}

TEST(training_envelope, refuses_parts_that_do_not_fit_together) {
  const auto expect_refused = [](const char* key, core::Json value) {
    core::Json json = envelope().to_json();
    json.set(key, std::move(value));
    EXPECT_THROW(static_cast<void>(TrainingEnvelope::from_json(json)), DataError) << key;
  };
  expect_refused("mean", std::vector<double>{1.0});
  expect_refused("scale", std::vector<double>{1.0, 0.0});
  expect_refused("inverse_covariance", std::vector<double>{1.0, 2.0});
  expect_refused("distance_quantiles", std::vector<double>{1.0});
  expect_refused("combinations", core::Json::array().push_back(std::vector<std::string>{"New", "D30"}));
  expect_refused("means", 1);
}

TEST(training_envelope, names_the_key_that_is_missing_or_mistyped) {
  core::Json json = envelope().to_json();
  json.set("meen", 1);
  EXPECT_EQ(refusal<DataError>([&] { return TrainingEnvelope::from_json(json).names; }).hint, "did you mean \"mean\"?");
  const core::Json empty = core::Json::object();
  EXPECT_EQ(refusal<DataError>([&] { return TrainingEnvelope::from_json(empty).names; }).expected, "a key \"names\"");
}

}  // namespace
}  // namespace luban::process
