// Nonlinear relations: their values and slopes, points brought onto them, searches that keep them.
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/signomial.hpp>
#include <luban/recommend/initial_design.hpp>
#include <luban/recommend/search.hpp>
#include <luban/recommend/sobol.hpp>

#include "turning.hpp"

namespace luban::recommend {
namespace {

using process::SignomialConstraint;
using process::VariableKind;

constexpr double infinity = std::numeric_limits<double>::infinity();

process::SearchSpace space_of(const std::vector<std::pair<double, double>>& ranges) {
  process::SearchSpace space;
  for (std::size_t j = 0; j < ranges.size(); ++j) {
    space.parameters.push_back(test::parameter("x" + std::to_string(j + 1), "", ranges[j].first, ranges[j].second));
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

double number(const SearchRegion& region, const Eigen::VectorXd& x, Eigen::Index column) {
  return std::get<double>(region.encoder().decode_value(column, x(column)));
}

/// A function of the parameters' own numbers, to minimise.
class Own final : public Landscape {
 public:
  Own(const SearchRegion& region, test::Function function) : region_(region), function_(std::move(function)) {}
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override {
    Value out{Eigen::VectorXd(X.rows()), Eigen::MatrixXd(X.rows(), X.cols()), Eigen::MatrixXd(X.rows(), 0), {}};
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      out.value(i) = at(X.row(i));
      for (Eigen::Index j = 0; gradients && j < X.cols(); ++j) {
        Eigen::VectorXd up = X.row(i);
        Eigen::VectorXd down = up;
        up(j) += 1e-6;
        down(j) -= 1e-6;
        out.gradient(i, j) = (at(up) - at(down)) / 2e-6;
      }
    }
    return out;
  }

 private:
  [[nodiscard]] double at(const Eigen::VectorXd& x) const {
    Eigen::VectorXd own = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const features::EncodedVariable& variable = region_.encoder().variables()[static_cast<std::size_t>(j)];
      own(j) = variable.low + x(j) * (variable.high - variable.low);
    }
    return -function_(own);
  }
  const SearchRegion& region_;
  test::Function function_;
};

SearchResult minimum(const SearchRegion& region, const test::Function& function, int max_iterations = 60) {
  return search(region, Own(region, function), Eigen::MatrixXd(0, region.p()), {.max_iterations = max_iterations},
                core::RandomKey(3));
}

TEST(Signomials, have_the_slopes_of_finite_differences) {
  const process::SearchSpace space = space_of({{0.5, 2.0}, {0.0, 3.0}, {-2.0, 2.0}});
  const SearchRegion region = region_of(space);
  const detail::Signomial sum(region.encoder(), {{{{"x1", -1.5}, {"x2", 0.5}}, 2.0},
                                                 {{{"x3", 3.0}, {"x1", 1.0}}, -0.7},
                                                 {{{"x3", 1.0}, {"x3", 1.0}}, 1.0},
                                                 {{}, 4.0}});
  const Eigen::MatrixXd points = Sobol(3, core::RandomKey(5)).points(0, 20);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const Eigen::VectorXd x = points.row(i).transpose();
    const double a = 0.5 + 1.5 * x(0);
    const double b = 3.0 * x(1);
    const double c = -2.0 + 4.0 * x(2);
    EXPECT_NEAR(sum.value(x), 2.0 * std::pow(a, -1.5) * std::sqrt(b) - 0.7 * c * c * c * a + c * c + 4.0, 1e-12);
    Eigen::RowVectorXd gradient = Eigen::RowVectorXd::Zero(3);
    sum.add_gradient(x, 1.0, gradient);
    for (Eigen::Index j = 0; j < 3; ++j) {
      Eigen::VectorXd up = x;
      Eigen::VectorXd down = x;
      up(j) += 1e-6;
      down(j) -= 1e-6;
      EXPECT_NEAR(gradient(j), (sum.value(up) - sum.value(down)) / 2e-6, 1e-5 * (1.0 + std::abs(gradient(j))));
    }
  }
  EXPECT_TRUE(std::isfinite(sum.value(Eigen::Vector3d(0.0, 0.0, 0.5))));
  const detail::SignomialSet set(
      region.encoder(), {{{{{{"x1", -1.5}, {"x2", 0.5}}, 2.0}, {{{"x3", 3.0}}, 1.0}}, 0.0, 2.0}}, points.row(0));
  EXPECT_EQ(set.size(), 2);  // above 2, and below 0, where the terms themselves are what an excess is relative to
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const Eigen::MatrixXd jacobian = set.jacobian(points.row(i).transpose());
    for (Eigen::Index j = 0; j < 3; ++j) {
      Eigen::VectorXd up = points.row(i);
      Eigen::VectorXd down = up;
      up(j) += 1e-6;
      down(j) -= 1e-6;
      const Eigen::VectorXd slope = (set.constraints(up) - set.constraints(down)) / 2e-6;
      EXPECT_LT((jacobian.col(j) - slope).cwiseAbs().maxCoeff(), 1e-5 * (1.0 + slope.cwiseAbs().maxCoeff()));
    }
  }
  Eigen::RowVectorXd at_a_root = Eigen::RowVectorXd::Zero(3);
  sum.add_gradient(Eigen::Vector3d(0.0, 0.0, 0.5), 1.0, at_a_root);
  EXPECT_TRUE(at_a_root.allFinite());
}

TEST(Signomials, samples_lie_on_surfaces_and_in_narrow_bands) {
  for (const double band : {0.0, 1e-7, 1e-4, 0.02}) {
    process::SearchSpace space = space_of({{0.1, 10.0}, {0.1, 10.0}, {0.0, 1.0}});
    space.signomials = {{{{{{"x1", 1.0}, {"x2", 1.0}}, 1.0}}, 6.0, 6.0 * (1.0 + band)}};
    const SearchRegion region = region_of(space);
    const Eigen::MatrixXd points = region.sample(200, core::RandomKey(1));
    double low = 10.0;
    double high = 0.0;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      const Eigen::VectorXd x = points.row(i).transpose();
      ASSERT_TRUE(region.contains(x));
      const double product = number(region, x, 0) * number(region, x, 1);
      EXPECT_GE(product, 6.0 * (1.0 - 1e-6));
      EXPECT_LE(product, 6.0 * (1.0 + band + 1e-6));
      low = std::min(low, number(region, x, 0));
      high = std::max(high, number(region, x, 0));
    }
    EXPECT_LT(low, 1.0);  // all along the curve from (0.6, 10) to (10, 0.6)
    EXPECT_GT(high, 8.0);
  }
}

TEST(Signomials, samples_spread_within_a_small_set) {
  process::SearchSpace space = space_of({{-10.0, 10.0}, {-10.0, 10.0}, {-10.0, 10.0}, {-10.0, 10.0}});
  SignomialConstraint ball{.sum = {}, .upper = 1.0};
  for (const char* name : {"x1", "x2", "x3", "x4"}) ball.sum.push_back({{{name, 2.0}}, 1.0});
  space.signomials = {ball};
  const SearchRegion region = region_of(space);
  const Eigen::MatrixXd points = region.sample(200, core::RandomKey(1));
  int inner = 0;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const double radius = (20.0 * (points.row(i).array() - 0.5)).matrix().norm();
    ASSERT_LE(radius, 1.0 + 1e-6);
    if (radius < 0.8) ++inner;  // 41 % of the ball
  }
  EXPECT_GT(inner, 40);
}

TEST(Signomials, linear_equalities_and_curved_ones_hold_together) {
  process::SearchSpace space = space_of({{0.0, 1.0}, {0.0, 1.0}, {0.0, 1.0}});
  space.constraints = {{.sum = {{"x1", 1.0}, {"x2", 1.0}, {"x3", 1.0}}, .lower = 1.0, .upper = 1.0}};
  space.signomials = {{{{{{"x1", 1.0}, {"x2", 1.0}, {"x3", 1.0}}, 1.0}}, 0.02, 0.02}};
  const SearchRegion region = region_of(space);
  const Eigen::MatrixXd points = region.sample(50, core::RandomKey(1));
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    EXPECT_NEAR(points.row(i).sum(), 1.0, 1e-9);
    EXPECT_NEAR(points.row(i).prod(), 0.02, 1e-8);
  }
}

TEST(Signomials, whole_numbers_take_part_with_their_values) {
  process::SearchSpace space = space_of({{1.0, 40.0}, {1.0, 40.0}, {0.5, 2.0}});
  space.parameters[0].kind = space.parameters[1].kind = VariableKind::integer;
  space.signomials = {{{{{{"x1", 1.0}, {"x2", 1.0}, {"x3", -1.0}}, 1.0}}, 12.0, 12.0}};
  const SearchRegion region = region_of(space);
  const auto check = [&](const Eigen::VectorXd& x) {
    ASSERT_TRUE(region.contains(x));
    const double a = number(region, x, 0);
    const double b = number(region, x, 1);
    EXPECT_NEAR(a, std::round(a), 1e-9);
    EXPECT_NEAR(a * b / number(region, x, 2), 12.0, 1e-5);
  };
  const Eigen::MatrixXd points = region.sample(50, core::RandomKey(1));
  for (Eigen::Index i = 0; i < points.rows(); ++i) check(points.row(i).transpose());
  const SearchResult found = minimum(region, [](const Eigen::VectorXd& x) { return x(0) + 2.0 * x(1) + 0.01 * x(2); });
  EXPECT_TRUE(found.admissible());
  check(found.x);
  EXPECT_NEAR(number(region, found.x, 0), 3.0, 1e-9);  // a b = 12 c is between 6 and 24
  EXPECT_NEAR(number(region, found.x, 1), 2.0, 1e-9);
}

TEST(Signomials, relations_of_whole_numbers_alone) {
  process::SearchSpace space = space_of({{1.0, 60.0}, {1.0, 60.0}, {0.0, 1.0}});
  space.parameters[0].kind = space.parameters[1].kind = VariableKind::integer;
  space.signomials = {{{{{{"x1", 1.0}, {"x2", 1.0}}, 1.0}}, 91.0, 91.0}};  // 7 · 13
  const SearchRegion region = region_of(space);
  const Eigen::MatrixXd points = region.sample(8, core::RandomKey(1));
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const Eigen::VectorXd x = points.row(i).transpose();
    EXPECT_NEAR(number(region, x, 0) * number(region, x, 1), 91.0, 1e-9);
  }
}

// Rosenbrock's valley on a disk: the minimum at (1, 1) lies on the circle x² + y² = 2.
TEST(Signomials, search_finds_the_minimum_of_rosenbrock_on_a_disk) {
  const auto rosenbrock = [](const Eigen::VectorXd& x) {
    return std::pow(1.0 - x(0), 2) + 100.0 * std::pow(x(1) - x(0) * x(0), 2);
  };
  process::SearchSpace space = space_of({{-1.5, 1.5}, {-1.5, 1.5}});
  for (const bool edge : {false, true}) {
    space.signomials = {{{{{{"x1", 2.0}}, 1.0}, {{{"x2", 2.0}}, 1.0}}, edge ? 2.0 : -infinity, 2.0}};
    const SearchRegion region = region_of(space);
    const SearchResult found = minimum(region, rosenbrock);
    EXPECT_TRUE(found.admissible());
    EXPECT_NEAR(number(region, found.x, 0), 1.0, 1e-3);
    EXPECT_NEAR(number(region, found.x, 1), 1.0, 2e-3);
    EXPECT_TRUE(region.contains(found.x));
  }
}

// Weight of a tension/compression spring (Arora 1989; Coello 2000): best known 0.012665.
TEST(Signomials, search_finds_the_lightest_spring) {
  process::SearchSpace space = space_of({{0.05, 2.0}, {0.25, 1.3}, {2.0, 15.0}});  // wire, coil, active coils
  const auto power = [](double wire, double coil, double coils, double factor) {
    process::Monomial out{{}, factor};
    if (wire != 0.0) out.product.emplace_back("x1", wire);
    if (coil != 0.0) out.product.emplace_back("x2", coil);
    if (coils != 0.0) out.product.emplace_back("x3", coils);
    return out;
  };
  // Shear stress: (4 D² − d D) / (12566 (D d³ − d⁴)) + 1 / (5108 d²) ≤ 1, multiplied out by its positive denominators.
  space.signomials = {{{power(-4, 3, 1, 1.0 / 71785.0)}, 1.0, infinity},
                      {{power(0, 2, 0, 4.0 / 12566.0), power(1, 1, 0, -1.0 / 12566.0), power(1, 1, 0, 1.0 / 5108.0),
                        power(2, 0, 0, -1.0 / 5108.0), power(3, 1, 0, -1.0), power(4, 0, 0, 1.0)},
                       -infinity,
                       0.0},
                      {{power(1, -2, -1, 140.45)}, 1.0, infinity},
                      {{power(1, 0, 0, 1.0), power(0, 1, 0, 1.0)}, -infinity, 1.5}};
  const SearchRegion region = region_of(space);
  const SearchResult found = minimum(  // along a flat valley, hence more steps than an acquisition takes
      region, [](const Eigen::VectorXd& x) { return 100.0 * (x(2) + 2.0) * x(1) * x(0) * x(0); }, 300);
  EXPECT_TRUE(found.admissible());
  EXPECT_NEAR(-found.value / 100.0, 0.012665, 2e-5);
}

TEST(Signomials, where_nothing_keeps_them_the_least_broken_points_are_given) {
  process::SearchSpace space = space_of({{0.0, 2.0}, {0.0, 3.0}});
  space.signomials = {{{{{{"x1", 1.0}, {"x2", 1.0}}, 1.0}}, 10.0, infinity}};
  const SearchRegion region = region_of(space);
  const Eigen::VectorXd x = region.sample(1, core::RandomKey(1)).row(0).transpose();
  EXPECT_FALSE(region.contains(x));
  EXPECT_NEAR(number(region, x, 0) * number(region, x, 1), 6.0, 1e-6);
  const SearchResult found = minimum(region, [](const Eigen::VectorXd& at) { return at(0); });
  EXPECT_FALSE(found.admissible());
}

TEST(Signomials, refuse_names_and_powers_that_have_no_value) {
  process::SearchSpace space = space_of({{0.0, 2.0}, {-1.0, 3.0}});
  const auto refused = [&](const std::vector<process::Monomial>& sum) {
    space.signomials = {{sum, 0.0, 1.0}};
    EXPECT_THROW(region_of(space), core::ConfigurationError);
  };
  refused({{{{"x3", 1.0}}, 1.0}});
  refused({{{{"x1", -1.0}}, 1.0}});
  refused({{{{"x2", 0.5}}, 1.0}});
  refused({});
  space.signomials = {{{{{{"x1", 0.5}, {"x2", 2.0}}, 1.0}}, 0.0, 1.0}};
  EXPECT_NO_THROW(region_of(space));
}

/// The turning process with its removal rate held.
Basis held(double lower, double upper) {
  process::ProcessDefinition definition = test::turning_definition();
  definition.outcome_constraints = {{.response = "rate", .lower = lower, .upper = upper}};
  return test::turning_basis(std::move(definition));
}

TEST(Signomials, a_bound_with_equal_ends_is_kept_by_recommendations) {
  for (const auto& [lower, upper] : {std::pair(20.0, 20.0), std::pair(20.0, 20.0002), std::pair(20.0, 20.2)}) {
    const Basis basis = held(lower, upper);
    for (const Kind kind : {Kind::best_mean, Kind::explore}) {
      const auto proposals = recommend(basis, {.kind = kind, .q = 2, .context = test::tool("New")}, core::RandomKey(1));
      ASSERT_FALSE(proposals.empty());
      for (const Proposal& proposal : proposals) {
        const process::Recipe& recipe = proposal.recommendation.recipe;
        const double rate = recipe.number("speed") * recipe.number("feed");
        EXPECT_GE(rate, lower * (1.0 - 1e-6));
        EXPECT_LE(rate, upper * (1.0 + 1e-6));
        EXPECT_GT(proposal.recommendation.probability_feasible, 0.99);
      }
    }
  }
  // The best on the curve speed · feed = 20, by brute force.
  double best = infinity;
  for (int i = 0; i <= 20000; ++i) {
    const double speed = 134.0 + 0.0083 * i;
    const double feed = 20.0 / speed;
    if (feed <= 0.15 && speed <= 300.0 && speed + 1000.0 * feed <= 400.0) {
      best = std::min(best, test::roughness(speed, feed, false));
    }
  }
  const auto proposals =
      recommend(held(20.0, 20.0), {.kind = Kind::best_mean, .context = test::tool("New")}, core::RandomKey(1));
  const process::Recipe& recipe = proposals[0].recommendation.recipe;
  EXPECT_LT(test::roughness(recipe.number("speed"), recipe.number("feed"), false), best + 0.03);
}

TEST(Signomials, a_bound_with_equal_ends_is_kept_along_the_front_and_by_the_first_runs) {
  const Basis basis = held(20.0, 20.0);
  process::ProcessDefinition definition = basis.process->definition();
  definition.derived.push_back({.name = "ratio", .unit = "", .sum = {{{{"speed", 1.0}, {"feed", -1.0}}, 1.0}}});
  definition.objectives.push_back({.response = "ratio", .goal = process::Goal::maximize});
  Basis wide = test::turning_basis(std::move(definition));
  const Front front = pareto(wide, {.context = test::tool("New"), .objectives = {"roughness", "ratio"}, .points = 5},
                             core::RandomKey(1));
  EXPECT_GE(front.points.size(), 3U);
  for (const Proposal& point : front.points) {
    const process::Recipe& recipe = point.recommendation.recipe;
    EXPECT_NEAR(recipe.number("speed") * recipe.number("feed"), 20.0, 2e-5);
  }
  const auto design = initial_design(*basis.process, test::tool("New"), 12, 0, core::RandomKey(1));
  ASSERT_EQ(design.size(), 12U);
  for (const process::Recommendation& first : design) {
    EXPECT_NEAR(first.recipe.number("speed") * first.recipe.number("feed"), 20.0, 2e-5);
  }
}

}  // namespace
}  // namespace luban::recommend
