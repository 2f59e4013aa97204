#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/joint_log_noisy_expected_improvement.hpp>
#include <luban/recommend/joint_search.hpp>
#include <luban/recommend/joint_upper_confidence_bound.hpp>
#include <luban/recommend/log_expected_improvement.hpp>
#include <luban/recommend/sobol.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using process::Goal;
using test::AnalyticSurrogate;

process::Parameter continuous(const std::string& name, double low = 0.0, double high = 1.0) {
  process::Parameter parameter;
  parameter.name = name;
  parameter.low = low;
  parameter.high = high;
  return parameter;
}

process::SearchSpace square() {
  process::SearchSpace space;
  space.parameters = {continuous("a"), continuous("b")};
  return space;
}

features::Encoder encoder() {
  return features::Encoder({test::numeric("a"), test::numeric("b")});
}

double hills(const Eigen::VectorXd& x) {
  return std::sin(5.0 * x(0)) + std::cos(4.0 * x(1)) + x(0) * x(1);
}

struct Line {
  Line()
      : X(Sobol(2, core::RandomKey(2)).points(0, 12)),
        surrogate(std::make_shared<AnalyticSurrogate>(
            encoder(), std::vector<std::string>{"y"}, std::vector<test::Function>{hills}, X,
            AnalyticSurrogate::Options{.lengthscale = 0.3, .noise_sd = 0.1})) {}

  [[nodiscard]] std::unique_ptr<JointLandscape> landscape(const Eigen::MatrixXd& pending, Eigen::Index q) const {
    Eigen::MatrixXd fixed(X.rows() + pending.rows(), 2);
    fixed << X, pending;
    const std::shared_ptr<const surrogate::SurrogateBeside> beside = surrogate->beside(fixed);
    auto acquisition = std::make_shared<JointLogNoisyExpectedImprovement>(
        *beside, Utility{0, Goal::maximize}, std::vector<OutcomeBound>{}, JointSampling{.q = q}, core::RandomKey(4));
    return std::make_unique<SurrogateJointLandscape>(
        SurrogateJointLandscape::Definition{.beside = beside, .acquisition = acquisition, .q = q});
  }

  Eigen::MatrixXd X;
  std::shared_ptr<const surrogate::Surrogate> surrogate;
};

const Eigen::MatrixXd none(0, 2);

TEST(joint_search, finds_no_less_than_many_random_sets) {
  const Line line;
  const SearchRegion region = SearchRegion::make(encoder(), square(), {});
  for (const Eigen::Index q : {1, 3}) {
    const auto landscape = line.landscape(none, q);
    const JointSearchResult found = joint_search(region, *landscape, {}, {}, core::RandomKey(1));
    ASSERT_EQ(found.X.rows(), q);
    EXPECT_TRUE(found.admissible());
    EXPECT_NEAR(found.value, landscape->evaluate(found.X, false).value, 1e-12);
    const Eigen::MatrixXd random = Sobol(2, core::RandomKey(9)).points(0, 4000 * q);
    double best = -1e300;
    for (Eigen::Index i = 0; i < 4000; ++i) {
      best = std::max(best, landscape->evaluate(random.middleRows(i * q, q), false).value);
    }
    EXPECT_GE(found.value, best - 1e-9);
    for (const Eigen::MatrixXd& rows : {found.X}) {
      EXPECT_GE(rows.minCoeff(), 0.0);
      EXPECT_LE(rows.maxCoeff(), 1.0);
    }
  }
}

TEST(joint_search, one_by_one_is_as_good_and_polish_makes_it_no_worse) {
  const Line line;
  const SearchRegion region = SearchRegion::make(encoder(), square(), {});
  const MakeJointLandscape make = [&](const Eigen::MatrixXd& chosen, Eigen::Index q) {
    return line.landscape(chosen, q);
  };
  const auto together = joint_search(region, *line.landscape(none, 3), {}, {}, core::RandomKey(1));
  const auto one_by_one = sequential_joint_search(region, make, 3, {}, false, core::RandomKey(1));
  const auto polished = sequential_joint_search(region, make, 3, {}, true, core::RandomKey(1));
  EXPECT_GE(polished.value, one_by_one.value);
  EXPECT_GE(one_by_one.value, together.value - 0.05);
  EXPECT_EQ(one_by_one.X.rows(), 3);
}

TEST(joint_search, is_the_same_for_any_number_of_threads) {
  const Line line;
  const SearchRegion region = SearchRegion::make(encoder(), square(), {});
  const auto landscape = line.landscape(none, 2);
  JointSearchOptions options{.raw_sets = 64, .restarts = 4, .max_iterations = 15};
  options.threads = 1;
  const auto alone = joint_search(region, *landscape, {}, options, core::RandomKey(3));
  options.threads = 4;
  const auto many = joint_search(region, *landscape, {}, options, core::RandomKey(3));
  EXPECT_EQ(alone.X, many.X);
  EXPECT_EQ(alone.value, many.value);
  EXPECT_EQ(alone.evaluations, many.evaluations);
}

TEST(joint_search, keeps_relations_of_every_point) {
  const Line line;
  process::SearchSpace space = square();
  space.constraints = {{.sum = {{"a", 1.0}, {"b", 1.0}}, .upper = 0.6}};
  const SearchRegion region = SearchRegion::make(encoder(), space, {});
  const auto landscape = line.landscape(none, 3);
  const auto found = joint_search(region, *landscape, {}, {}, core::RandomKey(1));
  EXPECT_TRUE(found.admissible());
  for (Eigen::Index i = 0; i < 3; ++i) EXPECT_LE(found.X.row(i).sum(), 0.6 + 1e-9);
  space.constraints.front().lower = 0.6;
  const auto tight = joint_search(SearchRegion::make(encoder(), space, {}), *landscape, {}, {}, core::RandomKey(1));
  for (Eigen::Index i = 0; i < 3; ++i) EXPECT_NEAR(tight.X.row(i).sum(), 0.6, 1e-9);
}

TEST(joint_search, keeps_the_limits_of_a_pointwise_landscape) {
  const Line line;
  const SearchRegion region = SearchRegion::make(encoder(), square(), {});
  const std::shared_ptr<const surrogate::SurrogateBeside> beside = line.surrogate->beside(none);
  const auto acquisition = std::make_shared<JointUpperConfidenceBound>(*beside, Utility{0, Goal::maximize}, 2.0,
                                                                       JointSampling{.q = 2}, core::RandomKey(4));
  // Keep the response low, and away from the middle.
  const Eigen::MatrixXd avoid = Eigen::RowVector2d(0.5, 0.5);
  const auto limits = std::make_shared<SurrogateLandscape>(
      SurrogateLandscape::Definition{line.surrogate,
                                     std::make_shared<LogExpectedImprovement>(Utility{0, Goal::maximize}, 0.0),
                                     {{.response = 0, .upper = 0.8, .probability = 0.9}},
                                     avoid,
                                     0.3});
  const SurrogateJointLandscape landscape({beside, acquisition, 2, limits});
  const auto found = joint_search(region, landscape, {}, {}, core::RandomKey(2));
  ASSERT_TRUE(found.admissible());
  const auto at = line.surrogate->posterior(found.X);
  const auto variance = at->variance(surrogate::VarianceOf::run_mean);
  for (Eigen::Index i = 0; i < 2; ++i) {
    EXPECT_LE(at->mean()(i, 0) + 1.2815515655446004 * std::sqrt(variance(i, 0)), 0.8 + 1e-6);
    EXPECT_GE((found.X.row(i) - avoid).norm(), 0.3 - 1e-6);
  }
}

/// Counts how far q points are from levels that only the discrete columns decide, and from each other.
class Levels final : public JointLandscape {
 public:
  [[nodiscard]] Eigen::Index q() const noexcept override { return 2; }
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override {
    Value out;
    out.constraints.resize(2, 0);
    out.gradient = Eigen::MatrixXd::Zero(2, 2);
    for (Eigen::Index i = 0; i < 2; ++i) {
      const double wanted = 0.2 + 0.4 * static_cast<double>(i);
      out.value -= std::pow(X(i, 0) - wanted, 2) + std::pow(X(i, 1) - 2.0 * static_cast<double>(i), 2);
      if (gradients) out.gradient(i, 0) = -2.0 * (X(i, 0) - wanted);
    }
    return out;
  }
};

TEST(joint_search, steps_through_discrete_columns) {
  const features::Encoder mixed({test::numeric("a"), test::named("kind", {"x", "y", "z"})});
  process::SearchSpace space;
  process::Parameter kind;
  kind.name = "kind";
  kind.kind = process::VariableKind::categorical;
  kind.categories = {"x", "y", "z"};
  space.parameters = {continuous("a"), kind};
  const SearchRegion region = SearchRegion::make(mixed, space, {});
  const auto found = joint_search(region, Levels(), {}, {.raw_sets = 16, .restarts = 1}, core::RandomKey(1));
  EXPECT_NEAR(found.value, 0.0, 1e-8);
  EXPECT_EQ(found.X(0, 1), 0.0);
  EXPECT_EQ(found.X(1, 1), 2.0);
}

class Nowhere final : public JointLandscape {
 public:
  [[nodiscard]] Eigen::Index q() const noexcept override { return 1; }
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& /*X*/, bool /*gradients*/) const override {
    return {std::nan(""), Eigen::MatrixXd::Zero(1, 2), Eigen::MatrixXd(1, 0), {}};
  }
};

TEST(joint_search, refuses_what_cannot_be_searched) {
  const Line line;
  const SearchRegion region = SearchRegion::make(encoder(), square(), {});
  const auto landscape = line.landscape(none, 2);
  const core::RandomKey key(1);
  EXPECT_THROW(static_cast<void>(joint_search(region, *landscape, {}, {.raw_sets = 1}, key)), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(joint_search(region, *landscape, {Eigen::MatrixXd::Zero(1, 2)}, {}, key)),
               core::DataError);
  EXPECT_THROW(static_cast<void>(joint_search(region, Nowhere(), {}, {}, key)), core::NumericalError);
}

}  // namespace
}  // namespace luban::recommend
