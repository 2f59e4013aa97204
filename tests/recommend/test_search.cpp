#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <vector>

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

// ---- against brute force --------------------------------------------------------------------------------------------

/// Three integers of 0 … 5, four categories, and perhaps a continuous column; the integers sum to at most 8, and two of
/// them are never 0 together.
process::SearchSpace lattice_space(int integers, bool continuous) {
  process::SearchSpace space = unit_space(integers + (continuous ? 2 : 1));
  process::ParameterConstraint sum;
  process::ParameterConstraint two;
  for (int j = 0; j < integers; ++j) {
    space.parameters[j].kind = VariableKind::integer;
    space.parameters[j].high = integers == 3 ? 5.0 : 3.0;
    sum.sum.emplace_back(space.parameters[j].name, 1.0);
    if (j < 2) two.sum.emplace_back(space.parameters[j].name, 1.0);
  }
  sum.upper = integers == 3 ? 8.0 : 4.0;
  two.lower = 1.0;
  space.parameters[integers].kind = VariableKind::categorical;
  space.parameters[integers].categories = {"A", "B", "C"};
  space.constraints = {sum, two};
  return space;
}

/// Coded rows of every combination that keeps both relations, written out.
std::vector<Eigen::VectorXd> lattice(int integers, double most, double total) {
  std::vector<Eigen::VectorXd> rows;
  const int levels = static_cast<int>(most) + 1;
  const int combinations = static_cast<int>(std::pow(levels, integers)) * 3;
  for (int number = 0; number < combinations; ++number) {
    Eigen::VectorXd x(integers + 1);
    int rest = number / 3;
    double sum = 0.0;
    for (int j = 0; j < integers; ++j, rest /= levels) {
      sum += rest % levels;
      x(j) = (rest % levels) / most;
    }
    x(integers) = number % 3;
    if (sum <= total && x(0) + x(1) > 0.0) rows.push_back(x);
  }
  return rows;
}

/// A rugged function of a combination: nothing of a neighbour's value can be guessed.
double rugged(const Eigen::VectorXd& x, double seed) {
  double phase = seed;
  for (Eigen::Index j = 0; j < x.size(); ++j) phase += (17.3 + 11.9 * static_cast<double>(j)) * x(j);
  return std::sin(phase * phase) + 0.2 * std::cos(3.0 * phase);
}

// As BoTorch checks its mixed optimiser: the best of all combinations, each with its own continuous optimum.
TEST(Search, mixed_columns_end_at_the_best_of_all_combinations) {
  for (int trial = 0; trial < 12; ++trial) {
    const double seed = 0.7 * trial + 0.1;
    const auto place = [&](const Eigen::VectorXd& x) { return 0.5 + 0.5 * rugged(x.head(3), seed + 50.0) / 1.2; };
    const auto value = [&](const Eigen::VectorXd& x) { return rugged(x.head(3), seed) - std::pow(x(3) - place(x), 2); };
    // A third of the combinations break a bound whatever the continuous column does.
    const test::Function bound = [&](const Eigen::VectorXd& x) { return rugged(x.head(3), seed + 9.0) - 0.4; };
    double best = -10.0;
    for (const Eigen::VectorXd& x : lattice(2, 3.0, 4.0)) {
      if (bound(x) <= 0.0) best = std::max(best, rugged(x, seed));
    }
    const SearchResult found = run(lattice_space(2, true), FunctionLandscape(value, {bound}));
    EXPECT_TRUE(found.admissible()) << trial;
    EXPECT_NEAR(found.value, best, 1e-7) << trial;
  }
}

TEST(Search, too_many_combinations_end_where_no_neighbour_is_better) {
  const std::vector<Eigen::VectorXd> all = lattice(3, 5.0, 8.0);
  SearchOptions options;
  options.raw_samples = 16;
  options.restarts = 2;
  int best_of_all = 0;
  for (int trial = 0; trial < 12; ++trial) {
    const double seed = 0.7 * trial + 0.1;
    const auto value = [&](const Eigen::VectorXd& x) { return rugged(x, seed); };
    const test::Function bound = [&](const Eigen::VectorXd& x) { return rugged(x, seed + 9.0) - 0.4; };
    const SearchResult found = run(lattice_space(3, false), FunctionLandscape(value, {bound}), options);
    ASSERT_TRUE(found.admissible()) << trial;
    double best = -10.0;
    int known = 0;
    for (const Eigen::VectorXd& x : all) {
      if (bound(x) > 0.0) continue;
      best = std::max(best, value(x));
      const Eigen::ArrayXd away = (x - found.x).array().abs();
      const double steps = (5.0 * away.head(3)).sum() + (away(3) > 0.5 ? 1.0 : 0.0);
      if (steps < 1e-6) ++known;
      if (steps < 1.0 + 1e-6) {
        EXPECT_LE(value(x), found.value + 1e-12) << trial;
      }
    }
    EXPECT_EQ(known, 1) << trial;  // the answer is one of the lattice
    best_of_all += found.value >= best - 1e-12 ? 1 : 0;
  }
  EXPECT_LT(best_of_all, 12);  // else the lattice is too easy to tell a local optimum
}

/// Notes what is asked of a landscape.
class Noting final : public Landscape {
 public:
  explicit Noting(const Landscape& inner) : inner_(&inner) {}
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override {
    Value at = inner_->evaluate(X, gradients);
    const std::scoped_lock lock(mutex_);
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      points.emplace_back(X.row(i).transpose());
      if (at.constraints.cols() == 0 || at.constraints.row(i).maxCoeff() <= 0.0) best = std::max(best, at.value(i));
    }
    return at;
  }
  mutable std::vector<Eigen::VectorXd> points;
  mutable double best = -std::numeric_limits<double>::infinity();

 private:
  const Landscape* inner_;
  mutable std::mutex mutex_;
};

// Raw samples, starts and climbs: all within the region, and none of what they saw is better than the answer.
TEST(Search, looks_within_the_region_alone_and_forgets_nothing) {
  for (int trial = 0; trial < 8; ++trial) {
    process::SearchSpace space = unit_space(3);
    process::ParameterConstraint constraint;
    constraint.sum = {{"x0", 1.0}, {"x1", 1.0}, {"x2", -0.5}};
    constraint.upper = 0.8 + 0.05 * trial;
    if (trial % 2 == 1) constraint.lower = constraint.upper;
    space.constraints = {constraint};
    if (trial % 4 > 1) space.parameters[2].kind = VariableKind::integer;
    const test::Function ball = [](const Eigen::VectorXd& x) { return 0.1 - (x.array() - 0.3).square().sum(); };
    const FunctionLandscape landscape(hills, {ball});
    const Noting noting(landscape);
    SearchOptions options;
    options.restarts = 1 + trial;
    options.max_iterations = trial < 4 ? 60 : 1;
    const SearchResult found = run(space, noting, options);
    EXPECT_TRUE(found.admissible());
    EXPECT_GE(found.value, noting.best - 1e-12) << trial;
    EXPECT_EQ(found.evaluations, static_cast<int>(noting.points.size())) << trial;
    const SearchRegion region = region_of(space);
    for (const Eigen::VectorXd& x : noting.points) EXPECT_TRUE(region.contains(x, 1e-9)) << trial << ": " << x;
  }
}

// Each search has a curvature of its own: what runs beside it changes nothing.
TEST(Search, starts_together_find_what_the_best_of_them_finds_alone) {
  const SearchRegion region = region_of(unit_space(3));
  const FunctionLandscape landscape(hills);
  SearchOptions options;
  options.restarts = 1;
  options.raw_samples = 16;
  const Eigen::MatrixXd starts = region.sample(9, core::RandomKey(3));
  double best = 0.0;
  for (Eigen::Index i = 0; i < starts.rows(); ++i) {
    best = std::max(best, search(region, landscape, starts.row(i), options, core::RandomKey(1)).value);
  }
  EXPECT_NEAR(search(region, landscape, starts, options, core::RandomKey(1)).value, best, 1e-7);
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
