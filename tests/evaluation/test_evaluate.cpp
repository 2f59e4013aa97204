#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <luban/core/error.hpp>
#include <luban/evaluation/evaluate.hpp>
#include <luban/evaluation/model_card.hpp>

#include "support.hpp"

namespace luban::evaluation {
namespace {

using testing::line;
using testing::simulate;
using testing::World;

const World world{.groups = 60, .runs = 3, .readings = 4, .group_sd = 0.0, .run_sd = 0.5, .reading_sd = 0.3};

TEST(Evaluate, AGoodModelReachesTheNoiseCeilingAndNoLower) {
  const features::Dataset data = simulate(world, core::RandomKey(1));
  const Evaluation evaluation = evaluate(data, {line("line", 0.05, 0.5, 0.3)}, core::RandomKey(2));
  const NoiseCeiling& ceiling = evaluation.ceilings.front();
  EXPECT_TRUE(ceiling.complete);
  EXPECT_NEAR(ceiling.rmse, std::hypot(0.5, 0.3), 0.06);
  const ResponseEvaluation& model = evaluation.contenders.front().responses.front();
  EXPECT_NEAR(model.all.pooled.rmse, ceiling.rmse, 0.06);
  EXPECT_NEAR(model.all.pooled.r2, ceiling.r2, 0.1);
  EXPECT_FALSE(model.beats_noise);
  EXPECT_NEAR(model.all.pooled.coverage_90, 0.9, 0.04);
  EXPECT_NEAR(model.reading.ratio(0.9), 1.0, 0.12);
  EXPECT_NEAR(model.run_mean.ratio(0.9), 1.0, 0.2);
}

TEST(Evaluate, ALeakIsFlagged) {
  const features::Dataset data = simulate(world, core::RandomKey(3));
  features::Dataset leaking = data;
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    double mean = 0.0;
    for (Eigen::Index k = 0; k < data.n(); ++k) {
      if (data.run[static_cast<std::size_t>(k)] == data.run[static_cast<std::size_t>(i)]) mean += data.Y(k, 0) / 4.0;
    }
    leaking.X(i, 0) = mean;
  }
  // The noise is judged on the honest inputs: with the leak among them every run is a point of its own.
  const OutOfFold answer = cross_validate(leaking, {line("leak", 0.0, 0.0, 0.3)},
                                          features::group_folds(data, 5, core::RandomKey(3)), core::RandomKey(3))
                               .front();
  const Scores scores = score(data.Y.col(0), answer.of_response(0), Eigen::VectorXd::Ones(data.n()));
  const Evaluation honest = evaluate(data, {line("line", 0.05, 0.5, 0.3)}, core::RandomKey(3));
  EXPECT_TRUE(beats_noise(honest.ceilings.front(), scores.rmse, 0.01));
  EXPECT_FALSE(beats_noise(honest.ceilings.front(), honest.ceilings.front().rmse, 0.01));
  EXPECT_FALSE(beats_noise(NoiseCeiling{}, 0.0, 0.0));
}

TEST(Evaluate, BaselinesRunOnTheSameFolds) {
  const features::Dataset data = simulate(world, core::RandomKey(4));
  const Evaluation evaluation = evaluate(data, {line("line", 0.05, 0.5, 0.3)}, core::RandomKey(5));
  ASSERT_EQ(evaluation.contenders.size(), 3U);
  EXPECT_EQ(evaluation.contenders[1].name, "trivial");
  EXPECT_EQ(evaluation.contenders[2].name, "linear");
  for (const ContenderEvaluation& contender : evaluation.contenders) {
    EXPECT_EQ(contender.out_of_fold.fold, evaluation.contenders[0].out_of_fold.fold);
  }
  const auto rmse = [&](std::size_t c) { return evaluation.contenders[c].responses[0].all.mean.rmse; };
  EXPECT_NEAR(evaluation.contenders[1].responses[0].all.pooled.r2, 0.0, 0.06);
  EXPECT_LT(rmse(0), rmse(1));
  EXPECT_NEAR(rmse(2), rmse(0), 0.05);  // the truth is a line
}

TEST(Evaluate, TheContextMeanKnowsCategoriesAndNothingElse) {
  features::Dataset data = simulate(world, core::RandomKey(21));
  data.encoder = features::Encoder({{.name = "x", .unit = "mm", .low = 0.0, .high = 1.0},
                                    {.name = "wear",
                                     .role = features::Role::context,
                                     .kind = process::VariableKind::categorical,
                                     .categories = {"new", "worn", "never"}}});
  data.X.conservativeResize(Eigen::NoChange, 2);
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    data.X(i, 1) = static_cast<double>(data.run[static_cast<std::size_t>(i)] % 2);
    data.Y(i, 0) = data.X(i, 1) * 10.0 + data.Y(i, 0) - 2.0 * data.X(i, 0);
  }
  const auto contenders = baselines(data.encoder);
  ASSERT_EQ(contenders.size(), 3U);
  EXPECT_EQ(contenders[1].name, "context_mean");
  const auto model = contenders[1].make(data, core::RandomKey(0), {});
  Eigen::MatrixXd points(4, 2);
  points << 0.0, 0.0, 1.0, 0.0, 0.5, 1.0, 0.5, 2.0;
  const auto posterior = model->posterior(points, {.gradients = true, .joint = true});
  EXPECT_NEAR(posterior->mean()(0, 0), 5.0, 0.2);
  EXPECT_DOUBLE_EQ(posterior->mean()(0, 0), posterior->mean()(1, 0));
  EXPECT_NEAR(posterior->mean()(2, 0), 15.0, 0.2);
  EXPECT_NEAR(posterior->mean()(3, 0), 10.0, 0.5);  // never seen: the mean of all, with the spread of all
  using surrogate::VarianceOf;
  EXPECT_NEAR(posterior->variance(VarianceOf::reading)(0, 0), 0.34, 0.08);
  EXPECT_GT(posterior->variance(VarianceOf::latent)(3, 0), 20.0);
  const Eigen::MatrixXd covariance = posterior->covariance(0, VarianceOf::latent);
  EXPECT_DOUBLE_EQ(covariance(0, 1), covariance(0, 0));
  EXPECT_DOUBLE_EQ(covariance(0, 2), 0.0);
  EXPECT_DOUBLE_EQ(posterior->mean_gradient(0).norm(), 0.0);
}

TEST(Evaluate, GrossErrorsAreSetAsideInOneColumnOnly) {
  features::Dataset data = simulate(world, core::RandomKey(6));
  data.Y(100, 0) = 1000.0;
  const Evaluation evaluation =
      evaluate(data, {line("line", 0.05, 0.5, 0.3)}, core::RandomKey(7), {.baselines = false});
  const ResponseEvaluation& model = evaluation.contenders.front().responses.front();
  EXPECT_EQ(evaluation.weights.front()(100), 0.0);
  EXPECT_GT(model.all.pooled.rmse, 30.0);
  EXPECT_EQ(model.all.pooled.readings, model.without_gross.pooled.readings + 1.0);
  EXPECT_LT(evaluation.ceilings.front().rmse, 1.0);
}

TEST(Evaluate, RepeatsDealTheGroupsAnew) {
  const features::Dataset data = simulate({.groups = 20}, core::RandomKey(8));
  const Evaluation evaluation = evaluate(data, {line("line", 0.05, 0.5, 0.3)}, core::RandomKey(9),
                                         {.folds = 4, .repeats = 3, .baselines = false});
  const ScoreSummary& scores = evaluation.contenders.front().responses.front().all;
  ASSERT_EQ(scores.folds.size(), 12U);
  EXPECT_NE(scores.folds[0].rmse, scores.folds[4].rmse);
  EXPECT_GT(scores.repeat_sd.rmse, 0.0);
  EXPECT_GT(scores.standard_error.rmse, scores.repeat_sd.rmse);  // folds differ more than deals of the same groups
  double mean = 0.0;
  for (const Scores& fold : scores.folds) mean += fold.rmse / 12.0;
  EXPECT_NEAR(scores.mean.rmse, mean, 1e-12);
}

TEST(Evaluate, RefusesOptionsOutOfRange) {
  const features::Dataset data = simulate({.groups = 4}, core::RandomKey(10));
  const Contender a = line("a", 0.1, 0.1, 0.1);
  EXPECT_THROW((void)evaluate(data, {a}, core::RandomKey(0), {.folds = 1}), core::ConfigurationError);
  EXPECT_THROW((void)evaluate(data, {a}, core::RandomKey(0), {.folds = 5}), core::DataError);
  EXPECT_THROW((void)evaluate(data, {a}, core::RandomKey(0), {.folds = 2, .repeats = 0}), core::ConfigurationError);
}

TEST(NoiseCeiling, SaysWhatItCannotKnow) {
  const World once{.groups = 30, .runs = 1, .readings = 4};
  const Evaluation evaluation = evaluate(simulate(once, core::RandomKey(11)), {line("a", 0.1, 0.5, 0.3)},
                                         core::RandomKey(0), {.baselines = false});
  EXPECT_FALSE(evaluation.ceilings.front().complete);
  EXPECT_NEAR(evaluation.ceilings.front().rmse, 0.3, 0.06);
  const features::NoiseEstimate nothing{
      .within_sd = process::no_number, .within_dof = 0, .between_sd = process::no_number, .between_dof = 0};
  EXPECT_TRUE(std::isnan(noise_ceiling(nothing, 1.0).rmse));
}

TEST(ModelCard, HoldsWhatTheEvaluationFound) {
  features::Dataset data = simulate({.groups = 6, .runs = 1, .readings = 5}, core::RandomKey(12));
  data.Y(3, 0) = 500.0;
  const ModelCard card = make_card(
      data, evaluate(data, {line("line", 0.1, 0.5, 0.3)}, core::RandomKey(13), {.folds = 3, .baselines = false}));
  EXPECT_EQ(card.surrogate, "line");
  EXPECT_EQ(card.data.readings, 30);
  EXPECT_EQ(card.data.inputs, (std::vector<std::string>{"x"}));
  ASSERT_EQ(card.responses.size(), 1U);
  EXPECT_EQ(card.responses[0].gross_errors, 1);
  ASSERT_EQ(card.responses[0].scores.size(), 2U);
  ASSERT_EQ(card.why.size(), 3U);  // a gross error, few groups, no repeated run
  EXPECT_NE(card.why[0].find("gross error"), std::string::npos) << card.why[0];
  EXPECT_NE(card.why[1].find("only 6 groups"), std::string::npos) << card.why[1];
  EXPECT_NE(card.why[2].find("ever run twice"), std::string::npos) << card.why[2];
}

TEST(ModelCard, SurvivesJson) {
  const features::Dataset data = simulate({.groups = 8}, core::RandomKey(14));
  ModelCard card = make_card(
      data, evaluate(data, {line("line", 0.1, 0.5, 0.3)}, core::RandomKey(15), {.folds = 4, .baselines = false}));
  card.process = "turning";
  card.responses[0].hyperparameters = {{"length_scale.x", 0.7}};
  const core::Json json = card.to_json();
  const ModelCard read = ModelCard::from_json(core::Json::parse(json.dump()));
  EXPECT_EQ(read.to_json().dump(), json.dump());
  EXPECT_EQ(read.responses[0].hyperparameters, card.responses[0].hyperparameters);
  core::Json newer = json;
  newer.set("card_version", 2);
  EXPECT_THROW((void)ModelCard::from_json(newer), core::DataError);
  core::Json broken = core::Json::object();
  EXPECT_THROW((void)ModelCard::from_json(broken), core::DataError);
}

TEST(DataDigest, ChangesWithEveryPart) {
  const features::Dataset data = simulate({.groups = 3}, core::RandomKey(16));
  std::set<std::string> digests{data_digest(data)};
  features::Dataset changed = data;
  changed.Y(0, 0) += 1e-12;
  digests.insert(data_digest(changed));
  changed = data;
  changed.X(0, 0) += 1e-12;
  digests.insert(data_digest(changed));
  changed = data;
  changed.group[0] = 1;
  digests.insert(data_digest(changed));
  changed = data;
  changed.run_ids[0] = "other";
  digests.insert(data_digest(changed));
  EXPECT_EQ(digests.size(), 5U);
  EXPECT_EQ(data_digest(data), data_digest(features::Dataset(data)));
}

TEST(Evaluate, FoldFitsAreThoseThatAContenderIsAskedFor) {
  const features::Dataset data = simulate({.groups = 9, .runs = 2, .readings = 2}, core::RandomKey(4));
  const EvaluationOptions options{.folds = 3, .repeats = 2, .threads = 1};
  std::vector<std::pair<std::uint64_t, std::vector<std::string>>> asked;
  const Contender spy{.name = "spy",
                      .make = [&](const features::Dataset& part, core::RandomKey key, const core::CallControl&) {
                        asked.emplace_back(key.value(), part.run_ids);
                        return std::make_shared<const testing::Line>(part, 0.1, 0.1, 0.1);
                      }};
  const Evaluation evaluation =
      evaluate(data, {testing::line("other", 0.1, 0.1, 0.1), spy}, core::RandomKey(8), options);
  const std::vector<FoldFit> fits = fold_fits(data, "spy", core::RandomKey(8), options);
  ASSERT_EQ(fits.size(), 6U);
  ASSERT_EQ(asked.size(), 6U);
  for (std::size_t k = 0; k < fits.size(); ++k) {
    EXPECT_EQ(fits[k].key.value(), asked[k].first);
    EXPECT_EQ(data.subset(fits[k].train).run_ids, asked[k].second);
    EXPECT_EQ(fits[k].repeat, static_cast<int>(k / 3));
    EXPECT_EQ(fits[k].fold, static_cast<int>(k % 3));
  }
  const Evaluation led = evaluation.led_by("spy");
  EXPECT_EQ(led.contenders[0].name, "spy");
  EXPECT_EQ(led.contenders[1].name, "other");
  EXPECT_EQ(led.contenders[2].name, evaluation.contenders[2].name);
  EXPECT_THROW(static_cast<void>(evaluation.led_by("nobody")), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::evaluation
