// Within what the training data covered, and what is said outside.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/features/envelope.hpp>
#include <luban/recommend/best_mean.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

bool says(const std::vector<std::string>& sentences, const std::string& part) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](const std::string& sentence) { return sentence.find(part) != std::string::npos; });
}

/// Turning of which only slow and fast-fed runs are known: the best settings lie far from all of them.
Basis narrow_basis(process::ProcessDefinition definition = test::turning_definition()) {
  features::Dataset data = test::turning_data();
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    data.X(i, 0) *= 0.3;
    data.X(i, 1) = 0.6 + 0.3 * data.X(i, 1);
    data.Y(i, 0) = test::coded_roughness(data.X.row(i).transpose());
  }
  auto surrogate = std::make_shared<test::AnalyticSurrogate>(
      data.encoder, std::vector<std::string>{"roughness"}, std::vector<test::Function>{test::coded_roughness}, data.X,
      test::AnalyticSurrogate::Options{.lengthscale = 0.7, .signal_sd = 1.5, .noise_sd = 0.02, .mean = 2.0});
  auto envelope = std::make_shared<const process::TrainingEnvelope>(features::make_envelope(data));
  return {std::make_shared<const process::Process>(std::move(definition)), surrogate,
          std::make_shared<const features::Dataset>(std::move(data)), envelope};
}

SearchRegion region_of(const Basis& basis, const std::string& tool = "New") {
  return SearchRegion::make(basis.surrogate->encoder(), process::SearchSpace::of(*basis.process), test::tool(tool));
}

TEST(Reach, measures_as_the_envelope_does_and_its_gradient_is_right) {
  const Basis basis = narrow_basis();
  const Reach reach(*basis.envelope, region_of(basis));
  const double limit = basis.envelope->distance_quantiles[5];  // of 0.99
  ASSERT_EQ(basis.envelope->quantile_levels[5], 0.99);
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(8)).points(0, 40);
  Eigen::MatrixXd X = Eigen::MatrixXd::Zero(40, 3);
  X.leftCols<2>() = points;
  const Eigen::VectorXd excess = reach.excess(X);
  const Eigen::MatrixXd gradient = reach.gradient(X);
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const double distance = basis.envelope->distance({100.0 + 200.0 * X(i, 0), 0.05 + 0.1 * X(i, 1)});
    EXPECT_NEAR(reach.distance(X.row(i).transpose()), distance, 1e-9 * distance);
    EXPECT_NEAR(excess(i), std::pow(distance / limit, 2) - 1.0, 1e-9);
    EXPECT_EQ(reach.covers(X.row(i).transpose()), excess(i) <= 1e-6);
    for (Eigen::Index j = 0; j < 2; ++j) {
      Eigen::MatrixXd moved(2, 3);
      moved << X.row(i), X.row(i);
      moved(0, j) += 1e-5;
      moved(1, j) -= 1e-5;
      const Eigen::VectorXd at = reach.excess(moved);
      EXPECT_NEAR(gradient(i, j), (at(0) - at(1)) / 2e-5, 1e-6 * (1.0 + std::abs(gradient(i, j))));
    }
    EXPECT_EQ(gradient(i, 2), 0.0);
  }
  // A search sees the same as a constraint.
  const SurrogateLandscape landscape({basis.surrogate,
                                      std::make_shared<BestMean>(Utility{0, process::Goal::minimize}),
                                      {},
                                      Eigen::MatrixXd(0, 3),
                                      0.0,
                                      std::make_shared<const Reach>(reach)});
  const Landscape::Value value = landscape.evaluate(X, true);
  ASSERT_EQ(value.constraints.cols(), 1);
  EXPECT_EQ(value.constraints.col(0), excess);
  EXPECT_EQ(value.jacobians[0], gradient);
}

TEST(Reach, lies_between_the_levels_of_the_envelope) {
  const Basis basis = narrow_basis();
  const SearchRegion region = region_of(basis);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Zero(1, 3);
  double last = std::numeric_limits<double>::infinity();
  for (const double quantile : {0.5, 0.6, 0.75, 0.9, 0.97, 0.99, 0.999}) {
    const double excess = Reach(*basis.envelope, region, quantile).excess(x)(0);
    EXPECT_LE(excess, last);
    last = excess;
  }
  for (const double wrong : {0.4, 0.9999, process::no_number}) {
    EXPECT_THROW(Reach(*basis.envelope, region, wrong), core::ConfigurationError);
  }
}

TEST(Reach, the_best_mean_stays_within_it_unless_told_otherwise) {
  const Basis basis = narrow_basis();
  RecommendRequest request{.kind = Kind::best_mean, .q = 3, .context = test::tool("New"), .separation = 0.05};
  const Reach reach(*basis.envelope, region_of(basis));
  const auto inside = recommend(basis, request, core::RandomKey(1));
  for (const Proposal& proposal : inside) {
    EXPECT_TRUE(reach.covers(proposal.x));
    EXPECT_FALSE(proposal.explanation.outside);
    EXPECT_TRUE(proposal.explanation.warnings.empty());
    EXPECT_TRUE(says(proposal.recommendation.why, "better with probability"));
  }
  request.q = 1;
  request.novelty = 1.0;
  const auto anywhere = recommend(basis, request, core::RandomKey(1))[0];
  EXPECT_LT(anywhere.recommendation.predictions[0].mean, inside[0].recommendation.predictions[0].mean - 0.05);
  EXPECT_TRUE(anywhere.explanation.outside);
  const std::vector<std::string>& why = anywhere.recommendation.why;
  EXPECT_EQ(why[0].find("Caution: these settings lie outside what the training data covered"), 0U) << why[0];
  EXPECT_EQ(anywhere.explanation.warnings, std::vector<std::string>{why[0]});
  EXPECT_TRUE(std::isnan(anywhere.explanation.probability_better));
  EXPECT_FALSE(says(why, "with probability"));
  EXPECT_TRUE(says(why, "not judged: these settings lie outside"));
  // A wider share of the groups is a wider region.
  request.novelty = 0.5;
  EXPECT_GT(recommend(basis, request, core::RandomKey(1))[0].recommendation.predictions[0].mean,
            inside[0].recommendation.predictions[0].mean);
}

TEST(Reach, exploring_may_leave_it_and_says_so_first) {
  const auto proposal =
      recommend(narrow_basis(), {.kind = Kind::explore, .context = test::tool("New")}, core::RandomKey(1))[0];
  ASSERT_TRUE(proposal.explanation.outside);
  EXPECT_TRUE(says({proposal.recommendation.why[0]}, "outside what the training data covered"));
  EXPECT_EQ(proposal.recommendation.why[1].find("This explores: roughness is uncertain there"), 0U)
      << proposal.recommendation.why[1];
}

TEST(Reach, outcome_bounds_are_not_judged_outside) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "roughness", .upper = 2.5, .probability = 0.9}};
  RecommendRequest request{.kind = Kind::best_mean, .context = test::tool("New"), .novelty = 1.0};
  const auto outside = recommend(narrow_basis(definition), request, core::RandomKey(1))[0];
  ASSERT_TRUE(outside.explanation.outside);
  EXPECT_TRUE(std::isnan(outside.recommendation.probability_feasible));
  EXPECT_TRUE(says(outside.recommendation.why, "How likely the outcome constraints are kept is not judged"));
}

TEST(Reach, the_measured_settings_are_the_answer_where_nothing_inside_keeps_the_bounds) {
  process::ProcessDefinition definition = test::turning_definition();
  // Only runs that the envelope of the slowest ones leaves out are fast enough.
  definition.outcome_constraints = {{.response = "rate", .lower = 16.0}};
  Basis basis = narrow_basis(definition);
  features::Dataset slow = *basis.data;
  for (Eigen::Index i = 0; i < slow.n(); ++i) {
    slow.X(i, 0) *= 0.05;
    slow.X(i, 1) = 0.6 + 0.1 * (slow.X(i, 1) - 0.6);
  }
  basis.envelope = std::make_shared<const process::TrainingEnvelope>(features::make_envelope(slow));
  const RecommendRequest request{.kind = Kind::best_mean, .q = 3, .context = test::tool("New")};
  const auto proposals = recommend(basis, request, core::RandomKey(1));
  ASSERT_EQ(proposals.size(), 1U);
  EXPECT_LT(proposals[0].explanation.nearest[0].distance, 1e-9);
  EXPECT_GE(proposals[0].recommendation.predictions[1].mean, 16.0);
  EXPECT_TRUE(proposals[0].explanation.outside);
  EXPECT_TRUE(says(proposals[0].recommendation.why, "these are the nearest measured settings"));
  const Front front = pareto(basis, {.context = test::tool("New")}, core::RandomKey(1));
  for (const Proposal& point : front.points) {
    EXPECT_LT(point.explanation.nearest[0].distance, 1e-9);
    EXPECT_TRUE(point.explanation.outside);
  }
}

TEST(Reach, a_front_stays_within_it_unless_told_otherwise) {
  const Basis basis = narrow_basis();
  ParetoRequest request{.context = test::tool("New"), .points = 5};
  for (const Proposal& point : pareto(basis, request, core::RandomKey(1)).points) {
    EXPECT_FALSE(point.explanation.outside);
  }
  request.novelty = 1.0;
  const Front anywhere = pareto(basis, request, core::RandomKey(1));
  EXPECT_TRUE(std::any_of(anywhere.points.begin(), anywhere.points.end(),
                          [](const Proposal& point) { return point.explanation.outside; }));
}

}  // namespace
}  // namespace luban::recommend
