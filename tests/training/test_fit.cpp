#include <luban/training/neural_ensemble_fit.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <stop_token>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

#include "../core/folder.hpp"
#include "hand_made.hpp"

namespace luban::training {
namespace {

namespace test = surrogate::test;
using core::testing::Folder;
using surrogate::VarianceOf;

features::Dataset data(int runs = 40) {
  return test::make({.variables = {test::numeric("feed"), test::numeric("speed"), test::categorical("material", 2)},
                     .runs = runs,
                     .repeats = 3,
                     .responses = 2,
                     .run_sd = 0.1,
                     .reading_sd = 0.2});
}

NeuralEnsembleOptions quick() {
  return {.members = 3, .hidden = {16, 16}, .epochs = 30, .patience = 30};
}

Eigen::MatrixXd means(const NeuralEnsembleFit& fit) {
  return fit.ensemble->posterior(test::random_inputs(fit.ensemble->encoder(), 30, 5))->mean();
}

TEST(fit_neural_ensemble, learns_a_smooth_function_and_its_noise) {
  const features::Dataset many = data(150);
  const NeuralEnsembleFit fit = fit_neural_ensemble(many, {.members = 4, .hidden = {32, 32}}, core::RandomKey(1));
  const Eigen::MatrixXd X = test::random_inputs(many.encoder, 300, 77);
  const auto posterior = fit.ensemble->posterior(X);
  double error = 0.0;
  double total = 0.0;
  const double centre = many.Y.col(0).mean();
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const double truth = test::truth(X.row(i), 0);
    error += std::pow(posterior->mean()(i, 0) - truth, 2);
    total += std::pow(truth - centre, 2);
  }
  EXPECT_LT(error, 0.03 * total);
  const double noise =
      (posterior->variance(VarianceOf::reading) - posterior->variance(VarianceOf::latent)).col(0).mean();
  EXPECT_NEAR(std::sqrt(noise), std::hypot(0.1, 0.2), 0.05);
  EXPECT_NEAR(fit.ensemble->scaling().between_share(0), 0.01 / 0.05, 0.15);
  for (const MemberReport& report : fit.reports) {
    EXPECT_LE(report.best_epoch, report.epochs);
    EXPECT_FALSE(report.validation_groups.empty());
  }
}

TEST(fit_neural_ensemble, is_the_same_on_any_number_of_threads) {
  NeuralEnsembleOptions one = quick();
  one.threads = 1;
  NeuralEnsembleOptions two = quick();
  two.threads = 2;
  EXPECT_EQ(means(fit_neural_ensemble(data(), one, core::RandomKey(3))),
            means(fit_neural_ensemble(data(), two, core::RandomKey(3))));
  EXPECT_NE(means(fit_neural_ensemble(data(), one, core::RandomKey(3))),
            means(fit_neural_ensemble(data(), one, core::RandomKey(4))));
}

TEST(fit_neural_ensemble, missing_values_count_nothing) {
  features::Dataset some = data();
  for (Eigen::Index i = 0; i < some.n(); i += 2) some.Y(i, 1) = std::numeric_limits<double>::quiet_NaN();
  const NeuralEnsembleFit fit = fit_neural_ensemble(some, quick(), core::RandomKey(1));
  EXPECT_TRUE(means(fit).allFinite());
}

TEST(fit_neural_ensemble, goes_on_where_it_was_stopped_to_the_same_bits) {
  const features::Dataset of = data();
  const Eigen::MatrixXd whole = means(fit_neural_ensemble(of, quick(), core::RandomKey(9)));
  const Folder folder;
  const CheckpointOptions keep{.folder = folder.path()};
  int calls = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::stop_source source;
    int seen = 0;
    core::CallControl control{.stop = source.get_token(), .progress = [&](const core::Progress&) {
                                if (++seen >= 7) source.request_stop();
                              }};
    ++calls;
    try {
      const NeuralEnsembleFit fit = fit_neural_ensemble(of, quick(), core::RandomKey(9), control, keep);
      EXPECT_EQ(means(fit), whole);
      EXPECT_GT(calls, 3) << "it was never stopped";
      return;
    } catch (const core::StoppedError&) {
    }
  }
  FAIL() << "it never came to an end";
}

TEST(fit_neural_ensemble, takes_up_nothing_foreign_and_names_damage) {
  const Folder folder;
  const CheckpointOptions keep{.folder = folder.path()};
  const Eigen::MatrixXd first = means(fit_neural_ensemble(data(), quick(), core::RandomKey(1), {}, keep));
  EXPECT_EQ(means(fit_neural_ensemble(data(), quick(), core::RandomKey(1), {}, keep)), first);
  EXPECT_EQ(means(fit_neural_ensemble(data(41), quick(), core::RandomKey(1), {}, keep)),
            means(fit_neural_ensemble(data(41), quick(), core::RandomKey(1))));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::filesystem::resize_file(entry.path(), std::filesystem::file_size(entry.path()) / 2);
  }
  EXPECT_THROW(static_cast<void>(fit_neural_ensemble(data(), quick(), core::RandomKey(1), {}, keep)),
               core::IntegrityError);
}

TEST(fit_neural_ensemble, refuses_what_cannot_be) {
  const auto with = [](auto change) {
    NeuralEnsembleOptions options = quick();
    change(options);
    return options;
  };
  using Options = NeuralEnsembleOptions;
  for (const Options& wrong :
       {with([](Options& o) { o.members = 1; }), with([](Options& o) { o.hidden = {}; }),
        with([](Options& o) { o.hidden = {0}; }), with([](Options& o) { o.epochs = 0; }),
        with([](Options& o) { o.learning_rate = 0.0; }), with([](Options& o) { o.validation_share = 0.9; }),
        with([](Options& o) { o.precision = "float16"; }), with([](Options& o) { o.device = "abacus"; }),
        with([](Options& o) { o.beta = std::nan(""); })}) {
    EXPECT_THROW(static_cast<void>(fit_neural_ensemble(data(), wrong, core::RandomKey(1))), core::ConfigurationError);
  }
  features::Dataset two = test::make({.runs = 2});
  EXPECT_THROW(static_cast<void>(fit_neural_ensemble(two, quick(), core::RandomKey(1))), core::DataError);
}

}  // namespace
}  // namespace luban::training
