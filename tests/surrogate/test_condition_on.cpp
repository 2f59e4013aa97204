#include <cmath>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/grown_factor.hpp>
#include <luban/surrogate/detail/rank_one.hpp>

#include "streaming.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

constexpr double precise = 1e-8;

const std::vector<std::string> presets_looked_at = {"luban", "hvarfner", "matern_legacy", "optuna"};

TEST(condition_on, is_the_posterior_of_all_readings) {
  features::Dataset all = test::make(test::three_levels());
  all.Y(41, 0) = std::numeric_limits<double>::quiet_NaN();
  all.Y(60, 1) = std::numeric_limits<double>::quiet_NaN();
  // The first part has some cells half read, so that later readings repeat a mean, open a point or open a run.
  std::vector<Index> first;
  std::vector<Index> later;
  for (Index i = 0; i < all.n(); ++i) (i < 40 && i % 7 != 3 ? first : later).push_back(i);
  for (const std::string& preset : presets_looked_at) {
    const features::Dataset begun = test::readings(all, first);
    const auto fit = test::fitted(begun, preset);
    auto now = fit;
    const auto count = static_cast<Index>(later.size());
    for (Index i = 0; i < count;) {  // one reading, then pieces of any size
      const Index end = std::min(count, i == 0 ? 1 : i + 1 + i % 5);
      now = now->condition_on(test::readings(all, {later.begin() + i, later.begin() + end}));
      i = end;
    }
    for (Index r = 0; r < 2; ++r) {
      const auto twin = test::anew(*fit, begun, all, r);
      EXPECT_LT(test::difference(*now, *twin, r), precise) << preset;
      detail::LogPosterior::Workspace work;
      const auto value = twin->target().value(twin->theta(), work);
      const FitReport& report = now->reports()[static_cast<std::size_t>(r)];
      EXPECT_NEAR(report.log_likelihood, value.log_likelihood, 1e-6) << preset;
      EXPECT_NEAR(report.log_posterior, value.log_posterior, 1e-6) << preset;
      EXPECT_EQ(report.readings, all.n() - 1);
      EXPECT_EQ(report.points, twin->target().data().u());
      EXPECT_EQ(report.runs, 16);
    }
    EXPECT_EQ(fit->reports()[0].readings, static_cast<Index>(first.size()));  // untouched
  }
}

TEST(condition_on, noise_may_change_with_the_inputs) {
  const features::Dataset all = test::make(test::three_levels());
  std::vector<Index> first;
  std::vector<Index> later;
  for (Index i = 0; i < all.n(); ++i) (i < 40 && i % 7 != 3 ? first : later).push_back(i);
  const features::Dataset begun = test::readings(all, first);
  ModelSpec model = preset("luban", 2, 2).model;
  model.noise_profile = {.used = true, .ratio = {.prior = {}, .low = 0.05, .high = 20.0, .start = 3.0}};
  const auto fit = GaussianProcess::fit(begun, {.starts = 1, .max_iterations = 5, .robust = false, .model = model},
                                        core::RandomKey(2));
  const features::Dataset added = test::readings(all, later);
  const auto now = fit->condition_on(added);
  features::Dataset shifted = added;
  shifted.Y.array() += 0.7;
  const auto other = fit->condition_on(shifted);
  const auto a = fit->innovations(added);
  const auto b = fit->innovations(shifted);
  const auto left = now->left_out({{"run 2", "run 3"}});
  const auto rest = now->forget({"run 2", "run 3"});
  for (std::size_t r = 0; r < 2; ++r) {
    const auto at = static_cast<Index>(r);
    const auto twin = test::anew(*fit, begun, all, at, model);
    EXPECT_LT(test::difference(*now, *twin, at), precise);
    detail::LogPosterior::Workspace work;
    EXPECT_NEAR(now->reports()[r].log_likelihood, twin->target().value(twin->theta(), work).log_likelihood, 1e-6);
    const double gained = now->reports()[r].log_likelihood - other->reports()[r].log_likelihood;
    EXPECT_NEAR(gained, -0.5 * (a[r].standardised.squaredNorm() - b[r].standardised.squaredNorm()), 1e-6);
    const auto posterior = rest->posterior(left[r].X);
    for (Index i = 0; i < left[r].mean.size(); ++i) {
      const std::string& run = left[r].runs[static_cast<std::size_t>(i)];
      if (run != "run 2" && run != "run 3") continue;
      const double latent = posterior->variance(VarianceOf::latent)(i, at);
      EXPECT_NEAR(left[r].latent_variance(i), latent, 1e-7 * latent);
    }
  }
}

TEST(condition_on, single_readings_join_a_model_with_one_level_of_noise) {
  const features::Dataset all = test::make({.runs = 60});
  for (const std::string& preset : presets_looked_at) {
    const features::Dataset begun = test::readings(all, test::between(0, 30));
    const auto fit = test::fitted(begun, preset);
    auto now = fit->condition_on(test::readings(all, {30}));
    now =
        now->condition_on(test::readings(all, test::between(31, 60)));  // more at once than the packed solve begins at
    EXPECT_LT(test::difference(*now, *test::anew(*fit, begun, all, 0), 0), precise) << preset;
    EXPECT_EQ(now->run_ids(0).back(), "run 59");
  }
}

TEST(condition_on, runs_one_by_one_are_kept_beside_the_factor_and_made_whole_in_time) {
  const features::Dataset all = test::make({.runs = 90});
  for (const char* preset : {"luban", "hvarfner"}) {
    const features::Dataset begun = test::readings(all, test::between(0, 30));
    const auto fit = test::fitted(begun, preset);
    auto now = fit;
    for (Index i = 30; i < 90; ++i) {
      now = now->condition_on(test::readings(all, {i}));
      if (i % 9 != 5) continue;
      const features::Dataset known = test::readings(all, test::between(0, i + 1));
      const auto twin = test::anew(*fit, begun, known, 0);
      EXPECT_LT(test::difference(*now, *twin, 0), precise) << preset;
      const MatrixXd X = test::random_inputs(all.encoder, 3, 5);  // few points take another path through the solves
      EXPECT_LT((now->posterior(X)->variance(VarianceOf::latent).col(0) - twin->moments(X, {}).variance).norm(), 1e-8);
    }
  }
}

TEST(condition_on, many_threads_may_ask_for_what_is_made_when_asked) {
  const features::Dataset all = test::make({.runs = 60});
  const auto now = test::fitted(test::readings(all, test::between(0, 50)), "luban")
                       ->condition_on(test::readings(all, test::between(50, 53)));
  std::vector<double> means(8);
  std::vector<std::thread> threads;
  for (double& mean : means) threads.emplace_back([&] { mean = now->left_out()[0].mean(7); });
  for (std::thread& thread : threads) thread.join();
  for (const double mean : means) EXPECT_EQ(mean, means[0]);
}

TEST(condition_on, a_known_run_read_again_counts_as_new_where_there_is_one_level_of_noise) {
  const features::Dataset data = test::make({.runs = 20});
  const auto fit = test::fitted(data, "luban");
  const auto now = fit->condition_on(test::readings(data, {3}));
  EXPECT_EQ(now->reports()[0].points, 21);
  EXPECT_EQ(now->reports()[0].runs, 21);
  const auto at = test::readings(data, {3}).X;
  EXPECT_LT(now->posterior(at)->variance(VarianceOf::latent)(0, 0),
            fit->posterior(at)->variance(VarianceOf::latent)(0, 0));
  EXPECT_EQ(now->forget({"run 3"})->reports()[0].points, 19);  // both readings go
}

TEST(condition_on, the_same_readings_give_the_same_bits) {
  const features::Dataset all = test::make(test::three_levels());
  const auto fit = test::fitted(test::readings(all, test::between(0, 40)), "luban");
  const auto added = test::readings(all, test::between(40, 47));
  const MatrixXd X = test::random_inputs(all.encoder, 9, 3);
  EXPECT_EQ(fit->condition_on(added)->posterior(X)->mean(), fit->condition_on(added)->posterior(X)->mean());
}

TEST(condition_on, readings_are_matched_by_name) {
  const features::Dataset all = test::make(test::three_levels());
  const auto fit = test::fitted(test::readings(all, test::between(0, 40)), "luban");
  const features::Dataset added = test::readings(all, test::between(40, 44));
  features::Dataset other = added;  // columns in another order, another range, categories in another order
  std::vector<features::EncodedVariable> variables = all.encoder.variables();
  std::swap(variables[0], variables[1]);
  std::swap(variables[2].categories[0], variables[2].categories[1]);
  variables[0].high = 2.0;
  other.encoder = features::Encoder(variables);
  other.X.col(0) = 0.5 * added.X.col(1);
  other.X.col(1) = added.X.col(0);
  other.X.col(2) = 1.0 - added.X.col(2).array();
  other.Y.col(0) = added.Y.col(1);
  other.Y.col(1) = added.Y.col(0);
  std::swap(other.responses[0], other.responses[1]);
  const MatrixXd X = test::random_inputs(all.encoder, 9, 3);
  const MatrixXd expected = fit->condition_on(added)->posterior(X)->mean();
  EXPECT_LT((fit->condition_on(other)->posterior(X)->mean() - expected).cwiseAbs().maxCoeff(), 1e-10);
  other.responses[0].name = "nothing";
  const auto one = fit->condition_on(other);  // the response that is not there learns nothing
  EXPECT_EQ(one->reports()[1].readings, fit->reports()[1].readings);
  other.responses[1].name = "nothing either";
  EXPECT_THROW(static_cast<void>(fit->condition_on(other)), core::DataError);
  features::Dataset wrong = added;
  wrong.responses[0].unit = "mm";
  EXPECT_THROW(static_cast<void>(fit->condition_on(wrong)), core::UnitError);
  wrong = added;
  wrong.Y(0, 0) = std::numeric_limits<double>::infinity();
  EXPECT_THROW(static_cast<void>(fit->condition_on(wrong)), core::DataError);
  wrong = added;
  wrong.X(0, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(static_cast<void>(fit->condition_on(wrong)), core::DataError);
}

TEST(condition_on, survives_an_artefact) {
  const features::Dataset all = test::make(test::three_levels());
  const features::Dataset begun = test::readings(all, test::between(0, 40));
  const auto fit = test::fitted(begun, "luban");
  const auto now = fit->condition_on(test::readings(all, test::between(40, 52)));
  Artefact artefact;
  now->write(artefact);
  const auto back = GaussianProcess::read(artefact);
  const auto finished = back->condition_on(test::readings(all, test::between(52, 64)));
  for (Index r = 0; r < 2; ++r) EXPECT_LT(test::difference(*finished, *test::anew(*fit, begun, all, r), r), precise);
  EXPECT_EQ(back->run_ids(0), now->run_ids(0));
  std::string text = artefact.metadata.dump();  // as an earlier version wrote it
  for (std::size_t at = text.find("\"runs\":{"); at != std::string::npos; at = text.find("\"runs\":{")) {
    text.replace(at, 7, "\"left\":");
  }
  artefact.metadata = core::Json::parse(text);
  const auto old = GaussianProcess::read(artefact);
  EXPECT_EQ(old->posterior(all.X)->mean(), back->posterior(all.X)->mean());
  EXPECT_THROW(static_cast<void>(old->condition_on(all)), core::LifecycleError);
  EXPECT_THROW(static_cast<void>(old->forget({"run 1"})), core::LifecycleError);
}

TEST(forget, is_the_posterior_of_what_stays) {
  const features::Dataset all = test::make(test::three_levels());
  for (const std::string& preset : presets_looked_at) {
    const auto fit = test::fitted(all, preset);
    for (const std::vector<std::string>& gone :
         {std::vector<std::string>{"run 0"}, {"run 15"}, {"run 7", "run 2", "run 3"}}) {
      std::vector<std::int32_t> kept;
      for (std::int32_t run = 0; run < 16; ++run) {
        if (std::find(gone.begin(), gone.end(), all.run_ids[static_cast<std::size_t>(run)]) == gone.end()) {
          kept.push_back(run);
        }
      }
      const features::Dataset rest = all.subset(kept);
      const auto now = fit->forget(gone);
      for (Index r = 0; r < 2; ++r) {
        const auto twin = test::anew(*fit, all, rest, r);
        EXPECT_LT(test::difference(*now, *twin, r), precise) << preset;
        detail::LogPosterior::Workspace work;
        EXPECT_NEAR(now->reports()[static_cast<std::size_t>(r)].log_likelihood,
                    twin->target().value(twin->theta(), work).log_likelihood, 1e-6);
      }
      EXPECT_EQ(now->run_ids(0).size(), kept.size());
    }
  }
}

TEST(forget, undoes_condition_on) {
  const features::Dataset all = test::make(test::three_levels());
  const features::Dataset begun = test::readings(all, test::between(0, 40));
  const auto fit = test::fitted(begun, "luban");
  const auto back = fit->condition_on(test::readings(all, test::between(40, 48)))->forget({"run 10", "run 11"});
  for (Index r = 0; r < 2; ++r) EXPECT_LT(test::difference(*back, *test::anew(*fit, begun, begun, r), r), precise);
}

TEST(forget, refuses_what_it_does_not_know_and_what_would_leave_nothing) {
  const features::Dataset data = test::make({.runs = 6});
  const auto fit = test::fitted(data, "hvarfner");
  try {
    static_cast<void>(fit->forget({"run 55"}));
    FAIL();
  } catch (const core::DataError& error) {
    EXPECT_NE(error.detail().hint.find("run 5"), std::string::npos) << error.detail().hint;
  }
  EXPECT_THROW(static_cast<void>(fit->forget(data.run_ids)), core::DataError);
}

TEST(forget, a_sliding_window_keeps_its_digits) {
  const features::Dataset all = test::make({.runs = 240, .run_sd = 0.02});
  for (const std::string preset : {"luban", "hvarfner"}) {
    const features::Dataset begun = test::readings(all, test::between(0, 40));
    const auto fit = test::fitted(begun, preset);
    auto now = fit;
    for (Index i = 40; i < 240; ++i) {
      now = now->condition_on(test::readings(all, {i}))->forget({all.run_ids[static_cast<std::size_t>(i - 40)]});
    }
    const auto twin = test::anew(*fit, begun, test::readings(all, test::between(200, 240)), 0);
    EXPECT_LT(test::difference(*now, *twin, 0), precise) << preset;
  }
}

TEST(grown_factor, is_the_whole_one) {
  const Index n = 40;
  core::Generator generator(8);
  MatrixXd a(n, n + 5);
  for (double& value : a.reshaped()) value = generator.normal();
  const MatrixXd covariance = a * a.transpose();
  const auto whole = [&](Index rows) {
    MatrixXd lower = covariance.topLeftCorner(rows, rows);
    EXPECT_TRUE(detail::cholesky_lower(lower));
    lower.triangularView<Eigen::StrictlyUpper>().setZero();
    return detail::GrownFactor(lower, detail::inverse_from_cholesky(lower));
  };
  detail::GrownFactor grown = whole(20);
  for (const Index end : {21, 33, 40}) {
    const Index begin = grown.rows();
    auto next = grown.grow(covariance.block(0, begin, begin, end - begin),
                           covariance.block(begin, begin, end - begin, end - begin));
    ASSERT_TRUE(next.has_value());
    grown = *next;
  }
  const detail::GrownFactor twin = whole(n);
  EXPECT_EQ(grown.added(), 20);
  EXPECT_LT((grown.lower() - twin.lower()).norm(), 1e-10);
  EXPECT_LT((grown.inverse() - twin.inverse()).norm(), 1e-9 * twin.inverse().norm());
  EXPECT_NEAR(grown.log_determinant(), twin.log_determinant(), 1e-10);
  for (const Index columns : {1, 12, 30}) {
    const MatrixXd x = a.leftCols(columns);
    EXPECT_LT((grown.solve(x) - twin.solve(x)).norm(), 1e-9 * twin.solve(x).norm());
    EXPECT_LT((grown.half_solve(x) - twin.half_solve(x)).norm(), 1e-9);
    EXPECT_LT((grown.half_solve_transposed(x) - twin.half_solve_transposed(x)).norm(), 1e-9);
    EXPECT_LT((grown.half_solve_right(x.transpose()) - twin.half_solve_right(x.transpose())).norm(), 1e-9);
  }
  const MatrixXd same = covariance.leftCols(1);  // a row that is there: nothing is left of its variance
  EXPECT_FALSE(grown.grow(same, covariance.topLeftCorner(1, 1) * (1.0 - 1e-9)).has_value());
}

TEST(rank_one, rows_leave_a_factor_and_an_inverse) {
  const Index n = 90;
  core::Generator generator(8);
  MatrixXd a(n, n + 5);
  for (double& value : a.reshaped()) value = generator.normal();
  const MatrixXd covariance = a * a.transpose();
  MatrixXd lower = covariance;
  ASSERT_TRUE(detail::cholesky_lower(lower));
  lower.triangularView<Eigen::StrictlyUpper>().setZero();
  const MatrixXd inverse = detail::inverse_from_cholesky(lower);
  detail::RowRemoval removal(lower, inverse);
  removal.remove(70);
  removal.remove(0);
  MatrixXd l(n - 3, n - 3);
  MatrixXd i(n - 3, n - 3);
  l.setZero();
  removal.remove_into(87, l, i);
  std::vector<Index> kept;
  for (Index row = 1; row < n - 1; ++row) {
    if (row != 70) kept.push_back(row);
  }
  const MatrixXd left = covariance(kept, kept);
  EXPECT_LT((l * l.transpose() - left).cwiseAbs().maxCoeff(), 1e-11 * left.cwiseAbs().maxCoeff());
  EXPECT_LT((i * left - MatrixXd::Identity(n - 3, n - 3)).cwiseAbs().maxCoeff(), 1e-8);
  EXPECT_EQ(MatrixXd(l.triangularView<Eigen::StrictlyUpper>()).cwiseAbs().maxCoeff(), 0.0);
}

}  // namespace
}  // namespace luban::surrogate
