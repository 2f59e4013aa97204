// What was measured, beside what the model says, and plain words for numbers.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/recommend/detail/words.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

bool says(const std::vector<std::string>& sentences, const std::string& part) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](const std::string& sentence) { return sentence.find(part) != std::string::npos; });
}

std::vector<Proposal> ask(const Basis& basis, RecommendRequest request) {
  if (request.context.empty()) request.context = test::tool("New");
  return recommend(basis, request, core::RandomKey(1));
}

/// Three runs of the new tool at (110, 0.14), which read `values`; the model does not know of it.
Basis with_repeats(const std::vector<double>& values) {
  Basis basis = test::turning_basis();
  features::Dataset data = *basis.data;
  for (std::size_t k = 0; k < values.size(); ++k) {
    data.X.row(static_cast<Eigen::Index>(2 * k)) << 0.05, 0.9, 0.0;
    data.Y(static_cast<Eigen::Index>(2 * k), 0) = values[k];
  }
  basis.data = std::make_shared<const features::Dataset>(std::move(data));
  return basis;
}

TEST(Evidence, what_the_running_settings_measured_stands_beside_the_models_belief) {
  const double truth = test::roughness(110.0, 0.14, false);
  const Basis basis = with_repeats({truth - 0.01, truth, truth + 0.01});
  const auto move = ask(basis, {.kind = Kind::best_mean, .running = test::recipe(110.0, 0.14)})[0];
  const MeasuredReference& measured = move.explanation.measured;
  EXPECT_EQ(measured.runs, 3);
  EXPECT_NEAR(measured.mean, truth, 1e-12);
  EXPECT_NEAR(measured.standard_error, 0.01 / std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(measured.gain, truth - move.recommendation.predictions[0].mean, 1e-9);
  EXPECT_TRUE(move.explanation.warnings.empty());
  EXPECT_TRUE(says(move.recommendation.why, "The running settings measured "));
  EXPECT_TRUE(says(move.recommendation.why, "(3 runs, standard error "));
  EXPECT_TRUE(says(move.recommendation.why, "; the model expects "));
}

TEST(Evidence, measurements_that_contradict_the_model_are_said_first_and_keep_the_running_settings) {
  // Far better than the model believes, and than anything that it finds.
  const Basis basis = with_repeats({0.51, 0.50, 0.49});
  const RecommendRequest request{.kind = Kind::best_mean, .running = test::recipe(110.0, 0.14)};
  const auto answer = ask(basis, request)[0];
  const MeasuredReference& measured = answer.explanation.measured;
  EXPECT_TRUE(measured.contradicts);
  EXPECT_LT(measured.mean, measured.lower);
  EXPECT_LT(measured.gain, 0.0);
  const std::vector<std::string>& why = answer.recommendation.why;
  EXPECT_EQ(why[0].find("The running settings measured 0.5 um (3 runs"), 0U) << why[0];
  EXPECT_TRUE(says({why[0]}, "do not trust the gain"));
  EXPECT_TRUE(answer.recommendation.stay);
  EXPECT_TRUE(std::isnan(answer.explanation.probability_better));
  EXPECT_EQ(why[1].find("Stay: against what the running settings measured"), 0U) << why[1];
  // Far worse than believed: moving is right all the more, and compared with what was measured.
  const auto move = ask(with_repeats({9.0, 9.1, 8.9}), request)[0];
  EXPECT_FALSE(move.recommendation.stay);
  EXPECT_TRUE(says({move.recommendation.why[0]}, "Against what was measured these settings are expected to be"));
  EXPECT_TRUE(says(move.recommendation.why, "not judged: what was measured there contradicts the model"));
  EXPECT_NEAR(move.explanation.measured.gain, 9.0 - move.recommendation.predictions[0].mean, 1e-9);
}

TEST(Evidence, a_reason_to_stay_is_the_answer_when_settings_run_and_only_then) {
  const Basis basis = test::turning_basis();
  RecommendRequest request{.kind = Kind::best_mean, .running = test::recipe(110.0, 0.14)};
  request.reason_to_stay = "nobody knows better";
  request.not_judged = "nobody can tell";
  request.warnings = {"Nobody knows."};
  const auto stay = ask(basis, request)[0].recommendation;
  EXPECT_TRUE(stay.stay);
  EXPECT_EQ(stay.why[0], "Nobody knows.");
  EXPECT_EQ(stay.why[1], "Stay: nobody knows better.");
  request.running = std::nullopt;
  const auto move = ask(basis, request)[0];
  EXPECT_FALSE(move.recommendation.stay);
  EXPECT_EQ(move.recommendation.why[0], "Nobody knows.");
  EXPECT_EQ(move.explanation.warnings, request.warnings);
  EXPECT_TRUE(std::isnan(move.explanation.probability_better));
  EXPECT_TRUE(says(move.recommendation.why, "how likely it is better is not judged: nobody can tell"));
}

TEST(Evidence, repeats_of_one_setting_are_one_near_run) {
  const Basis basis = with_repeats({2.0, 2.1, 2.3});
  const auto move =
      ask(basis, {.kind = Kind::best_mean, .running = test::recipe(110.0, 0.14), .stay = {.min_gain = 9}});
  const std::vector<NearRun>& nearest = move[0].explanation.nearest;
  ASSERT_EQ(nearest.size(), 3U);
  EXPECT_EQ(nearest[0].run_id, "r0");
  EXPECT_EQ(nearest[0].runs, 3);
  EXPECT_NEAR(nearest[0].measured, 6.4 / 3.0, 1e-12);
  EXPECT_EQ(nearest[1].runs, 1);
  EXPECT_GT(nearest[1].distance, 0.0);
  EXPECT_TRUE(
      says(move[0].recommendation.why, "r0 and 2 more alike at these very settings (measured on average 2.133"));
}

/// A bowl over x whose bottom moves with the age of the bath; one run at each of six ages.
Basis ageing_basis(double valid_low = -std::numeric_limits<double>::infinity()) {
  process::ProcessDefinition definition;
  definition.name = "bath";
  definition.parameters = {test::parameter("x", "", 0.0, 1.0)};
  process::ContextVariable age;
  age.name = "age";
  age.unit = "d";
  definition.context = {age};
  process::Response response;
  response.name = "y";
  response.unit = "%";
  response.valid_low = valid_low;
  definition.responses = {response};
  definition.objectives = {{.response = "y", .goal = process::Goal::minimize}};
  features::Dataset data;
  features::EncodedVariable coded_age = test::numeric("age", 0.0, 100.0, features::Role::context);
  coded_age.unit = "d";
  data.encoder = features::Encoder({test::numeric("x"), coded_age});
  data.responses = {{"y", "%"}};
  const test::Function bowl = [](const Eigen::VectorXd& x) { return 4.0 * std::pow(x(0) - 0.3 - 0.2 * x(1), 2); };
  data.X.resize(6, 2);
  data.Y.resize(6, 1);
  for (int i = 0; i < 6; ++i) {
    data.X.row(i) << 0.2 * i, i == 5 ? 0.5 : 0.2 * i;
    data.Y(i, 0) = bowl(data.X.row(i).transpose());
    test::add_run(data, i);
  }
  auto surrogate = std::make_shared<test::AnalyticSurrogate>(
      data.encoder, std::vector<std::string>{"y"}, std::vector<test::Function>{bowl}, data.X,
      test::AnalyticSurrogate::Options{
          .lengthscale = 0.7, .signal_sd = 2.0, .noise_sd = 0.1, .mean = 1.0, .unit = "%"});
  return {std::make_shared<const process::Process>(std::move(definition)), surrogate,
          std::make_shared<const features::Dataset>(std::move(data)), nullptr};
}

TEST(Evidence, the_best_measured_settings_do_not_depend_on_who_was_measured_at_this_very_number) {
  const Basis basis = ageing_basis();
  double last = process::no_number;
  for (const double age : {49.0, 50.0, 51.0}) {  // one run, the worst, was made at 50
    const auto proposal = ask(basis, {.kind = Kind::best_mean, .context = {{"age", age, "d"}}})[0];
    EXPECT_EQ(proposal.explanation.reference, "the best measured settings in this context");
    EXPECT_TRUE(says(proposal.recommendation.why, "runs in the same categories of context, as predicted at age "));
    if (!std::isnan(last)) {
      EXPECT_NEAR(proposal.explanation.gain, last, 0.02);
    }
    last = proposal.explanation.gain;
  }
}

TEST(Evidence, intervals_end_where_the_response_does) {
  const RecommendRequest request{.kind = Kind::best_mean, .context = {{"age", 40.0, "d"}}};
  const auto open = ask(ageing_basis(), request)[0].recommendation;
  const auto cut = ask(ageing_basis(0.0), request)[0].recommendation;
  ASSERT_LT(open.predictions[0].lower, 0.0);
  EXPECT_EQ(cut.predictions[0].lower, 0.0);
  EXPECT_EQ(cut.predictions[0].mean, open.predictions[0].mean);
  EXPECT_EQ(cut.predictions[0].upper, open.predictions[0].upper);
  EXPECT_TRUE(says(cut.why, "Physically y ends at 0 %: its interval is cut there."));
  EXPECT_FALSE(says(open.why, "Physically"));
  // A mean beyond the end is kept, and said first.
  const auto beyond = ask(ageing_basis(3.0), request)[0].recommendation;
  EXPECT_EQ(beyond.predictions[0].mean, open.predictions[0].mean);
  EXPECT_LE(beyond.predictions[0].lower, beyond.predictions[0].upper);
  EXPECT_EQ(beyond.why[0].find("The model expects y at "), 0U) << beyond.why[0];
  EXPECT_TRUE(says({beyond.why[0]}, "physically it ends at 3 %"));
}

TEST(Evidence, percents_differ_by_percentage_points) {
  const auto proposal =
      ask(ageing_basis(),
          {.kind = Kind::best_mean, .context = {{"age", 40.0, "d"}}, .running = process::Recipe({{"x", 0.9, ""}})})[0];
  EXPECT_TRUE(says(proposal.recommendation.why, " percentage points better than the running settings"));
}

TEST(Evidence, nothing_is_certain_and_rounding_is_not_shown) {
  EXPECT_EQ(detail::percent(1.0), "over 99 %");
  EXPECT_EQ(detail::percent(0.99), "99 %");
  EXPECT_EQ(detail::percent(0.5), "50 %");
  const features::Encoder encoder({test::numeric("a", -3.0, 7.0)});
  EXPECT_EQ(std::get<double>(detail::plain_value(encoder, 0, 0.3 + 1e-15)), 0.0);
  EXPECT_EQ(std::get<double>(detail::plain_value(encoder, 0, 0.6 - 1e-15)), 3.0);
  EXPECT_NEAR(std::get<double>(detail::plain_value(encoder, 0, 0.65)), 3.5, 1e-12);
}

TEST(Evidence, what_is_explored_together_differs_by_more_than_noise) {
  const Basis basis = test::turning_basis(test::turning_definition(), {.runs = 40, .noise_sd = 0.3});
  const auto proposals = ask(basis, {.kind = Kind::explore, .q = 5});
  ASSERT_EQ(proposals.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_GE((proposals[i].x - proposals[j].x).cwiseAbs().maxCoeff(), 0.01 - 1e-9);
    }
    EXPECT_TRUE(says(proposals[i].recommendation.why, "This explores: roughness is uncertain there"));
  }
}

}  // namespace
}  // namespace luban::recommend
