#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Eigenvalues>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/risk_surrogate.hpp>
#include <luban/recommend/detail/tolerance_surrogate.hpp>
#include <luban/recommend/sobol.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend::detail {
namespace {

using process::Goal;
using process::RiskMeasure;
using surrogate::Posterior;
using surrogate::VarianceOf;
using Kind = process::RiskMeasure::Kind;

RiskColumn column(Kind kind, double level, Goal goal = Goal::minimize, double target = 0.0) {
  return {.response = 0, .measure = {.kind = kind, .level = level}, .goal = goal, .target = target};
}

std::shared_ptr<const surrogate::Surrogate> learned(const test::Function& f, double lengthscale, int runs = 25) {
  return std::make_shared<test::AnalyticSurrogate>(
      features::Encoder({test::numeric("a"), test::numeric("b")}), std::vector<std::string>{"y"},
      std::vector<test::Function>{f}, Sobol(2, core::RandomKey(2)).points(0, runs),
      test::AnalyticSurrogate::Options{.lengthscale = lengthscale, .noise_sd = 0.05, .within_sd = 0.02});
}

std::shared_ptr<const surrogate::Surrogate> wavy() {
  return learned([](const Eigen::VectorXd& x) { return std::sin(7.0 * x(0)) + x(1) * x(1); }, 0.35);
}

std::shared_ptr<const RiskSurrogate> risky(const std::shared_ptr<const surrogate::Surrogate>& inner,
                                           std::vector<RiskColumn> columns, double sd = 0.08,
                                           const RiskSampling& sampling = {}) {
  const std::vector<process::Tolerance> tolerances{{.parameter = "a", .sd = sd}};
  return std::make_shared<RiskSurrogate>(std::make_shared<ToleranceSurrogate>(inner, tolerances), inner, tolerances,
                                         std::move(columns), sampling);
}

const Eigen::MatrixXd three = (Eigen::MatrixXd(3, 2) << 0.2, 0.4, 0.65, 0.1, 0.9, 0.8).finished();

TEST(sampled_risk, takes_the_values_beyond_the_level) {
  Eigen::MatrixXd values(10, 2);
  values.col(0) << 3, 1, 4, 10, 5, 9, 2, 6, 8, 7;
  values.col(1) = -values.col(0);
  // ⌈0.8 · 10⌉ − 1 = 7: the eighth from the good side.
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.8), values).value(0), 8.0, 1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.8), values).value(1), -3.0, 1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::conditional_value_at_risk, 0.8), values).value(0), 9.5, 1e-12);
  // Of a quarter of ten values: the two worst and half of the third.
  EXPECT_NEAR(sampled_risk(column(Kind::conditional_value_at_risk, 0.75), values).value(0), (10 + 9 + 0.5 * 8) / 2.5,
              1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::conditional_value_at_risk, 0.99), values).value(0), 10.0, 1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.75), values).value(0), 8.0, 1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.99), values).value(0), 10.0, 1e-12);
  // Small is bad where the goal is to maximize.
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.8, Goal::maximize), values).value(0), 3.0, 1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::conditional_value_at_risk, 0.8, Goal::maximize), values).value(0), 1.5, 1e-12);
  // Distances from 4: 0 1 1 2 2 3 3 4 5 6.
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.8, Goal::target, 4.0), values).value(0), 4.0, 1e-12);
  EXPECT_NEAR(sampled_risk(column(Kind::conditional_value_at_risk, 0.8, Goal::target, 4.0), values).value(0), 5.5,
              1e-12);
  // 0.55 · 20 = 11.000000000000002 in binary.
  const Eigen::MatrixXd twenty = Eigen::VectorXd::LinSpaced(20, 1.0, 20.0);
  EXPECT_NEAR(sampled_risk(column(Kind::value_at_risk, 0.55), twenty).value(0), 11.0, 1e-12);
}

TEST(sampled_risk, slopes_are_the_share_of_each_value) {
  const Eigen::MatrixXd values = (Eigen::VectorXd(5) << 3, -8, 4, 1, 5).finished();
  const auto tail = [&](Goal goal) -> Eigen::VectorXd {
    return sampled_risk(column(Kind::conditional_value_at_risk, 0.7, goal), values).slope.col(0);
  };
  EXPECT_TRUE(tail(Goal::minimize).isApprox(Eigen::VectorXd{{0, 0, 1.0 / 3.0, 0, 2.0 / 3.0}}));
  EXPECT_TRUE(tail(Goal::maximize).isApprox(Eigen::VectorXd{{0, 2.0 / 3.0, 0, 1.0 / 3.0, 0}}));
  EXPECT_EQ(sampled_risk(column(Kind::value_at_risk, 0.9, Goal::target, 0.0), values).slope.col(0),
            (Eigen::VectorXd(5) << 0, -1, 0, 0, 0).finished());
}

// Of f = 2 a + const the deviations make a normal distribution: both risks are known in closed form.
TEST(risk_surrogate, of_a_straight_line_is_that_of_a_normal_distribution) {
  const auto line = learned([](const Eigen::VectorXd& x) { return 2.0 * x(0) - 0.5 * x(1); }, 3.0, 40);
  constexpr double sd = 0.1;
  for (const double level : {0.5, 0.8, 0.9}) {
    for (const Goal goal : {Goal::minimize, Goal::maximize}) {
      const auto surrogate =
          risky(line, {column(Kind::value_at_risk, level, goal), column(Kind::conditional_value_at_risk, level, goal)},
                sd, {.nodes = 1024, .samples = 16});
      const auto posterior = surrogate->posterior(three);
      const double sign = goal == Goal::minimize ? 1.0 : -1.0;
      const double z = core::normal_quantile(level);
      const double tail = std::exp(core::log_normal_density(z)) / (1.0 - level);
      for (Eigen::Index i = 0; i < 3; ++i) {
        const double mean = posterior->mean()(i, 0);
        EXPECT_NEAR(posterior->mean()(i, 1), mean + sign * 2.0 * sd * z, 0.02);
        EXPECT_NEAR(posterior->mean()(i, 2), mean + sign * 2.0 * sd * tail, 0.02);
      }
    }
  }
}

TEST(risk_surrogate, says_of_responses_what_it_was_given) {
  const auto inner = wavy();
  const ToleranceSurrogate expected(inner, {{.parameter = "a", .sd = 0.08}});
  const auto surrogate = risky(inner, {column(Kind::value_at_risk, 0.8), column(Kind::value_at_risk, 0.9)});
  ASSERT_EQ(surrogate->responses().size(), 3U);
  EXPECT_EQ(surrogate->responses()[2].name, "y");
  const auto there = surrogate->posterior(three);
  const auto here = expected.posterior(three);
  EXPECT_EQ(there->mean().col(0), here->mean().col(0));
  for (const VarianceOf of : {VarianceOf::latent, VarianceOf::run_mean, VarianceOf::reading}) {
    EXPECT_TRUE(there->variance(of).col(0).isApprox(here->variance(of).col(0), 1e-12));
  }
  // The higher the level the worse; and what one run adds is the response's own.
  EXPECT_TRUE((there->mean().col(2).array() > there->mean().col(1).array()).all());
  const Eigen::MatrixXd added = there->variance(VarianceOf::run_mean) - there->variance(VarianceOf::latent);
  EXPECT_TRUE(added.col(1).isApprox(added.col(0), 1e-10));
}

/// Central difference of one row's scalar by input j.
template <typename Of>
Eigen::VectorXd slope(const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X, Eigen::Index j, const Of& of) {
  constexpr double h = 1e-6;  // few draws change their order of nodes within it
  Eigen::MatrixXd up = X;
  Eigen::MatrixXd down = X;
  up.col(j).array() += h;
  down.col(j).array() -= h;
  return (of(*surrogate.posterior(up)) - of(*surrogate.posterior(down))) / (2.0 * h);
}

TEST(risk_surrogate, gradients_equal_finite_differences) {
  // Noisy enough that the samples' order at the nodes changes from sample to sample.
  const auto surrogate =
      risky(learned([](const Eigen::VectorXd& x) { return std::sin(7.0 * x(0)) + x(1) * x(1); }, 0.2, 8),
            {column(Kind::conditional_value_at_risk, 0.8), column(Kind::value_at_risk, 0.7, Goal::maximize),
             column(Kind::conditional_value_at_risk, 0.8, Goal::target, 0.4)},
            0.08, {.nodes = 6, .samples = 32});
  const auto posterior = surrogate->posterior(three, {.gradients = true});
  for (const Eigen::Index r : {1, 2, 3}) {
    for (const Eigen::Index j : {0, 1}) {
      const Eigen::VectorXd mean =
          slope(*surrogate, three, j, [r](const Posterior& p) -> Eigen::VectorXd { return p.mean().col(r); });
      EXPECT_LT((posterior->mean_gradient(r).col(j) - mean).norm(), 2e-5 * (1.0 + mean.norm())) << r << j;
      const Eigen::VectorXd variance = slope(*surrogate, three, j, [r](const Posterior& p) -> Eigen::VectorXd {
        return p.variance(VarianceOf::latent).col(r);
      });
      EXPECT_LT((posterior->variance_gradient(r).col(j) - variance).norm(), 2e-5 * (1.0 + variance.norm())) << r << j;
      const Eigen::VectorXd run = slope(*surrogate, three, j, [r](const Posterior& p) -> Eigen::VectorXd {
        return p.variance(VarianceOf::run_mean).col(r);
      });
      EXPECT_LT((posterior->run_variance_gradient(r).col(j) - run).norm(), 2e-5 * (1.0 + run.norm())) << r << j;
    }
  }
}

TEST(risk_surrogate, covariance_gradients_equal_finite_differences) {
  const auto surrogate = risky(learned([](const Eigen::VectorXd& x) { return std::sin(7.0 * x(0)); }, 0.25, 6),
                               {column(Kind::conditional_value_at_risk, 0.8)}, 0.08, {.nodes = 5, .samples = 64});
  const surrogate::PosteriorRequest request{.gradients = true, .joint = true};
  const auto posterior = surrogate->posterior(three, request);
  Eigen::Matrix3d weights;
  weights << 0.3, -1.0, 0.5, -1.0, 0.7, 2.0, 0.5, 2.0, -0.2;
  const Eigen::MatrixXd gradient = posterior->covariance_gradient(1, weights);
  for (Eigen::Index i = 0; i < 3; ++i) {
    for (Eigen::Index j = 0; j < 2; ++j) {
      const auto at = [&](double h) {
        Eigen::MatrixXd X = three;
        X(i, j) += h;
        return weights.cwiseProduct(surrogate->posterior(X, request)->covariance(1, VarianceOf::latent)).sum();
      };
      const double expected = (at(1e-5) - at(-1e-5)) / 2e-5;
      EXPECT_NEAR(gradient(i, j), expected, 1e-4 * (1.0 + std::abs(expected))) << i << j;
    }
  }
}

TEST(risk_surrogate, a_row_says_the_same_of_itself_beside_others) {
  const auto surrogate = risky(wavy(), {column(Kind::conditional_value_at_risk, 0.8)});
  Eigen::MatrixXd X(4, 2);
  X << three, three.row(1);
  const auto joint = surrogate->posterior(X, {.joint = true});
  const auto alone = surrogate->posterior(three);
  EXPECT_EQ(joint->mean().topRows(3), alone->mean());
  const Eigen::MatrixXd S = joint->covariance(1, VarianceOf::latent);
  EXPECT_EQ(S.diagonal().head(3), alone->variance(VarianceOf::latent).col(1));
  // The same settings have the same risk, whatever it is.
  EXPECT_NEAR(S(1, 3), S(1, 1), 1e-3 * S(1, 1));
  EXPECT_GT(Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(S).eigenvalues()(0), -1e-9 * S.trace());
}

TEST(risk_surrogate, beside_others_row_by_row_or_together) {
  const auto surrogate = risky(wavy(), {column(Kind::conditional_value_at_risk, 0.8)});
  const Eigen::MatrixXd fixed = (Eigen::MatrixXd(2, 2) << 0.3, 0.3, 0.8, 0.7).finished();
  const auto beside = surrogate->beside(fixed);
  const auto rows = beside->posterior(three, {.gradients = true});
  ASSERT_EQ(rows->q(), 3);
  ASSERT_EQ(rows->b(), 2);
  for (Eigen::Index i = 0; i < 3; ++i) {
    const auto one = beside->posterior(three.row(i), {.gradients = true});
    EXPECT_EQ(rows->cross_covariance(1).row(i), one->cross_covariance(1));
    const Eigen::RowVectorXd own =
        one->pullback(1, {.mean = Eigen::VectorXd::Ones(1), .cross = Eigen::MatrixXd::Ones(1, 2)});
    EXPECT_EQ(rows->pullback(1, {.mean = Eigen::VectorXd::Ones(3), .cross = Eigen::MatrixXd::Ones(3, 2)}).row(i), own);
  }
  EXPECT_EQ(rows->mean(), surrogate->posterior(three)->mean());
  EXPECT_THROW(static_cast<void>(rows->covariance(1, VarianceOf::latent)), core::LifecycleError);
  // A believed run lessens the doubt about the risk around it.
  const ConditionedSurrogate believed(surrogate, three.topRows(1));
  const double before = surrogate->posterior(three)->variance(VarianceOf::latent)(0, 1);
  EXPECT_LT(believed.posterior(three)->variance(VarianceOf::latent)(0, 1), before);
}

// Other draws than those of all points together, but of the same distribution.
TEST(risk_surrogate, beside_others_is_about_as_together_with_them) {
  const auto surrogate =
      risky(learned([](const Eigen::VectorXd& x) { return std::sin(7.0 * x(0)) + x(1) * x(1); }, 0.3, 8),
            {column(Kind::conditional_value_at_risk, 0.8), column(Kind::value_at_risk, 0.7, Goal::target, 0.4)}, 0.08,
            {.nodes = 16, .samples = 1024});
  const Eigen::MatrixXd fixed = (Eigen::MatrixXd(3, 2) << 0.3, 0.3, 0.6, 0.1, 0.65, 0.1).finished();
  const auto beside = surrogate->beside(fixed);
  const auto ordinary = surrogate::joint_beside(*surrogate, fixed);
  for (const Eigen::Index r : {0, 1, 2}) {
    const Eigen::MatrixXd S = ordinary->fixed().covariance(r, VarianceOf::latent);
    const double size = S.diagonal().maxCoeff();
    EXPECT_LT((beside->fixed().covariance(r, VarianceOf::latent) - S).cwiseAbs().maxCoeff(), 0.15 * size) << r;
    EXPECT_EQ(beside->fixed().mean().col(r), surrogate->posterior(fixed)->mean().col(r));
    for (Eigen::Index i = 0; i < 3; ++i) {
      const auto here = beside->posterior(three.row(i), {.joint = true});
      const auto there = ordinary->posterior(three.row(i), {.joint = true});
      EXPECT_EQ(here->mean()(0, r), there->mean()(0, r));
      EXPECT_LT((here->cross_covariance(r) - there->cross_covariance(r)).cwiseAbs().maxCoeff(), 0.15 * size) << r << i;
    }
  }
  // A point that coincides with a fixed one varies as it does.
  const auto same = beside->posterior(fixed.row(1), {.joint = true});
  EXPECT_NEAR(same->cross_covariance(1)(0, 1), same->variance(VarianceOf::latent)(0, 1), 1e-3);
}

TEST(risk_surrogate, gradients_beside_others_equal_finite_differences) {
  const auto surrogate =
      risky(learned([](const Eigen::VectorXd& x) { return std::sin(7.0 * x(0)); }, 0.25, 6),
            {column(Kind::conditional_value_at_risk, 0.8, Goal::maximize)}, 0.08, {.nodes = 5, .samples = 64});
  const auto beside = surrogate->beside((Eigen::MatrixXd(2, 2) << 0.3, 0.3, 0.6, 0.2).finished());
  const Eigen::RowVector2d cross(0.7, -1.3);
  for (const Eigen::Index r : {0, 1}) {
    for (Eigen::Index i = 0; i < 3; ++i) {
      const auto at = [&](const Eigen::MatrixXd& x) {
        const auto posterior = beside->posterior(x, {.joint = true});
        return 2.0 * posterior->mean()(0, r) - 0.5 * posterior->variance(VarianceOf::latent)(0, r) +
               0.25 * posterior->covariance(r, VarianceOf::latent)(0, 0) +
               posterior->cross_covariance(r).row(0).dot(cross);
      };
      const auto posterior = beside->posterior(three.row(i), {.gradients = true, .joint = true});
      const Eigen::MatrixXd gradient = posterior->pullback(r, {.mean = Eigen::VectorXd::Constant(1, 2.0),
                                                               .variance = Eigen::VectorXd::Constant(1, -0.5),
                                                               .covariance = Eigen::MatrixXd::Constant(1, 1, 0.25),
                                                               .cross = cross});
      for (Eigen::Index j = 0; j < 2; ++j) {
        Eigen::MatrixXd up = three.row(i);
        Eigen::MatrixXd down = up;
        up(0, j) += 1e-5;
        down(0, j) -= 1e-5;
        const double expected = (at(up) - at(down)) / 2e-5;
        EXPECT_NEAR(gradient(0, j), expected, 1e-4 * (1.0 + std::abs(expected))) << r << i << j;
      }
    }
  }
}

TEST(risk_surrogate, is_the_same_on_any_number_of_threads) {
  const auto surrogate = risky(wavy(), {column(Kind::conditional_value_at_risk, 0.8)});
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(9)).points(0, 20);
  std::vector<Eigen::MatrixXd> means;
  std::vector<Eigen::MatrixXd> gradients;
  for (const int threads : {1, 4, 4}) {
    parallel::with_threads(threads, [&] {
      const auto posterior = surrogate->posterior(X, {.gradients = true});
      means.push_back(posterior->mean());
      gradients.push_back(posterior->variance_gradient(1));
    });
  }
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_EQ(means[0], means[i]);
    EXPECT_EQ(gradients[0], gradients[i]);
  }
}

// Coarse and fine sampling agree on a smooth response: the search may be coarse.
TEST(risk_surrogate, few_nodes_say_about_what_many_say) {
  const auto inner = wavy();
  const std::vector<RiskColumn> columns{column(Kind::conditional_value_at_risk, 0.8)};
  const auto coarse = risky(inner, columns)->posterior(three);
  const auto fine = risky(inner, columns, 0.08, {.nodes = 128, .samples = 256})->posterior(three);
  EXPECT_LT((coarse->mean().col(1) - fine->mean().col(1)).cwiseAbs().maxCoeff(), 0.1);
}

}  // namespace
}  // namespace luban::recommend::detail
