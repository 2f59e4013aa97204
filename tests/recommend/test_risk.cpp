// Objectives that ask for a risk over the tolerances, from the process to the sentences.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

using process::Goal;
using process::RiskMeasure;
using Risk = std::optional<process::RiskMeasure>;

constexpr double sd = 0.05;

bool says(const Proposal& proposal, const std::string& part) {
  const auto& why = proposal.recommendation.why;
  return std::any_of(why.begin(), why.end(),
                     [&](const std::string& sentence) { return sentence.find(part) != std::string::npos; });
}

/// A deep narrow valley at 0.2 beside a shallow broad one at 0.7: with the machine's scatter the expectation is better
/// in the deep one, while its worst outcomes, up the walls, are worse than anything in the broad one.
double valleys(const Eigen::VectorXd& x) {
  const double narrow = (x(0) - 0.2) / 0.07;
  const double broad = (x(0) - 0.7) / 0.25;
  return -2.0 * std::exp(-0.5 * narrow * narrow) - 1.6 * std::exp(-0.5 * broad * broad);
}

/// @param goal that the valleys, or their mirror image, or their distance from far below are judged by.
Basis valley_basis(const Risk& risk, Goal goal = Goal::minimize) {
  process::ProcessDefinition definition;
  definition.name = "valleys";
  definition.parameters = {test::parameter("a", "mm", 0.0, 1.0)};
  process::Response response;
  response.name = "y";
  response.unit = "um";
  definition.responses = {response};
  definition.objectives = {{.response = "y", .goal = goal, .risk = risk}};
  if (goal == Goal::target) definition.objectives.front().target = -3.0;
  definition.tolerances = {{.parameter = "a", .sd = sd}};
  auto data = std::make_shared<features::Dataset>();
  features::EncodedVariable a = test::numeric("a");
  a.unit = "mm";
  data->encoder = features::Encoder({a});
  data->X = Eigen::VectorXd::LinSpaced(41, 0.0, 1.0);
  data->Y.resize(41, 1);
  data->responses = {{"y", "um"}};
  const double sign = goal == Goal::maximize ? -1.0 : 1.0;
  const auto f = [sign](const Eigen::VectorXd& x) { return sign * valleys(x); };
  for (int i = 0; i < 41; ++i) {
    data->Y(i, 0) = f(data->X.row(i).transpose());
    test::add_run(*data, i);
  }
  auto surrogate = std::make_shared<test::AnalyticSurrogate>(
      data->encoder, std::vector<std::string>{"y"}, std::vector<test::Function>{f}, data->X,
      test::AnalyticSurrogate::Options{.lengthscale = 0.08, .noise_sd = 0.01});
  return {std::make_shared<const process::Process>(std::move(definition)), surrogate, data, nullptr};
}

constexpr RiskMeasure worst{.kind = RiskMeasure::Kind::conditional_value_at_risk, .level = 0.8};
constexpr RiskMeasure exceeded{.kind = RiskMeasure::Kind::value_at_risk, .level = 0.9};

Proposal ask(const Basis& basis, RecommendRequest request = {.kind = Kind::best_mean}) {
  return recommend(basis, request, core::RandomKey(3)).front();
}

TEST(Risk, the_worst_outcomes_choose_another_valley_than_the_expectation) {
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    EXPECT_NEAR(ask(valley_basis(std::nullopt, goal)).x(0), 0.2, 0.03);
    for (const RiskMeasure& risk : {worst, exceeded}) {
      EXPECT_NEAR(ask(valley_basis(risk, goal)).x(0), 0.7, 0.05) << static_cast<int>(goal);
    }
  }
}

TEST(Risk, is_told_apart_from_the_expectation) {
  const Proposal proposal = ask(valley_basis(worst));
  ASSERT_EQ(proposal.recommendation.predictions.size(), 1U);
  const double expected = proposal.recommendation.predictions[0].mean;
  EXPECT_NEAR(expected, -1.57, 0.1);
  EXPECT_GT(proposal.explanation.risk, expected + 0.005);
  EXPECT_LT(proposal.explanation.risk, expected + 0.2);
  EXPECT_GE(proposal.explanation.risk_sd, 0.0);
  EXPECT_TRUE(says(proposal, "Optimised is the mean of the worst 20 % of y, not its expectation: -"));
  EXPECT_TRUE(says(proposal, "over what the machine does not hold: a by 0.05 mm"));
  EXPECT_FALSE(says(proposal, "Expected over"));
  EXPECT_TRUE(says(proposal, "What matters most for what is optimised is a"));
  EXPECT_TRUE(says(ask(valley_basis(exceeded)), "Optimised is the y that only 10 % of the deviations exceed"));
  EXPECT_TRUE(says(ask(valley_basis(exceeded, Goal::maximize)), "that only 10 % of the deviations fall below"));
  EXPECT_TRUE(
      says(ask(valley_basis(worst, Goal::target)), "the mean of the largest 20 % of the distances of y from -3 um"));
  EXPECT_TRUE(std::isnan(ask(valley_basis(std::nullopt)).explanation.risk));
}

TEST(Risk, gains_are_of_the_risk) {
  RecommendRequest request{.kind = Kind::best_mean, .stay = {.min_gain = 0.02}};
  request.running = process::Recipe({{"a", 0.2, "mm"}});
  const Proposal moved = ask(valley_basis(worst), request);
  EXPECT_FALSE(moved.recommendation.stay);
  EXPECT_GT(moved.explanation.gain, 0.1);  // though the expectation is worse there
  EXPECT_GT(moved.explanation.probability_better, 0.9);
  EXPECT_TRUE(std::isnan(moved.explanation.measured.gain));
  EXPECT_EQ(moved.explanation.measured.runs, 1);
  request.running = process::Recipe({{"a", 0.7, "mm"}});
  EXPECT_TRUE(ask(valley_basis(worst), request).recommendation.stay);
  request.running = process::Recipe({{"a", 0.2, "mm"}});
  EXPECT_TRUE(ask(valley_basis(std::nullopt), request).recommendation.stay);
}

TEST(Risk, exploring_keeps_several_proposals_apart_and_answers_alike_on_any_threads) {
  const Basis basis = valley_basis(worst);
  RecommendRequest request{.kind = Kind::explore, .q = 2};
  request.search.threads = 1;
  const auto first = recommend(basis, request, core::RandomKey(1));
  request.search.threads = 4;
  const auto second = recommend(basis, request, core::RandomKey(1));
  ASSERT_EQ(first.size(), 2U);
  EXPECT_TRUE(says(first[0], "This explores: the mean of the worst 20 % of y is uncertain there"));
  EXPECT_GT((first[0].x - first[1].x).norm(), 0.005);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(first[i].x, second[i].x);
    EXPECT_EQ(first[i].recommendation.why, second[i].recommendation.why);
  }
}

/// The turning process with a risk, its outcome constraint and its computed removal rate as they are.
process::ProcessDefinition risky_turning() {
  process::ProcessDefinition definition = test::turning_definition();
  definition.tolerances = {{.parameter = "feed", .sd = 0.01}};
  definition.objectives[0].risk = worst;
  definition.outcome_constraints = {{.response = "roughness", .upper = 2.0}, {.response = "rate", .lower = 15.0}};
  return definition;
}

TEST(Risk, bounds_are_on_the_response_as_before) {
  const Basis basis = test::turning_basis(risky_turning());
  const Proposal proposal = ask(basis, {.kind = Kind::best_mean, .context = test::tool("New")});
  const process::Recommendation& recommendation = proposal.recommendation;
  ASSERT_EQ(recommendation.predictions.size(), 2U);
  EXPECT_EQ(recommendation.predictions[1].response, "rate");
  EXPECT_GE(recommendation.predictions[1].mean, 15.0 * (1.0 - 1e-5));
  EXPECT_GE(recommendation.probability_feasible, 0.95 - 1e-6);
  EXPECT_GT(proposal.explanation.risk, recommendation.predictions[0].mean);
  // Exploring, with a run under way, and nothing admissible.
  RecommendRequest request{.kind = Kind::explore, .context = test::tool("Worn")};
  request.pending = {{test::recipe(200.0, 0.08), {}}};
  EXPECT_EQ(ask(basis, request).recommendation.kind, "explore");
  process::ProcessDefinition definition = risky_turning();
  definition.outcome_constraints[0].upper = 0.5;
  EXPECT_TRUE(says(ask(test::turning_basis(definition), request), "No settings are known to keep"));
}

TEST(Risk, spans_a_front) {
  const Basis basis = test::turning_basis(risky_turning());
  const Front front = pareto(basis, {.context = test::tool("New"), .points = 4}, core::RandomKey(1));
  ASSERT_GE(front.points.size(), 2U);
  EXPECT_EQ(front.objectives[0], "roughness");
  for (std::size_t i = 0; i < front.points.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    EXPECT_EQ(front.values(row, 0), front.points[i].explanation.risk);
    EXPECT_GT(front.values(row, 0), front.points[i].recommendation.predictions[0].mean);
    EXPECT_EQ(front.values(row, 1), front.points[i].recommendation.predictions[1].mean);
    if (i > 0) {
      EXPECT_GT(front.values(row, 0), front.values(row - 1, 0));
      EXPECT_GT(front.values(row, 1), front.values(row - 1, 1));
    }
  }
  EXPECT_GT(front.hypervolume, 0.0);
}

}  // namespace
}  // namespace luban::recommend
