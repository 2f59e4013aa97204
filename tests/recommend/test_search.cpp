#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/search.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using process::VariableKind;

/// A landscape from plain functions, gradients by central differences.
class FunctionLandscape final : public Landscape {
 public:
  explicit FunctionLandscape(test::Function value, std::vector<test::Function> constraints = {})
      : value_(std::move(value)), constraints_(std::move(constraints)) {}

  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override {
    Value result;
    result.value.resize(X.rows());
    result.constraints.resize(X.rows(), static_cast<Eigen::Index>(constraints_.size()));
    if (gradients) {
      result.gradient.resize(X.rows(), X.cols());
      result.jacobians.assign(constraints_.size(), Eigen::MatrixXd(X.rows(), X.cols()));
    }
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const Eigen::VectorXd x = X.row(i).transpose();
      result.value(i) = value_(x);
      if (gradients) result.gradient.row(i) = slope(value_, x);
      for (std::size_t k = 0; k < constraints_.size(); ++k) {
        result.constraints(i, static_cast<Eigen::Index>(k)) = constraints_[k](x);
        if (gradients) result.jacobians[k].row(i) = slope(constraints_[k], x);
      }
    }
    return result;
  }

 private:
  static Eigen::RowVectorXd slope(const test::Function& function, const Eigen::VectorXd& x) {
    Eigen::RowVectorXd gradient(x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      Eigen::VectorXd up = x;
      Eigen::VectorXd down = x;
      up(j) += 1e-6;
      down(j) -= 1e-6;
      gradient(j) = (function(up) - function(down)) / 2e-6;
    }
    return gradient;
  }
  test::Function value_;
  std::vector<test::Function> constraints_;
};

process::SearchSpace unit_space(int d) {
  process::SearchSpace space;
  for (int j = 0; j < d; ++j) {
    process::Parameter parameter;
    parameter.name = "x" + std::to_string(j);
    parameter.low = 0.0;
    parameter.high = 1.0;
    space.parameters.push_back(parameter);
  }
  return space;
}

SearchRegion region_of(const process::SearchSpace& space) {
  std::vector<features::EncodedVariable> variables;
  for (const process::Parameter& p : space.parameters) {
    variables.push_back(p.is_numeric() ? test::numeric(p.name, p.low, p.high) : test::named(p.name, p.categories));
    variables.back().kind = p.kind;
  }
  return SearchRegion::make(features::Encoder(std::move(variables)), space, {});
}

SearchResult run(const process::SearchSpace& space, const Landscape& landscape, SearchOptions options = {}) {
  const SearchRegion region = region_of(space);
  return search(region, landscape, Eigen::MatrixXd(0, region.p()), options, core::RandomKey(4));
}

/// Several hills, the highest one narrow.
double hills(const Eigen::VectorXd& x) {
  double value = 0.0;
  for (int k = 0; k < 6; ++k) {
    double distance = 0.0;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      distance += std::pow(x(j) - std::fmod(0.37 * (k + 1) + 0.61 * static_cast<double>(j), 1.0), 2);
    }
    value = std::max(value, (1.0 + 0.1 * k) * std::exp(-distance / (0.08 - 0.01 * k)));
  }
  return value;
}

TEST(Search, finds_the_highest_of_several_hills) {
  const SearchResult found = run(unit_space(3), FunctionLandscape(hills));
  EXPECT_NEAR(found.value, 1.5, 1e-4);
  EXPECT_TRUE(found.admissible());
}

TEST(Search, answer_does_not_depend_on_the_number_of_threads) {
  const FunctionLandscape landscape(hills, {[](const Eigen::VectorXd& x) { return x.squaredNorm() - 1.2; }});
  SearchResult first;
  for (const int threads : {1, 2, 3, 8}) {
    SearchOptions options;
    options.threads = threads;
    const SearchResult found = run(unit_space(4), landscape, options);
    if (threads == 1) first = found;
    EXPECT_EQ(found.x, first.x);
    EXPECT_EQ(found.value, first.value);
    EXPECT_EQ(found.evaluations, first.evaluations);
  }
}

TEST(Search, ends_inside_random_relations_and_curved_constraints) {
  core::Generator generator = core::RandomKey(12).generator();
  SearchOptions options;
  options.raw_samples = 64;
  options.restarts = 3;
  for (int trial = 0; trial < 60; ++trial) {
    process::SearchSpace space = unit_space(static_cast<int>(2 + generator.below(4)));
    const auto d = static_cast<Eigen::Index>(space.parameters.size());
    Eigen::VectorXd inside(d);
    for (double& value : inside) value = generator.uniform();
    for (int i = 0; i < 2; ++i) {
      process::ParameterConstraint constraint;
      double value = 0.0;
      for (Eigen::Index j = 0; j < d; ++j) {
        constraint.sum.emplace_back(space.parameters[j].name, generator.normal());
        value += constraint.sum.back().second * inside(j);
      }
      constraint.upper = value + 0.1 * generator.uniform();
      if (trial % 3 == 0 && i == 0) constraint.lower = constraint.upper = value;
      space.constraints.push_back(std::move(constraint));
    }
    const Eigen::VectorXd direction = Eigen::VectorXd::NullaryExpr(d, [&] { return generator.normal(); });
    const test::Function ball = [&](const Eigen::VectorXd& x) { return (x - inside).squaredNorm() - 0.04; };
    const FunctionLandscape landscape([&](const Eigen::VectorXd& x) { return direction.dot(x); }, {ball});
    const SearchResult found = run(space, landscape, options);
    ASSERT_TRUE(found.admissible()) << "trial " << trial << " violation " << found.violation;
    EXPECT_LE(ball(found.x), 0.0);
    EXPECT_TRUE(region_of(space).contains(found.x, 1e-9)) << "trial " << trial;
    // A linear function over a convex set: no sampled point may beat the answer.
    const Eigen::MatrixXd samples = region_of(space).sample(500, core::RandomKey(99));
    for (Eigen::Index i = 0; i < samples.rows(); ++i) {
      const Eigen::VectorXd x = samples.row(i).transpose();
      if (ball(x) > 0.0) continue;
      EXPECT_LE(direction.dot(x), found.value + 1e-5) << "trial " << trial;
    }
  }
}

TEST(Search, says_how_far_from_admissible_when_nothing_is) {
  const FunctionLandscape landscape(hills, {[](const Eigen::VectorXd& x) { return 0.5 + x(0); }});
  const SearchResult found = run(unit_space(2), landscape);
  EXPECT_FALSE(found.admissible());
  EXPECT_NEAR(found.violation, 0.5, 1e-3);
  EXPECT_NEAR(found.x(0), 0.0, 1e-3);
}

double mixed_value(const Eigen::VectorXd& x) {
  // Best at x0 = 0.3, integer level nearest 0.6, category 2; the category shifts the continuous optimum.
  const double shift = x(2) == 2.0 ? 0.0 : 0.5;
  return -std::pow(x(0) - 0.3 - shift, 2) - std::pow(x(1) - 0.6, 2) - (x(2) == 2.0 ? 0.0 : 0.1);
}

process::SearchSpace mixed_space(double integer_high) {
  process::SearchSpace space = unit_space(3);
  space.parameters[1].kind = VariableKind::integer;
  space.parameters[1].high = integer_high;
  space.parameters[2].kind = VariableKind::categorical;
  space.parameters[2].categories = {"A", "B", "C", "D"};
  return space;
}

TEST(Search, mixed_columns_enumerated_and_by_neighbours) {
  for (const double levels : {10.0, 500.0}) {  // 44 combinations, 2004 combinations
    const SearchResult found = run(mixed_space(levels), FunctionLandscape(mixed_value));
    EXPECT_NEAR(found.x(0), 0.3, 1e-4);
    EXPECT_NEAR(found.x(1), 0.6, 1e-9);
    EXPECT_EQ(found.x(2), 2.0);
  }
}

TEST(Search, starts_given_are_used) {
  const auto needle = [](const Eigen::VectorXd& x) {
    return std::exp(-1e6 * (x - Eigen::VectorXd::Constant(x.size(), 0.123)).squaredNorm());
  };
  const SearchRegion region = region_of(unit_space(6));
  const FunctionLandscape landscape(needle);
  Eigen::MatrixXd starts = Eigen::MatrixXd::Constant(1, 6, 0.1232);
  EXPECT_GT(search(region, landscape, starts, {}, core::RandomKey(1)).value, 0.99);
}

TEST(Search, climbs_that_meet_go_on_as_one) {
  const auto bowl = [](const Eigen::VectorXd& x) { return -(x.array() - 0.4).square().square().sum(); };
  const FunctionLandscape landscape(bowl, {[](const Eigen::VectorXd& x) { return x(0) - 0.35; }});
  const SearchRegion region = region_of(unit_space(3));
  SearchOptions options;
  options.restarts = 1;
  Eigen::MatrixXd crowd = Eigen::MatrixXd::Constant(8, 3, 0.9);
  for (Eigen::Index i = 0; i < crowd.rows(); ++i) crowd.row(i).array() += 1e-3 * static_cast<double>(i);
  const SearchResult one = search(region, landscape, crowd.topRows(1), options, core::RandomKey(1));
  const SearchResult all = search(region, landscape, crowd, options, core::RandomKey(1));
  EXPECT_NEAR(all.value, one.value, 1e-6);
  EXPECT_TRUE(all.admissible());
  EXPECT_LE(all.evaluations, one.evaluations + 2 * (crowd.rows() - 1));  // each is judged, then seven of them end
}

TEST(Search, stops_when_asked_and_refuses_bad_options) {
  std::stop_source source;
  source.request_stop();
  const SearchRegion region = region_of(unit_space(2));
  const FunctionLandscape landscape(hills);
  const Eigen::MatrixXd none(0, 2);
  EXPECT_THROW(static_cast<void>(search(region, landscape, none, {}, core::RandomKey(1),
                                        {.stop = source.get_token(), .progress = {}})),
               core::StoppedError);
  SearchOptions options;
  options.restarts = 0;
  EXPECT_THROW(static_cast<void>(search(region, landscape, none, options, core::RandomKey(1))),
               core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
