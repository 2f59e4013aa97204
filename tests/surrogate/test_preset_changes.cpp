// What presets are given beside what they are: bent inputs, learned places of categories, forgetting, tasks.
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/presets.hpp>

#include "streaming.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

GaussianProcessOptions options_of(const Preset& preset) {
  return {.preset = preset.name, .robust = false, .model = preset.model};
}

double error_at(const Surrogate& surrogate, const MatrixXd& X, const VectorXd& truth) {
  return std::sqrt((surrogate.posterior(X)->mean().col(0) - truth).squaredNorm() / static_cast<double>(X.rows()));
}

TEST(preset_changes, of_nothing_change_nothing_and_names_tell_the_rest) {
  const Preset base = preset("luban", 2, 1);
  EXPECT_EQ(to_json(changed(base, {}).model).dump(), to_json(base.model).dump());
  EXPECT_EQ(changed(base, {.warped = true, .embedded = true, .forgetting = "day", .tasks = "product"}).name,
            "luban+warped+embedded+tasks:product+forgetting:day");
  EXPECT_THROW(static_cast<void>(changed(base, {.embedded = true, .embedding_rank = -1})), core::ConfigurationError);
  for (const double wrong : {-0.1, 1.0, std::nan("")}) {
    EXPECT_THROW(static_cast<void>(changed(base, {.forgetting = "day", .forgotten = wrong})), core::ConfigurationError);
  }
}

TEST(preset_changes, of_every_preset_fit_and_come_back_from_a_file) {
  const features::Dataset data =
      test::make({.variables = {test::numeric("feed"), test::numeric("day"), test::categorical("material", 3),
                                test::categorical("product", 2)},
                  .runs = 20});
  for (const Preset& base : presets(2, 2)) {
    const Preset all = changed(base, {.warped = true, .embedded = true, .forgetting = "day", .tasks = "product"});
    GaussianProcessOptions options = options_of(all);
    options.starts = 1;
    options.max_iterations = 5;
    const auto fitted = GaussianProcess::fit(data, options, core::RandomKey(1));
    EXPECT_EQ(fitted->preset(), all.name);
    Artefact artefact;
    fitted->write(artefact);
    const MatrixXd X = test::random_inputs(data.encoder, 5, 8);
    EXPECT_EQ(GaussianProcess::read(artefact)->posterior(X)->mean(), fitted->posterior(X)->mean()) << base.name;
  }
}

TEST(preset_changes, of_every_kind_take_new_runs_as_if_they_had_known_them) {
  features::Dataset all = test::make(test::three_levels());
  const PresetChanges everything{.warped = true,
                                 .embedded = true,
                                 .forgetting = "speed",
                                 .noise_varies = true,
                                 .noise_inputs = {"feed", "position"},
                                 .tasks = "material"};
  const Preset base = changed(preset("matern_legacy", 2, 2), everything);
  const features::Dataset begun = test::readings(all, test::between(0, 41));
  GaussianProcessOptions options = options_of(base);
  options.starts = 1;
  options.max_iterations = 10;
  const auto fit = GaussianProcess::fit(begun, options, core::RandomKey(5));
  const auto now = fit->condition_on(test::readings(all, test::between(41, all.n())));
  for (Index r = 0; r < 2; ++r) {
    const auto twin = test::anew(*fit, begun, all, r, base.model);
    EXPECT_LT(test::difference(*now, *twin, r), 1e-7);
    detail::LogPosterior::Workspace work;
    EXPECT_NEAR(now->reports()[static_cast<std::size_t>(r)].log_likelihood,
                twin->target().value(twin->theta(), work).log_likelihood, 1e-6);
  }
  // Left out alone, the noise of a run is that of its place.
  const LeftOut left = now->left_out({})[0];
  EXPECT_GT((left.variance - left.latent_variance).minCoeff(), 0.0);
  EXPECT_GT((left.variance - left.latent_variance).maxCoeff(),
            1.0001 * (left.variance - left.latent_variance).minCoeff());
}

TEST(preset_changes, of_inputs_that_do_not_exist_are_refused) {
  const features::Dataset data = test::make({.runs = 8});
  EXPECT_THROW(static_cast<void>(GaussianProcess::fit(
                   data, options_of(changed(preset("matern", 2, 1), {.forgetting = "dya"})), core::RandomKey(1))),
               core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(GaussianProcess::fit(
                   data, options_of(changed(preset("matern", 2, 1), {.tasks = "feed"})), core::RandomKey(1))),
               core::ConfigurationError)
      << "a numeric input has no tasks";
}

// Eight categories of two kinds: learned places tell that categories of a kind are alike, a length cannot.
TEST(embedded, categories_of_a_kind_are_found_alike) {
  features::Dataset data =
      test::make({.variables = {test::numeric("feed"), test::categorical("supplier", 8)}, .runs = 60});
  const auto truth = [](const VectorXd& x) {
    return static_cast<int>(x(1)) % 2 == 0 ? std::sin(5.0 * x(0)) : std::cos(5.0 * x(0)) + 1.0;
  };
  core::Generator generator(3);
  for (Index i = 0; i < data.n(); ++i) data.Y(i, 0) = truth(data.X.row(i)) + 0.05 * generator.normal();
  const MatrixXd X = test::random_inputs(data.encoder, 200, 77);
  VectorXd expected(X.rows());
  for (Index i = 0; i < X.rows(); ++i) expected(i) = truth(X.row(i));
  const Preset base = preset("matern_legacy", 1, 1);
  const auto plain = GaussianProcess::fit(data, options_of(base), core::RandomKey(1));
  const auto embedded = GaussianProcess::fit(data, options_of(changed(base, {.embedded = true})), core::RandomKey(1));
  EXPECT_LT(error_at(*embedded, X, expected), 0.7 * error_at(*plain, X, expected));
}

// The optimum moves with the day. What is long ago counts less: the last days are predicted better.
TEST(forgetting, follows_a_response_that_drifts) {
  features::EncodedVariable day = test::numeric("day");
  day.high = 60.0;
  features::Dataset data = test::make({.variables = {test::numeric("feed"), day}, .runs = 60});
  core::Generator generator(5);
  VectorXd walk = VectorXd::Zero(62);
  for (Index t = 1; t < walk.size(); ++t) walk(t) = walk(t - 1) + 0.15 * generator.normal();
  for (Index i = 0; i < data.n(); ++i) {
    data.X(i, 1) = static_cast<double>(i) / 60.0;
    data.Y(i, 0) = std::sin(4.0 * data.X(i, 0)) + walk(i) + 0.05 * generator.normal();
  }
  const auto fitted = GaussianProcess::fit(
      data, options_of(changed(preset("matern_legacy", 2, 0), {.forgetting = "day"})), core::RandomKey(1));
  features::Dataset blind = data;
  blind.X.col(1).setZero();
  const auto without = GaussianProcess::fit(blind, options_of(preset("matern_legacy", 2, 0)), core::RandomKey(1));
  MatrixXd X(20, 2);
  X.col(0) = VectorXd::LinSpaced(20, 0.0, 1.0);
  X.col(1).setConstant(1.0);
  MatrixXd blind_X = X;
  blind_X.col(1).setZero();
  const VectorXd truth = (4.0 * X.col(0).array()).sin() + walk(60);
  EXPECT_LT(error_at(*fitted, X, truth), 0.7 * error_at(*without, blind_X, truth));
  const auto fixed = GaussianProcess::fit(
      data, options_of(changed(preset("matern_legacy", 2, 0), {.forgetting = "day", .forgotten = 0.03})),
      core::RandomKey(1));
  bool found = false;
  for (std::size_t k = 0; k < fixed->reports()[0].hyperparameter_names.size(); ++k) {
    if (fixed->reports()[0].hyperparameter_names[k] != "log_forgotten:time:day") continue;
    EXPECT_NEAR(std::exp(fixed->reports()[0].hyperparameters(static_cast<Index>(k))), 0.03, 1e-12);
    found = true;
  }
  EXPECT_TRUE(found);
}

// Forty runs of one product and five of another whose response is the same, shifted and stretched.
TEST(tasks, one_with_few_runs_borrows_from_one_with_many) {
  features::Dataset data =
      test::make({.variables = {test::numeric("feed"), test::categorical("product", 2)}, .runs = 45});
  const auto truth = [](double x, double product) {
    const double common = std::sin(7.0 * x) + x;
    return product == 0.0 ? common : 1.4 * common + 0.8;
  };
  core::Generator generator(9);
  for (Index i = 0; i < data.n(); ++i) {
    data.X(i, 1) = i < 40 ? 0.0 : 1.0;
    data.Y(i, 0) = truth(data.X(i, 0), data.X(i, 1)) + 0.05 * generator.normal();
  }
  MatrixXd X(40, 2);
  X.col(0) = VectorXd::LinSpaced(40, 0.0, 1.0);
  X.col(1).setOnes();
  VectorXd expected(40);
  for (Index i = 0; i < 40; ++i) expected(i) = truth(X(i, 0), 1.0);
  const Preset base = preset("matern_legacy", 1, 1);
  const auto shared = GaussianProcess::fit(data, options_of(changed(base, {.tasks = "product"})), core::RandomKey(1));
  const features::Dataset few = data.subset({40, 41, 42, 43, 44});
  const auto alone = GaussianProcess::fit(few, options_of(base), core::RandomKey(1));
  EXPECT_LT(error_at(*shared, X, expected), 0.5 * error_at(*alone, X, expected));
}

}  // namespace
}  // namespace luban::surrogate
