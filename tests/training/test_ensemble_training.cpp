#include <luban/training/ensemble_training.hpp>

#include <filesystem>
#include <fstream>
#include <stop_token>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "../core/folder.hpp"
#include "hand_made.hpp"

namespace luban::training {
namespace {

namespace test = surrogate::test;
using core::testing::Folder;

features::Dataset data(int runs = 40) {
  return test::make({.variables = {test::numeric("feed"), test::categorical("material", 2)},
                     .runs = runs,
                     .repeats = 3,
                     .responses = 2,
                     .run_sd = 0.1,
                     .reading_sd = 0.2});
}

NeuralEnsembleOptions quick() {
  return {.members = 3, .hidden = {16, 16}, .epochs = 30, .patience = 30};
}

std::shared_ptr<const EnsembleTraining> training(std::uint64_t key = 5, int runs = 40) {
  return std::make_shared<const EnsembleTraining>(data(runs), quick(), core::RandomKey(key));
}

std::string bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ensemble_training, members_trained_apart_make_the_same_ensemble) {
  const auto of = training();
  const Folder together;
  const Folder apart;
  const NeuralEnsembleFit whole =
      fit_neural_ensemble(data(), quick(), core::RandomKey(5), {}, {.folder = together.path()});
  for (const int member : {2, 0, 1}) {
    EXPECT_FALSE(of->finished(member, apart.path()));
    train_networks({{.training = of, .member = member}}, {.folder = apart.path()}, 1);
    EXPECT_TRUE(of->finished(member, apart.path()));
    EXPECT_EQ(bytes(apart.path() / of->file_name(member)), bytes(together.path() / of->file_name(member)));
  }
  const NeuralEnsembleFit joined =
      fit_neural_ensemble(data(), quick(), core::RandomKey(5), {}, {.folder = apart.path()});
  const Eigen::MatrixXd X = test::random_inputs(whole.ensemble->encoder(), 20, 3);
  EXPECT_EQ(joined.ensemble->posterior(X)->mean(), whole.ensemble->posterior(X)->mean());
}

TEST(ensemble_training, names_tell_apart_what_members_depend_on) {
  EXPECT_EQ(training()->file_name(1), training()->file_name(1));
  EXPECT_NE(training()->file_name(1), training()->file_name(2));
  EXPECT_NE(training(5)->file_name(1), training(6)->file_name(1));
  EXPECT_NE(training(5, 40)->file_name(1), training(5, 41)->file_name(1));
  NeuralEnsembleOptions more = quick();
  more.members = 5;  // the first members of a larger ensemble are the same
  EXPECT_EQ(EnsembleTraining(data(), more, core::RandomKey(5)).file_name(1), training()->file_name(1));
}

TEST(ensemble_training, several_ensembles_at_a_time_stop_and_go_on_to_the_same_bits) {
  const std::vector<NetworkUnit> units{{training(1), 0}, {training(2), 1}, {training(1), 2}, {training(2), 0}};
  const Folder straight;
  train_networks(units, {.folder = straight.path()}, 2);
  const Folder halting;
  bool ended = false;
  for (int attempt = 0; attempt < 200 && !ended; ++attempt) {
    std::stop_source source;
    int seen = 0;
    const core::CallControl control{.stop = source.get_token(), .progress = [&](const core::Progress&) {
                                      if (++seen >= 9) source.request_stop();
                                    }};
    try {
      train_networks(units, {.folder = halting.path()}, 2, control);
      EXPECT_GT(attempt, 2) << "it was never stopped";
      ended = true;
    } catch (const core::StoppedError&) {
    }
  }
  ASSERT_TRUE(ended);
  for (const NetworkUnit& unit : units) {
    const std::string name = unit.training->file_name(unit.member);
    EXPECT_EQ(bytes(halting.path() / name), bytes(straight.path() / name));
  }
}

TEST(ensemble_training, pauses_after_an_epoch_and_goes_on_to_the_same_bits) {
  const std::vector<NetworkUnit> units{{training(1), 0}, {training(1), 1}};
  const Folder straight;
  train_networks(units, {.folder = straight.path()}, 2);
  const Folder halting;
  int calls = 0;
  while (!units[0].training->finished(0, halting.path()) || !units[0].training->finished(1, halting.path())) {
    ASSERT_LT(++calls, 200) << "it never came to an end";
    train_networks(units, {.folder = halting.path()}, 2, {}, core::Nanoseconds(2'000'000));
  }
  EXPECT_GT(calls, 2) << "it never paused";
  for (const NetworkUnit& unit : units) {
    const std::string name = unit.training->file_name(unit.member);
    EXPECT_EQ(bytes(halting.path() / name), bytes(straight.path() / name));
  }
}

TEST(ensemble_training, refuses_members_that_are_none_and_no_folder) {
  const Folder folder;
  EXPECT_THROW(train_networks({{training(), 3}}, {.folder = folder.path()}), core::ConfigurationError);
  EXPECT_THROW(train_networks({{training(), -1}}, {.folder = folder.path()}), core::ConfigurationError);
  EXPECT_THROW(train_networks({{training(), 0}}, {}), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::training
