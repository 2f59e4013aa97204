#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/noise_average.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

using process::Goal;

std::vector<Proposal> ask(const Basis& basis, RecommendRequest request) {
  if (request.context.empty()) request.context = test::tool("New");
  return recommend(basis, request, core::RandomKey(1));
}

bool says(const std::vector<std::string>& sentences, const std::string& part) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](const std::string& sentence) { return sentence.find(part) != std::string::npos; });
}

TEST(Explain, probabilities_say_of_how_much_they_are) {
  const Basis basis = test::turning_basis();
  const auto running = test::recipe(110.0, 0.14);
  const auto any = ask(basis, {.kind = Kind::best_mean, .running = running})[0].recommendation;
  EXPECT_TRUE(says(any.why, "; better with probability"));
  const auto more = ask(basis, {.kind = Kind::best_mean, .running = running, .stay = {.min_gain = 0.1}})[0];
  EXPECT_TRUE(says(more.recommendation.why, "; more than 0.1 um better with probability"));
  const auto stay = ask(basis, {.kind = Kind::best_mean, .running = running, .stay = {.min_gain = 50.0}})[0];
  EXPECT_TRUE(says(stay.recommendation.why, "(more than 50 um better with probability 0 %)"))
      << stay.recommendation.why[0];
}

TEST(Explain, nothing_is_said_of_the_gain_over_the_very_same_settings) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.parameter_constraints = {{.sum = {{"speed", 1.0}}, .lower = 200.0, .upper = 200.0},
                                      {.sum = {{"feed", 1.0}}, .lower = 0.1, .upper = 0.1}};
  Basis basis = test::turning_basis(definition);
  features::Dataset data = *basis.data;  // one run at the only settings there are
  data.X.row(0) << 0.5, 0.5, 0.0;
  basis.data = std::make_shared<const features::Dataset>(std::move(data));
  const auto proposal = ask(basis, {.kind = Kind::best_mean})[0];
  EXPECT_EQ(proposal.explanation.reference, "the best measured settings in this context");
  EXPECT_FALSE(says(proposal.recommendation.why, "That is")) << proposal.recommendation.why[1];
}

TEST(Explain, the_unit_one_is_not_written) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.derived[0].unit = "1";
  definition.objectives = {{.response = "rate", .goal = Goal::maximize}};
  const auto proposal =
      ask(test::turning_basis(definition), {.kind = Kind::best_mean, .running = test::recipe(110.0, 0.06)})[0];
  EXPECT_TRUE(says(proposal.recommendation.why, "rate comes to 37.5 (higher is better)."))
      << proposal.recommendation.why[0];
  EXPECT_FALSE(says(proposal.recommendation.why, " 1 better"));
}

/// Turning with the position along the shaft as noise: the chuck reads 0.4 below the free end. Every run has been read
/// five times at the chuck and five times at the end, except run r0: its end was never read.
Basis with_positions() {
  process::ProcessDefinition definition = test::turning_definition();
  process::NoiseVariable position;
  position.name = "position";
  position.kind = process::VariableKind::categorical;
  position.categories = {"Chuck", "End"};
  definition.noise = {position};
  const features::Dataset single = test::turning_data();
  features::Dataset data = single;
  std::vector<features::EncodedVariable> variables = single.encoder.variables();
  variables.push_back(test::named("position", {"Chuck", "End"}, features::Role::noise));
  data.encoder = features::Encoder(variables);
  data.run.clear();
  data.source_row.clear();
  data.repeat.clear();
  data.X.resize(10 * single.n(), 4);
  data.Y.resize(10 * single.n(), 1);
  Eigen::Index row = 0;
  for (Eigen::Index i = 0; i < single.n(); ++i) {
    for (int k = 0; k < 10; ++k) {
      const bool end = k % 2 == 1;
      if (i == 0 && end) continue;
      data.X.row(row) << single.X.row(i), end ? 1.0 : 0.0;
      data.Y(row, 0) = single.Y(i, 0) + (end ? 0.2 : -0.2) + 0.01 * (k / 2 - 2);
      data.run.push_back(static_cast<std::int32_t>(i));
      data.source_row.push_back(row);
      data.repeat.push_back(k);
      ++row;
    }
  }
  data.X.conservativeResize(row, Eigen::NoChange);
  data.Y.conservativeResize(row, Eigen::NoChange);
  const auto surrogate = surrogate::GaussianProcess::fit(data, {.starts = 1}, core::RandomKey(1));
  return {std::make_shared<const process::Process>(std::move(definition)), surrogate,
          std::make_shared<const features::Dataset>(std::move(data)), nullptr};
}

/// What is said of a run when its own settings run now: it is the nearest.
const NearRun& at_run(const Basis& basis, int run, std::vector<Proposal>& kept) {
  const features::Dataset single = test::turning_data();
  RecommendRequest request{.kind = Kind::best_mean, .stay = {.min_gain = 50.0}};
  request.running = test::recipe(100.0 + 200.0 * single.X(run, 0), 0.05 + 0.1 * single.X(run, 1));
  kept = ask(basis, request);
  return kept[0].explanation.nearest[0];
}

TEST(Explain, measured_values_leave_gross_errors_out_and_balance_the_noise_levels) {
  std::vector<Proposal> kept;
  Basis basis = with_positions();
  const Eigen::VectorXd single = test::turning_data().Y.col(0);
  {
    features::Dataset data = *basis.data;
    for (Eigen::Index row = 0; row < data.n(); ++row) {
      if (data.run[row] == 2 && data.repeat[row] == 9) data.Y(row, 0) = 400.0;  // a slip of the decimal point
    }
    basis.data = std::make_shared<const features::Dataset>(std::move(data));
  }
  const auto levels = surrogate::observed_noise_levels(*basis.data, Eigen::VectorXd::Zero(1));
  const NearRun whole = at_run(basis, 4, kept);
  EXPECT_EQ(whole.run_id, "r4");
  EXPECT_NEAR(whole.measured, single(4) - 0.2 * levels.weights(0) + 0.2 * levels.weights(1), 1e-12);
  EXPECT_EQ(whole.measured_over, "");
  const NearRun slip = at_run(basis, 2, kept);  // four good readings at the end, five at the chuck
  EXPECT_EQ(slip.run_id, "r2");
  EXPECT_NEAR(slip.measured, single(2) - 0.2 * levels.weights(0) + (0.2 - 0.005) * levels.weights(1), 1e-12);
  const NearRun half = at_run(basis, 0, kept);
  EXPECT_EQ(half.run_id, "r0");
  EXPECT_NEAR(half.measured, single(0) - 0.2, 1e-12);
  EXPECT_EQ(half.measured_over, "position Chuck");
  EXPECT_TRUE(says(kept[0].recommendation.why, " um over position Chuck only)"));
}

}  // namespace
}  // namespace luban::recommend
