#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/features/envelope.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

using process::Goal;

std::vector<Proposal> ask(const Basis& basis, RecommendRequest request, std::uint64_t seed = 1) {
  if (request.context.empty()) request.context = test::tool("New");
  return recommend(basis, request, core::RandomKey(seed));
}

double truth(const Proposal& proposal, bool worn = false) {
  return test::roughness(proposal.recommendation.recipe.number("speed"), proposal.recommendation.recipe.number("feed"),
                         worn);
}

bool says(const std::vector<std::string>& sentences, const std::string& part) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](const std::string& sentence) { return sentence.find(part) != std::string::npos; });
}

void expect_inside(const Proposal& proposal) {
  const process::SearchSpace space = process::SearchSpace::of(process::Process(test::turning_definition()));
  const process::Recipe& recipe = proposal.recommendation.recipe;
  EXPECT_TRUE(space.violations({{"speed", recipe.number("speed")}, {"feed", recipe.number("feed")}}).empty());
}

TEST(Recommend, best_mean_is_nearly_the_best_of_each_context) {
  const Basis basis = test::turning_basis();
  for (const bool worn : {false, true}) {
    const auto proposals = ask(basis, {.kind = Kind::best_mean, .context = test::tool(worn ? "Worn" : "New")});
    ASSERT_EQ(proposals.size(), 1U);
    EXPECT_LT(truth(proposals[0], worn), test::best_roughness(worn) + 0.03);
    expect_inside(proposals[0]);
    const process::Recommendation& recommendation = proposals[0].recommendation;
    EXPECT_EQ(recommendation.kind, "best_mean");
    ASSERT_EQ(recommendation.predictions.size(), 2U);
    EXPECT_EQ(recommendation.predictions[0].response, "roughness");
    EXPECT_LT(recommendation.predictions[0].lower, recommendation.predictions[0].mean);
    EXPECT_NEAR(recommendation.predictions[1].mean,
                recommendation.recipe.number("speed") * recommendation.recipe.number("feed"), 1e-9);
    EXPECT_EQ(recommendation.predictions[1].sd_reading, 0.0);
    EXPECT_GE(recommendation.expected_gain, -1e-9);  // against the best measured settings
  }
}

TEST(Recommend, no_proposal_is_further_away_than_one_move) {
  const Basis basis = test::turning_basis();
  const process::MoveLimits moves{.from = {{"speed", 150.0}, {"feed", 0.12}}, .largest = {{"speed", 10.0}}};
  for (const Kind kind : {Kind::explore, Kind::best_mean}) {
    for (const Proposal& proposal : ask(basis, {.kind = kind, .q = 2, .moves = moves})) {
      EXPECT_NEAR(proposal.recommendation.recipe.number("speed"), 150.0, 10.0 + 1e-9);
      expect_inside(proposal);
    }
  }
  const Front front =
      pareto(basis, {.context = test::tool("New"), .objectives = {"roughness", "rate"}, .points = 4, .moves = moves},
             core::RandomKey(1));
  ASSERT_FALSE(front.points.empty());
  for (const Proposal& point : front.points) {
    EXPECT_NEAR(point.recommendation.recipe.number("speed"), 150.0, 10.0 + 1e-9);
  }
}

TEST(Recommend, same_key_same_answer_for_any_number_of_threads) {
  const Basis basis = test::turning_basis();
  for (const Kind kind : {Kind::explore, Kind::best_mean}) {
    RecommendRequest request{.kind = kind, .q = 3};
    request.search.threads = 1;
    const auto first = ask(basis, request);
    request.search.threads = 4;
    const auto second = ask(basis, request);
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(first[i].x, second[i].x);
      EXPECT_EQ(first[i].recommendation.why, second[i].recommendation.why);
    }
  }
}

TEST(Recommend, several_proposals_and_pending_runs_keep_apart) {
  const Basis basis = test::turning_basis(test::turning_definition(), {.runs = 6, .noise_sd = 0.02});
  const auto proposals = ask(basis, {.kind = Kind::explore, .q = 4});
  ASSERT_EQ(proposals.size(), 4U);
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    expect_inside(proposals[i]);
    EXPECT_EQ(proposals[i].recommendation.kind, "explore");
    for (std::size_t j = 0; j < i; ++j) EXPECT_GT((proposals[i].x - proposals[j].x).norm(), 0.02);
  }
  RecommendRequest later{.kind = Kind::explore};
  later.pending = {{proposals[0].recommendation.recipe, {}}};
  EXPECT_NEAR((ask(basis, later)[0].x - proposals[1].x).norm(), 0.0, 0.1);
  EXPECT_GT((ask(basis, later)[0].x - proposals[0].x).norm(), 0.02);
  // A pending run of another context teaches less about this one.
  later.pending[0].context = test::tool("Worn");
  EXPECT_FALSE(ask(basis, later)[0].x.isApprox(
      ask(basis, {.kind = Kind::explore, .pending = {{proposals[0].recommendation.recipe, {}}}})[0].x, 1e-9));
}

/// A bowl over x, ten higher on line A than on line B.
double two_lines(const Eigen::VectorXd& x) {
  return (x(1) == 0.0 ? 10.0 : 0.0) + 4.0 * std::pow(x(0) - 0.7, 2);
}

Basis two_lines_basis() {
  process::ProcessDefinition definition;
  definition.name = "two-lines";
  definition.parameters = {test::parameter("x", "", 0.0, 1.0)};
  process::ContextVariable line;
  line.name = "line";
  line.kind = process::VariableKind::categorical;
  line.categories = {"A", "B"};
  definition.context = {line};
  process::Response response;
  response.name = "y";
  response.unit = "um";
  definition.responses = {response};
  definition.objectives = {{.response = "y", .goal = Goal::minimize}};
  features::Dataset data;
  data.encoder = features::Encoder({test::numeric("x"), test::named("line", {"A", "B"}, features::Role::context)});
  data.responses = {{"y", "um"}};
  const int runs = 12;
  data.X.resize(runs, 2);
  data.Y.resize(runs, 1);
  for (int i = 0; i < runs; ++i) {
    data.X.row(i) << 0.2 * (i / 2), static_cast<double>(i % 2);
    data.Y(i, 0) = two_lines(data.X.row(i).transpose());
    test::add_run(data, i);
  }
  auto surrogate = std::make_shared<test::AnalyticSurrogate>(
      data.encoder, std::vector<std::string>{"y"}, std::vector<test::Function>{two_lines}, data.X,
      test::AnalyticSurrogate::Options{.lengthscale = 0.5, .signal_sd = 5.0, .noise_sd = 0.1, .mean = 5.0});
  return {std::make_shared<const process::Process>(std::move(definition)), surrogate,
          std::make_shared<const features::Dataset>(std::move(data)), nullptr};
}

TEST(Recommend, a_pending_run_elsewhere_is_no_incumbent_here) {
  const Basis basis = two_lines_basis();
  RecommendRequest request{.kind = Kind::explore, .context = {{"line", "A", ""}}};
  const auto alone = recommend(basis, request, core::RandomKey(1))[0];
  EXPECT_NEAR(alone.x(0), 0.7, 0.1);
  // Ten better than anything here: as an incumbent it would leave nothing to improve.
  request.pending = {{process::Recipe({{"x", 0.7, ""}}), {{"line", "B", ""}}}};
  const auto beside = recommend(basis, request, core::RandomKey(1))[0];
  EXPECT_NEAR(beside.x(0), alone.x(0), 0.05);
  EXPECT_NEAR(beside.acquisition, alone.acquisition, 0.5);
}

TEST(Recommend, best_mean_alternatives_are_separated_and_worse) {
  const auto proposals = ask(test::turning_basis(), {.kind = Kind::best_mean, .q = 3, .separation = 0.2});
  ASSERT_EQ(proposals.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_GE((proposals[i].x - proposals[j].x).norm(), 0.2 - 1e-9);
      EXPECT_GE(proposals[i].recommendation.predictions[0].mean,
                proposals[j].recommendation.predictions[0].mean - 1e-6);
    }
  }
}

TEST(Recommend, stays_when_moving_is_not_convincing_and_moves_when_it_is) {
  const Basis basis = test::turning_basis();
  const auto best = ask(basis, {.kind = Kind::best_mean})[0];
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    const auto stay = ask(basis, {.kind = kind, .running = best.recommendation.recipe, .stay = {.learning = 0.5}});
    ASSERT_EQ(stay.size(), 1U);
    EXPECT_TRUE(stay[0].recommendation.stay);
    EXPECT_EQ(stay[0].recommendation.kind, "stay");
    EXPECT_EQ(stay[0].recommendation.recipe, best.recommendation.recipe);
    EXPECT_EQ(stay[0].recommendation.expected_gain, 0.0);
    EXPECT_TRUE(says(stay[0].recommendation.why, "Stay: the best change found would gain"));

    const auto move = ask(basis, {.kind = kind, .running = test::recipe(110.0, 0.14)});
    EXPECT_FALSE(move[0].recommendation.stay);
    const double gain = test::roughness(110.0, 0.14, false) - truth(move[0]);
    EXPECT_NEAR(move[0].recommendation.expected_gain, gain, 4.0 * move[0].explanation.gain_sd + 0.05);
    EXPECT_GT(move[0].explanation.probability_better, 0.95);
    EXPECT_TRUE(says(move[0].recommendation.why, "better than the running settings"));
  }
  // A gain smaller than the least that is worth a change is no reason to move.
  EXPECT_TRUE(ask(basis, {.kind = Kind::best_mean, .running = test::recipe(110.0, 0.14), .stay = {.min_gain = 50.0}})[0]
                  .recommendation.stay);
}

TEST(Recommend, outcome_constraint_keeps_its_probability) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.objectives = {{.response = "rate", .goal = Goal::maximize}};
  definition.outcome_constraints = {{.response = "roughness", .upper = 1.6, .probability = 0.9}};
  const Basis basis = test::turning_basis(definition);
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    const auto proposal = ask(basis, {.kind = kind})[0];
    EXPECT_GE(proposal.recommendation.probability_feasible, 0.9 - 1e-5);
    EXPECT_LT(proposal.recommendation.probability_feasible, 0.95);  // the optimum lies on the constraint
    EXPECT_TRUE(says(proposal.recommendation.limited_by, "roughness <= 1.6 um with probability 90 %"));
    expect_inside(proposal);
  }
  // More certainty costs removal rate.
  definition.outcome_constraints[0].probability = 0.999;
  const auto certain = ask(test::turning_basis(definition), {.kind = Kind::best_mean})[0];
  EXPECT_LT(certain.recommendation.predictions[1].mean,
            ask(basis, {.kind = Kind::best_mean})[0].recommendation.predictions[1].mean);
}

TEST(Recommend, exploring_under_a_constraint_improves_and_keeps_it) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "rate", .lower = 25.0}};
  const auto proposals = ask(test::turning_basis(definition, {.runs = 8}), {.kind = Kind::explore, .q = 3});
  for (const Proposal& proposal : proposals) {
    EXPECT_GE(proposal.recommendation.recipe.number("speed") * proposal.recommendation.recipe.number("feed"),
              25.0 - 1e-4);
    EXPECT_EQ(proposal.recommendation.probability_feasible, 1.0);
  }
}

TEST(Recommend, unreachable_probability_gives_the_least_bad_settings_and_says_so) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "roughness", .upper = 0.9, .probability = 0.95}};  // best is above 1
  const Basis basis = test::turning_basis(definition);
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    const auto proposal = ask(basis, {.kind = kind})[0];
    EXPECT_LT(proposal.recommendation.probability_feasible, 0.5);
    EXPECT_TRUE(says(proposal.recommendation.why, "No settings are known to keep every outcome constraint"));
    // Producing, the nearest to the bound is wanted; exploring, wherever the bound may still be kept.
    if (kind == Kind::best_mean) {
      EXPECT_LT(truth(proposal), test::best_roughness(false) + 0.1);
    } else {
      EXPECT_GE(proposal.recommendation.probability_feasible,
                ask(basis, {.kind = Kind::best_mean})[0].recommendation.probability_feasible);
    }
  }
}

TEST(Recommend, unreachable_computed_bound_is_infeasible_and_named) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "rate", .lower = 100.0}};
  const Basis basis = test::turning_basis(definition);
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    try {
      static_cast<void>(ask(basis, {.kind = kind}));
      FAIL() << "no error";
    } catch (const core::InfeasibleError& error) {
      EXPECT_NE(std::string(error.what()).find("100 cm3/min <= rate"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(static_cast<void>(pareto(basis, {.context = test::tool("New")}, core::RandomKey(0))),
               core::InfeasibleError);
}

TEST(Recommend, leaves_running_settings_that_break_a_bound) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.objectives = {{.response = "rate", .goal = Goal::maximize}};
  definition.outcome_constraints = {{.response = "roughness", .upper = 1.6, .probability = 0.9}};
  const auto proposal =
      ask(test::turning_basis(definition), {.kind = Kind::best_mean, .running = test::recipe(300.0, 0.15)})[0];
  EXPECT_FALSE(proposal.recommendation.stay);
  EXPECT_LT(proposal.recommendation.expected_gain, 0.0);  // slower than the inadmissible running settings, and says so
  EXPECT_TRUE(says(proposal.recommendation.why, "worse than the running settings"));
}

TEST(Recommend, target_goal_is_met) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.objectives = {{.response = "roughness", .goal = Goal::target, .target = 1.8}};
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    const auto proposal = ask(test::turning_basis(definition), {.kind = kind})[0];
    EXPECT_NEAR(truth(proposal), 1.8, 0.1);
  }
}

TEST(Recommend, explains_with_real_runs_drivers_and_novelty) {
  Basis basis = test::turning_basis();
  basis.envelope = std::make_shared<const process::TrainingEnvelope>(features::make_envelope(*basis.data));
  const auto proposal = ask(basis, {.kind = Kind::best_mean})[0];
  ASSERT_EQ(proposal.explanation.nearest.size(), 3U);
  for (const NearRun& run : proposal.explanation.nearest) {
    const int number = std::stoi(run.run_id.substr(1));
    EXPECT_EQ(number % 2, 0) << "a run of the other context";
    EXPECT_EQ(run.measured, basis.data->Y(number, 0));
  }
  EXPECT_LE(proposal.explanation.nearest[0].distance, proposal.explanation.nearest[1].distance);
  ASSERT_EQ(proposal.explanation.drivers.size(), 2U);
  EXPECT_GE(proposal.explanation.drivers[0].worst_mean - proposal.explanation.drivers[0].best_mean,
            proposal.explanation.drivers[1].worst_mean - proposal.explanation.drivers[1].best_mean);
  EXPECT_LT(proposal.explanation.novelty, 0.99);
  EXPECT_FALSE(proposal.explanation.new_combination);
  const std::vector<std::string>& why = proposal.recommendation.why;
  for (const char* part : {"roughness is expected at", "What matters most here is", "Nearest real runs: r",
                           "inside what the training data covered", "Judged by roughness alone"}) {
    EXPECT_TRUE(says(why, part)) << part;
  }
}

TEST(Recommend, warns_first_of_a_combination_that_no_run_had) {
  Basis basis = test::turning_basis();
  features::Dataset only_new = *basis.data;
  for (Eigen::Index i = 0; i < only_new.n(); ++i) only_new.X(i, 2) = 0.0;
  basis.envelope = std::make_shared<const process::TrainingEnvelope>(features::make_envelope(only_new));
  const auto proposal = ask(basis, {.kind = Kind::best_mean, .context = test::tool("Worn")})[0];
  EXPECT_TRUE(proposal.explanation.new_combination);
  EXPECT_EQ(proposal.recommendation.why[0].find("Caution: no run had the combination tool Worn"), 0U)
      << proposal.recommendation.why[0];
}

TEST(Recommend, calibration_widens_the_stated_intervals_alone) {
  Basis basis = test::turning_basis();
  const auto plain = ask(basis, {.kind = Kind::best_mean})[0].recommendation.predictions[0];
  basis.interval_ratios = {{"roughness", 2.0}};
  const auto wide = ask(basis, {.kind = Kind::best_mean})[0].recommendation.predictions[0];
  EXPECT_EQ(wide.mean, plain.mean);
  EXPECT_EQ(wide.sd_run_mean, plain.sd_run_mean);
  EXPECT_NEAR(wide.upper - wide.mean, 2.0 * (plain.upper - plain.mean), 1e-12);
  EXPECT_NEAR(wide.mean - wide.lower, 2.0 * (plain.mean - plain.lower), 1e-12);
}

TEST(Recommend, calibration_keeps_the_promise_of_outcome_bounds) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.objectives = {{.response = "rate", .goal = Goal::maximize}};
  definition.outcome_constraints = {{.response = "roughness", .upper = 1.6, .probability = 0.9},
                                    {.response = "rate", .lower = 1.0}};
  Basis basis = test::turning_basis(definition);
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    basis.bound_ratios = {};
    const auto plain = ask(basis, {.kind = kind})[0].recommendation;
    basis.bound_ratios = {1.0, 1.0};
    const auto ones = ask(basis, {.kind = kind})[0].recommendation;
    EXPECT_EQ(ones.recipe, plain.recipe);
    EXPECT_EQ(ones.why, plain.why);
    EXPECT_FALSE(says(plain.why, "calibrated"));
    basis.bound_ratios = {2.0, 1.0};
    const auto careful = ask(basis, {.kind = kind})[0].recommendation;
    EXPECT_GE(careful.probability_feasible, 0.9 - 1e-5);
    EXPECT_LT(careful.probability_feasible, 0.95);
    const process::Prediction& prediction = careful.predictions[0];
    EXPECT_GE((1.6 - prediction.mean) / prediction.sd_run_mean, 2.0 * 1.2815 - 1e-3);
    EXPECT_LT(careful.predictions[1].mean, plain.predictions[1].mean);  // the margin costs removal rate
    EXPECT_TRUE(says(careful.why, ", by spreads calibrated on left-out groups."));
  }
  for (const std::vector<double>& wrong : {std::vector<double>{1.0}, {1.0, 0.0}, {1.0, process::no_number}}) {
    basis.bound_ratios = wrong;
    EXPECT_THROW(static_cast<void>(ask(basis, {})), core::ConfigurationError);
  }
}

TEST(Recommend, refuses_wrong_requests) {
  const Basis basis = test::turning_basis();
  EXPECT_THROW(static_cast<void>(recommend(basis, {}, core::RandomKey(0))), core::ConfigurationError);  // no context
  EXPECT_THROW(static_cast<void>(ask(basis, {.objective = "roughnes"})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(ask(basis, {.q = 0})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(ask(basis, {.stay = {.conviction = 0.3}})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(ask(basis, {.running = process::Recipe({{"speed", 100.0, "m/min"}})})),
               core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(recommend({}, {}, core::RandomKey(0))), core::ConfigurationError);
}

TEST(Recommend, works_without_history_when_nothing_varies_unseen) {
  Basis basis = test::turning_basis();
  basis.data = nullptr;
  for (const Kind kind : {Kind::best_mean, Kind::explore}) {
    const auto proposal = ask(basis, {.kind = kind})[0];
    EXPECT_TRUE(std::isnan(proposal.recommendation.expected_gain));
    EXPECT_TRUE(proposal.explanation.nearest.empty());
    EXPECT_LT(truth(proposal), test::best_roughness(false) + 0.2);
  }
}

}  // namespace
}  // namespace luban::recommend
