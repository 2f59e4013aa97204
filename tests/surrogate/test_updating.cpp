#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/chi_squared.hpp>

#include "streaming.hpp"

namespace luban::surrogate {
namespace {

using test::Index;
using test::MatrixXd;
using test::VectorXd;

TEST(innovations, are_one_step_predictions_in_a_row) {
  const features::Dataset all = test::make({.runs = 40});
  for (const char* preset : {"luban", "smooth_rough"}) {
    auto now = test::fitted(test::readings(all, test::between(0, 30)), preset);
    const Innovations joint = now->innovations(test::readings(all, test::between(30, 40)))[0];
    ASSERT_EQ(joint.standardised.size(), 10);
    for (Index i = 0; i < 10; ++i) {
      const features::Dataset one = test::readings(all, {30 + i});
      const auto posterior = now->posterior(one.X);
      const double z =
          (one.Y(0, 0) - posterior->mean()(0, 0)) / std::sqrt(posterior->variance(VarianceOf::reading)(0, 0));
      EXPECT_NEAR(joint.standardised(i), z, 1e-8);
      EXPECT_EQ(joint.runs[static_cast<std::size_t>(i)], all.run_ids[static_cast<std::size_t>(30 + i)]);
      now = now->condition_on(one);
    }
  }
}

// Of readings of known runs, known means and new runs at once: what the likelihood of all readings gains must be that
// of the innovations.
TEST(innovations, say_what_the_likelihood_says) {
  const features::Dataset all = test::make(test::three_levels());
  std::vector<Index> first;
  std::vector<Index> later;
  for (Index i = 0; i < all.n(); ++i) (i < 50 && i % 7 != 3 ? first : later).push_back(i);
  const auto fit = test::fitted(test::readings(all, first), "luban");
  const features::Dataset added = test::readings(all, later);
  features::Dataset shifted = added;
  shifted.Y.array() += 0.7;
  const auto a = fit->innovations(added);
  const auto b = fit->innovations(shifted);
  for (std::size_t r = 0; r < 2; ++r) {
    const double gained =
        fit->condition_on(added)->reports()[r].log_likelihood - fit->condition_on(shifted)->reports()[r].log_likelihood;
    EXPECT_NEAR(gained, -0.5 * (a[r].standardised.squaredNorm() - b[r].standardised.squaredNorm()), 1e-6);
    EXPECT_GT(std::abs(gained), 1.0);
  }
}

TEST(innovations, what_was_not_measured_has_none) {
  features::Dataset all = test::make(test::three_levels());
  const auto fit = test::fitted(test::readings(all, test::between(0, 56)), "luban");
  features::Dataset added = test::readings(all, test::between(56, 64));
  added.Y.col(1).setConstant(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(fit->innovations(added)[0].standardised.size(), 4);
  EXPECT_TRUE(fit->innovations(added)[1].runs.empty());
}

TEST(left_out, is_what_the_others_predict) {
  const features::Dataset data = test::make(test::three_levels());
  for (const char* preset : {"luban", "hvarfner", "matern_legacy"}) {
    const auto fit = test::fitted(data, preset);
    const std::vector<std::vector<std::string>> groups = {{"run 1", "run 9", "run 4"}, {"run 15", "run 0"}};
    const std::vector<LeftOut> left = fit->left_out(groups);
    for (const std::vector<std::string>& group :
         {groups[0], groups[1], std::vector<std::string>{"run 6"}, std::vector<std::string>{"run 12"}}) {
      const auto rest = fit->forget(group);
      for (std::size_t r = 0; r < 2; ++r) {
        const auto at = static_cast<Index>(r);
        const auto posterior = rest->posterior(left[r].X);
        const double noise = std::pow(rest->between_sd(at), 2) + std::pow(rest->between_points_sd(at), 2);
        for (Index i = 0; i < left[r].mean.size(); ++i) {
          if (std::find(group.begin(), group.end(), left[r].runs[static_cast<std::size_t>(i)]) == group.end()) continue;
          const double latent = posterior->variance(VarianceOf::latent)(i, at);
          EXPECT_NEAR(left[r].mean(i), posterior->mean()(i, at), 1e-8) << preset;
          EXPECT_NEAR(left[r].latent_variance(i), latent, 1e-8 * latent) << preset;
          EXPECT_NEAR(left[r].variance(i), latent + noise + std::pow(rest->within_sd(at), 2) / left[r].readings(i),
                      1e-8)
              << preset;
        }
      }
    }
  }
}

TEST(left_out, refuses_groups_that_make_no_sense) {
  const features::Dataset data = test::make({.runs = 5});
  const auto fit = test::fitted(data, "hvarfner");
  EXPECT_THROW(static_cast<void>(fit->left_out({{"run 1"}, {"run 1"}})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(fit->left_out({{"run 9"}})), core::DataError);
  EXPECT_THROW(static_cast<void>(fit->left_out({data.run_ids})), core::DataError);
}

TEST(chi_squared, has_the_tail_of_the_tables) {
  EXPECT_NEAR(detail::chi_squared_tail(1, 3.841458820694124), 0.05, 1e-12);
  EXPECT_NEAR(detail::chi_squared_tail(2, 5.0), std::exp(-2.5), 1e-15);
  EXPECT_NEAR(detail::chi_squared_tail(3, 11.344866730144373), 0.01, 1e-12);
  EXPECT_NEAR(detail::chi_squared_tail(10, 18.307038053275146), 0.05, 1e-12);
  EXPECT_NEAR(detail::chi_squared_tail(25, 37.65248413348277), 0.05, 1e-12);
  EXPECT_EQ(detail::chi_squared_tail(7, 0.0), 1.0);
  EXPECT_EQ(detail::chi_squared_tail(4, 1e6), 0.0);
}

TEST(fit_from, climbs_to_the_same_top_in_fewer_steps) {
  const features::Dataset all = test::make({.runs = 60, .points = 1, .repeats = 2});
  const GaussianProcessOptions options{.robust = false};
  const auto earlier = GaussianProcess::fit(test::readings(all, test::between(0, 100)), options, core::RandomKey(1));
  const auto cold = GaussianProcess::fit(all, options, core::RandomKey(2));
  const auto warm = GaussianProcess::fit_from(*earlier, all, options, core::RandomKey(2));
  EXPECT_NEAR(warm->reports()[0].log_posterior, cold->reports()[0].log_posterior, 0.01);
  EXPECT_LT(warm->reports()[0].evaluations, cold->reports()[0].evaluations / 2);
}

TEST(fit_from, takes_over_what_has_the_same_name) {
  const auto single = GaussianProcess::fit(test::make({.runs = 20}), {.starts = 1}, core::RandomKey(1));
  const auto levels =
      GaussianProcess::fit_from(*single, test::make({.runs = 20, .repeats = 3}), {}, core::RandomKey(1));
  EXPECT_GT(levels->within_sd(0), 0.0);  // a level that the earlier fit had not
}

TEST(fit_like, begins_where_the_likelihood_says_and_ends_at_a_top_of_mapped_values) {
  const features::Dataset data = test::make({.runs = 40, .points = 1, .repeats = 1});
  features::Dataset mapped = data;
  mapped.Y = 1e3 * (0.2 * data.Y.array()).exp();  // another unit, too
  const GaussianProcessOptions options{.preset = "matern_legacy", .robust = false};
  const auto plain = GaussianProcess::fit(data, options, core::RandomKey(1));
  const auto cold = GaussianProcess::fit(mapped, options, core::RandomKey(2));
  const auto like = GaussianProcess::fit_like(*plain, mapped, options, core::RandomKey(2));
  EXPECT_GE(like->reports()[0].log_posterior, cold->reports()[0].log_posterior - 0.1);
  EXPECT_LT(like->reports()[0].evaluations, cold->reports()[0].evaluations / 2);
  // What the hyperparameters say of the values they were found for, and of others in another unit.
  EXPECT_NEAR(plain->log_likelihoods_like(data)(0), plain->reports()[0].log_likelihood, 1e-8);
  features::Dataset scaled = data;
  scaled.Y *= 1e3;
  EXPECT_NEAR(plain->log_likelihoods_like(scaled)(0),
              plain->reports()[0].log_likelihood - static_cast<double>(data.n()) * std::log(1e3), 1e-6);
  EXPECT_LE(plain->log_likelihoods_like(mapped)(0), like->reports()[0].log_likelihood + 2.0);
}

class Stream : public testing::Test {
 protected:
  [[nodiscard]] features::Dataset runs(Index first, Index end, double shift = 0.0) const {
    features::Dataset out = test::readings(all_, test::between(first, end)).subset([&] {
      std::vector<std::int32_t> which;
      for (Index i = first; i < end; ++i) which.push_back(static_cast<std::int32_t>(i));
      return which;
    }());
    out.Y.array() += shift;
    return out;
  }
  features::Dataset all_ = test::make({.runs = 80});
  UpdatingOptions options_{.fit = {.starts = 2, .robust = false}, .look_back = 10};
  Updating begun_ = Updating::fit(runs(0, 40), options_, core::RandomKey(3));
};

TEST_F(Stream, honest_runs_ask_for_nothing_until_they_are_many) {
  EXPECT_FALSE(begun_.advice().due);
  Updating now = begun_;
  for (Index i = 40; i < 64; ++i) {
    now = now.add(runs(i, i + 1));
    EXPECT_FALSE(now.advice().due) << now.advice().sentence;
    EXPECT_GT(now.advice().p_value, options_.level);
  }
  EXPECT_EQ(now.innovations()[0].standardised.size(), 10);
  now = now.add(runs(64, 65));
  EXPECT_TRUE(now.advice().due);
  EXPECT_EQ(now.advice().reason, RefitReason::runs);
  EXPECT_EQ(now.advice().runs, 25);
  EXPECT_EQ(now.data().run_count(), 65U);
  const Updating again = now.refit();
  EXPECT_FALSE(again.advice().due);
  EXPECT_EQ(again.surrogate()->reports()[0].runs, 65);
  EXPECT_TRUE(again.innovations()[0].runs.empty());
  EXPECT_EQ(begun_.data().run_count(), 40U);  // a value
}

TEST_F(Stream, a_shift_is_seen_and_said) {
  Updating now = begun_.add(runs(40, 44)).add(runs(44, 48, 1.0));
  EXPECT_TRUE(now.advice().due);
  EXPECT_EQ(now.advice().reason, RefitReason::innovations);
  EXPECT_LT(now.advice().p_value, 1e-3);
  EXPECT_EQ(now.advice().response, "response 0");
  EXPECT_NE(now.advice().sentence.find("standard deviations on average"), std::string::npos) << now.advice().sentence;
}

TEST_F(Stream, a_gross_error_is_named_and_can_be_forgotten) {
  const Updating now = begun_.add(runs(40, 41, 30.0)).add(runs(41, 42));
  EXPECT_TRUE(now.advice().due);
  EXPECT_NE(now.advice().sentence.find("\"run 40\" alone"), std::string::npos) << now.advice().sentence;
  const Updating without = now.forget({"run 40"});
  EXPECT_EQ(without.data().run_count(), 41U);
  EXPECT_EQ(without.surrogate()->reports()[0].runs, 41);
}

TEST_F(Stream, a_window_keeps_the_newest_runs) {
  UpdatingOptions options = options_;
  options.window = 30;
  const Updating now = Updating(begun_.surrogate(), begun_.data(), options, core::RandomKey(1)).add(runs(40, 43));
  EXPECT_EQ(now.data().run_count(), 30U);
  EXPECT_EQ(now.surrogate()->run_ids(0).front(), "run 13");
  EXPECT_EQ(now.surrogate()->run_ids(0).back(), "run 42");
}

TEST_F(Stream, repeats_ask_for_a_model_that_knows_them) {
  const Updating now = begun_.add(runs(3, 4));
  EXPECT_EQ(now.advice().reason, RefitReason::noise_level);
  EXPECT_EQ(now.data().run_count(), 40U);
  EXPECT_EQ(now.data().n(), 41);
}

TEST_F(Stream, wrong_options_are_refused) {
  for (const UpdatingOptions& wrong :
       {UpdatingOptions{.look_back = 0}, {.level = 0.0}, {.level = std::nan("")}, {.refit_after = -1}, {.window = 1}}) {
    EXPECT_THROW(static_cast<void>(Updating(begun_.surrogate(), begun_.data(), wrong, core::RandomKey(1))),
                 core::ConfigurationError);
  }
}

}  // namespace
}  // namespace luban::surrogate
