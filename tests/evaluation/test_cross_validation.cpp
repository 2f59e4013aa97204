#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>

#include <luban/core/error.hpp>
#include <luban/evaluation/cross_validation.hpp>

#include "support.hpp"

namespace luban::evaluation {
namespace {

using testing::line;
using testing::simulate;
using testing::World;

const World small{.groups = 10, .runs = 2, .readings = 3};

TEST(CrossValidation, NobodyLearnsFromTheGroupsItPredicts) {
  const features::Dataset data = simulate(small, core::RandomKey(1));
  const auto folds = features::group_folds(data, 5, core::RandomKey(1));
  std::mutex guard;
  std::vector<std::set<std::string>> learned_from;
  const Contender spy{.name = "spy",
                      .make = [&](const features::Dataset& part, core::RandomKey, const core::CallControl&) {
                        const std::lock_guard lock(guard);
                        learned_from.emplace_back(part.run_ids.begin(), part.run_ids.end());
                        return std::make_shared<const testing::Line>(part, 0.1, 0.1, 0.1);
                      }};
  const OutOfFold answer = cross_validate(data, {spy}, folds, core::RandomKey(1), {.threads = 1}).front();
  ASSERT_EQ(learned_from.size(), 5U);
  for (std::size_t f = 0; f < 5; ++f) {
    EXPECT_EQ(learned_from[f].size(), folds[f].train.size());
    for (const std::int32_t run : folds[f].test) {
      EXPECT_EQ(learned_from[f].count(data.run_ids[static_cast<std::size_t>(run)]), 0U);
    }
  }
  EXPECT_FALSE(answer.mean.array().isNaN().any());
  EXPECT_GE(answer.fold.minCoeff(), 0);
}

TEST(CrossValidation, EqualsFittingByHand) {
  const features::Dataset data = simulate(small, core::RandomKey(2));
  const auto folds = features::group_folds(data, 2, core::RandomKey(2));
  const OutOfFold answer = cross_validate(data, {line("a", 0.3, 0.4, 1.2)}, folds, core::RandomKey(0)).front();
  const features::Dataset train = data.subset(folds[1].train);
  const testing::Line by_hand(train, 0.3, 0.4, 1.2);
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    if (answer.fold(i) != 1) continue;
    const auto posterior = by_hand.posterior(data.X.row(i), {});
    EXPECT_DOUBLE_EQ(answer.mean(i, 0), posterior->mean()(0, 0));
    EXPECT_NEAR(answer.sd_latent(i, 0), 0.3, 1e-12);
    EXPECT_NEAR(answer.sd_run_mean(i, 0), 0.5, 1e-12);
    EXPECT_NEAR(answer.sd_reading(i, 0), 1.3, 1e-12);
    EXPECT_NEAR(answer.lower[2](i, 0), answer.mean(i, 0) - 1.3 * 1.6448536269514722, 1e-9);
    EXPECT_NEAR(answer.upper[0](i, 0), answer.mean(i, 0) + 1.3 * 0.6744897501960817, 1e-9);
    EXPECT_NEAR(answer.training_mean(i, 0), train.Y.mean(), 1e-12);
  }
}

TEST(CrossValidation, ThreadsAndCompanyChangeNothing) {
  const features::Dataset data = simulate(small, core::RandomKey(3));
  const auto folds = features::group_folds(data, 5, core::RandomKey(3));
  const auto random_line = [](std::string name) {
    return Contender{.name = std::move(name),
                     .make = [](const features::Dataset& part, core::RandomKey key, const core::CallControl&) {
                       return std::make_shared<const testing::Line>(part, key.generator().uniform(), 0.1, 0.1);
                     }};
  };
  const auto alone = cross_validate(data, {random_line("a")}, folds, core::RandomKey(3), {.threads = 1});
  const auto together =
      cross_validate(data, {random_line("b"), random_line("a")}, folds, core::RandomKey(3), {.threads = 4});
  EXPECT_EQ(alone[0].sd_reading, together[1].sd_reading);
  EXPECT_EQ(alone[0].log_density, together[1].log_density);
  EXPECT_NE(together[0].sd_reading, together[1].sd_reading);
}

TEST(CrossValidation, TrainingMeansLeaveOutWhatHasNoWeight) {
  features::Dataset data = simulate(small, core::RandomKey(4));
  data.Y(0, 0) = 1e6;
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(data.n());
  weights(0) = 0.0;
  const auto folds = features::group_folds(data, 2, core::RandomKey(4));
  const auto answer =
      cross_validate(data, {line("a", 0.1, 0.1, 0.1)}, folds, core::RandomKey(4), {.weights = {weights}});
  EXPECT_LT(answer[0].training_mean.maxCoeff(), 100.0);
}

TEST(CrossValidation, ReadingsInNoFoldStayUnknown) {
  const features::Dataset data = simulate(small, core::RandomKey(5));
  auto folds = features::group_folds(data, 5, core::RandomKey(5));
  folds.pop_back();
  const auto answer = cross_validate(data, {line("a", 0.1, 0.1, 0.1)}, folds, core::RandomKey(5));
  EXPECT_EQ(answer[0].mean.array().isNaN().count(), data.n() / 5);
  EXPECT_EQ((answer[0].fold.array() == -1).count(), data.n() / 5);
}

TEST(CrossValidation, RefusesWhatMakesNoSense) {
  const features::Dataset data = simulate(small, core::RandomKey(6));
  auto folds = features::group_folds(data, 5, core::RandomKey(6));
  const Contender a = line("a", 0.1, 0.1, 0.1);
  EXPECT_THROW((void)cross_validate(data, {}, folds, core::RandomKey(0)), core::ConfigurationError);
  EXPECT_THROW((void)cross_validate(data, {a, a}, folds, core::RandomKey(0)), core::ConfigurationError);
  EXPECT_THROW((void)cross_validate(data, {a}, {}, core::RandomKey(0)), core::ConfigurationError);
  folds[0].test = folds[1].test;
  EXPECT_THROW((void)cross_validate(data, {a}, folds, core::RandomKey(0)), core::ConfigurationError);
}

TEST(CrossValidation, AFailureAndAStopArriveWhole) {
  const features::Dataset data = simulate(small, core::RandomKey(7));
  const auto folds = features::group_folds(data, 5, core::RandomKey(7));
  const Contender broken{
      .name = "broken",
      .make = [](const features::Dataset&, core::RandomKey,
                 const core::CallControl&) -> std::shared_ptr<const surrogate::Surrogate> {
        throw core::NumericalError({.where = "test", .expected = "a", .received = "b", .place = {}, .hint = {}});
      }};
  EXPECT_THROW((void)cross_validate(data, {broken}, folds, core::RandomKey(0), {.threads = 4}), core::NumericalError);
  std::stop_source stop;
  core::CallControl control{.stop = stop.get_token(), .progress = [&](const core::Progress& now) {
                              if (now.done == 2) stop.request_stop();
                            }};
  EXPECT_THROW(
      (void)cross_validate(data, {line("a", 0.1, 0.1, 0.1)}, folds, core::RandomKey(0), {.threads = 1}, control),
      core::StoppedError);
}

}  // namespace
}  // namespace luban::evaluation
