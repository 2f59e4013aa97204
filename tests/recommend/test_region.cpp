#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/search_region.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using features::Role;
using process::VariableKind;

process::Parameter parameter(const std::string& name, double low, double high,
                             VariableKind kind = VariableKind::continuous) {
  process::Parameter p;
  p.name = name;
  p.kind = kind;
  p.low = low;
  p.high = high;
  return p;
}

process::Parameter category(const std::string& name, std::vector<std::string> categories) {
  process::Parameter p;
  p.name = name;
  p.kind = VariableKind::categorical;
  p.categories = std::move(categories);
  return p;
}

features::Encoder encoder_of(const process::SearchSpace& space) {
  std::vector<features::EncodedVariable> variables;
  for (const process::Parameter& p : space.parameters) {
    features::EncodedVariable variable =
        p.is_numeric() ? test::numeric(p.name, p.low, p.high) : test::named(p.name, p.categories);
    variable.kind = p.kind;
    variable.unit = "u";
    variables.push_back(std::move(variable));
  }
  variables.push_back(test::named("tool", {"New", "Worn"}, Role::context));
  return features::Encoder(std::move(variables));
}

const std::vector<process::NamedValue> worn = {{"tool", "Worn", ""}};

SearchRegion make(const process::SearchSpace& space) {
  return SearchRegion::make(encoder_of(space), space, worn);
}

/// Random relations that some point of the box keeps; every third problem is an equality, some are very thin.
process::SearchSpace random_space(core::Generator& generator) {
  process::SearchSpace space;
  const auto d = 1 + generator.below(6);
  Eigen::VectorXd inside(static_cast<Eigen::Index>(d));
  for (std::uint64_t j = 0; j < d; ++j) {
    const double low = 100.0 * generator.normal();
    space.parameters.push_back(parameter("p" + std::to_string(j), low, low + 0.1 + 50.0 * generator.uniform()));
    inside(static_cast<Eigen::Index>(j)) =
        low + generator.uniform() * (space.parameters.back().high - space.parameters.back().low);
  }
  const auto count = generator.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    process::ParameterConstraint constraint;
    double value = 0.0;
    for (std::uint64_t j = 0; j < d; ++j) {
      constraint.sum.emplace_back(space.parameters[j].name, generator.normal());
      value += constraint.sum.back().second * inside(static_cast<Eigen::Index>(j));
    }
    const auto shape = generator.below(3);
    if (shape == 0 && d > count) constraint.lower = constraint.upper = value;
    if (shape != 0 || d <= count) constraint.upper = value + (shape == 1 ? 1e-6 : 5.0) * generator.uniform();
    space.constraints.push_back(std::move(constraint));
  }
  return space;
}

TEST(SearchRegion, more_whole_numbers_than_can_be_tried_are_refused) {
  process::SearchSpace space;
  space.parameters = {parameter("counter", 0.0, 3e9, VariableKind::integer)};
  try {
    (void)make(space);
    FAIL() << "three thousand million levels were taken";
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("at most 100000 whole numbers for \"counter\""), std::string::npos)
        << error.what();
  }
  space.parameters = {parameter("speed", 0.5, 30000.0, VariableKind::integer)};
  EXPECT_EQ(make(space).levels(0).size(), 30000U);
}

TEST(SearchRegion, samples_of_random_regions_are_admissible) {
  core::Generator generator = core::RandomKey(3).generator();
  for (int trial = 0; trial < 120; ++trial) {
    const process::SearchSpace space = random_space(generator);
    const SearchRegion region = make(space);
    const Eigen::MatrixXd rows = region.sample(40, core::RandomKey(static_cast<std::uint64_t>(trial)));
    for (Eigen::Index i = 0; i < rows.rows(); ++i) {
      ASSERT_TRUE(region.contains(rows.row(i).transpose(), 1e-9)) << "trial " << trial << " row " << i;
      ASSERT_EQ(rows(i, rows.cols() - 1), 1.0);  // the context
    }
    EXPECT_EQ(rows, region.sample(40, core::RandomKey(static_cast<std::uint64_t>(trial))));
  }
}

TEST(SearchRegion, thin_regions_are_filled_evenly) {
  process::SearchSpace space;
  for (const char* name : {"a", "b", "c"}) space.parameters.push_back(parameter(name, 0.0, 1.0));
  space.constraints.push_back({.sum = {{"a", 1.0}, {"b", 1.0}, {"c", 1.0}}, .lower = 1.0, .upper = 1.0});  // a mixture
  const Eigen::MatrixXd rows = make(space).sample(4000, core::RandomKey(1));
  for (Eigen::Index j = 0; j < 3; ++j) {
    EXPECT_NEAR(rows.col(j).mean(), 1.0 / 3.0, 0.02);
    EXPECT_NEAR((rows.col(j).array() - 1.0 / 3.0).square().mean(), 1.0 / 18.0, 0.005);  // of a uniform simplex
  }
}

TEST(SearchRegion, contradictions_are_named_and_only_those) {
  process::SearchSpace space;
  space.parameters = {parameter("speed", 100.0, 200.0), parameter("feed", 0.1, 0.3), parameter("depth", 1.0, 2.0)};
  space.constraints = {{.sum = {{"speed", 1.0}, {"depth", 10.0}}, .upper = 105.0},
                       {.sum = {{"feed", 1.0}, {"depth", 1.0}}, .lower = 1.2},
                       {.sum = {{"depth", 1.0}}, .upper = 1.9}};
  try {
    static_cast<void>(make(space));
    FAIL() << "no error";
  } catch (const core::InfeasibleError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(space.constraints[0].text()), std::string::npos) << text;
    EXPECT_NE(text.find("search range of speed"), std::string::npos) << text;
    EXPECT_NE(text.find("search range of depth"), std::string::npos) << text;
    EXPECT_EQ(text.find("feed"), std::string::npos) << text;
    EXPECT_EQ(text.find("1.9"), std::string::npos) << text;
  }
}

TEST(SearchRegion, whole_numbers_can_be_what_contradicts) {
  process::SearchSpace space;
  space.parameters = {parameter("passes", 0.0, 9.0, VariableKind::integer)};
  space.constraints = {{.sum = {{"passes", 2.0}}, .lower = 5.0, .upper = 5.0}};
  try {
    static_cast<void>(make(space));
    FAIL() << "no error";
  } catch (const core::InfeasibleError& error) {
    EXPECT_NE(std::string(error.what()).find("whole numbers for passes"), std::string::npos) << error.what();
  }
  space.constraints[0].lower = space.constraints[0].upper = 6.0;
  EXPECT_EQ(make(space).sample(3, core::RandomKey(0))(1, 0), 3.0 / 9.0);
}

TEST(SearchRegion, discrete_columns_take_their_levels) {
  process::SearchSpace space;
  space.parameters = {parameter("speed", 0.0, 10.0), parameter("passes", 1.0, 4.0, VariableKind::integer),
                      category("grade", {"A", "B", "C"}), parameter("fixed", 3.0, 3.0)};
  space.constraints = {{.sum = {{"speed", 1.0}, {"passes", 4.0}}, .upper = 15.0}};
  const SearchRegion region = make(space);
  EXPECT_EQ(region.combination_count(1000), 12);
  EXPECT_EQ(region.combinations().size(), 9U);  // passes = 4 leaves nothing for speed
  const Eigen::MatrixXd rows = region.sample(60, core::RandomKey(0));
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const process::Recipe recipe = region.recipe(rows.row(i).transpose());
    EXPECT_LE(recipe.number("speed") + 4.0 * recipe.number("passes"), 15.0 + 1e-9);
    EXPECT_EQ(recipe.number("passes"), std::round(recipe.number("passes")));
    EXPECT_EQ(recipe.number("fixed"), 3.0);
    EXPECT_TRUE(region.encode(recipe).isApprox(rows.row(i).transpose(), 1e-12));
  }
}

TEST(SearchRegion, projection_is_the_nearest_admissible_point) {
  process::SearchSpace space;
  space.parameters = {parameter("a", 0.0, 1.0), parameter("b", 0.0, 1.0)};
  space.constraints = {{.sum = {{"a", 1.0}, {"b", 1.0}}, .upper = 1.0}};
  const SearchRegion region = make(space);
  Eigen::VectorXd x = Eigen::Vector3d(0.9, 0.7, 1.0);
  ASSERT_TRUE(region.project(x));
  EXPECT_NEAR(x(0), 0.6, 1e-12);
  EXPECT_NEAR(x(1), 0.4, 1e-12);
  const std::vector<std::string> active = region.active(x);
  ASSERT_EQ(active.size(), 1U);
  EXPECT_NE(active[0].find("a + b <= 1"), std::string::npos);
  x << 0.0, 0.3, 1.0;
  EXPECT_NE(region.active(x).at(0).find("a is at the low end"), std::string::npos);
}

TEST(SearchRegion, says_what_is_wrong_with_a_context) {
  process::SearchSpace space;
  space.parameters = {parameter("speed", 0.0, 1.0)};
  const auto message = [&](const std::vector<process::NamedValue>& context) -> std::string {
    try {
      static_cast<void>(SearchRegion::make(encoder_of(space), space, context));
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message({}).find("tool (New or Worn)"), std::string::npos) << message({});
  EXPECT_NE(message({{"tol", "New", ""}}).find("\"tool\""), std::string::npos) << message({{"tol", "New", ""}});
  EXPECT_NE(message({{"tool", "Wornn", ""}}).find("\"Worn\""), std::string::npos);
  EXPECT_NE(message({{"tool", 1.0, ""}}).find("as a category"), std::string::npos);
  space.parameters[0].name = "sped";
  EXPECT_EQ(message(worn), "no error");
  process::SearchSpace other;
  other.parameters = {parameter("speed", 0.0, 1.0)};
  EXPECT_THROW(static_cast<void>(SearchRegion::make(encoder_of(space), other, worn)), core::ConfigurationError);
}

TEST(SearchRegion, recipes_never_leave_the_range_by_rounding) {
  for (int low = 0; low < 20; ++low) {
    for (int high = low + 1; high < 60; ++high) {
      process::SearchSpace space;
      space.parameters = {parameter("a", low / 100.0, high / 100.0), parameter("n", low, high, VariableKind::integer)};
      const SearchRegion region = make(space);
      Eigen::VectorXd x = region.encode(process::Recipe({{"a", low / 100.0, "u"}, {"n", double(high), "u"}}));
      for (const double end : {region.low(0), region.high(0)}) {
        x(0) = end;
        const process::Recipe recipe = region.recipe(x);
        const double a = std::get<double>(*recipe.find("a"));
        EXPECT_GE(a, space.parameters[0].low);
        EXPECT_LE(a, space.parameters[0].high);
        EXPECT_EQ(std::get<double>(*recipe.find("n")), double(high));
      }
    }
  }
}

TEST(SearchRegion, a_hair_inside_an_end_is_that_end) {
  process::SearchSpace space;
  space.parameters = {parameter("a", 0.0, 1.0), parameter("b", 100.0, 300.0)};
  const SearchRegion region = make(space);
  Eigen::VectorXd x = region.encode(process::Recipe({{"a", 0.0, "u"}, {"b", 300.0, "u"}}));
  x(0) = 1.39e-17;
  x(1) = std::nextafter(1.0, 0.0);
  EXPECT_EQ(std::get<double>(*region.recipe(x).find("a")), 0.0);
  EXPECT_EQ(std::get<double>(*region.recipe(x).find("b")), 300.0);
  const std::vector<std::string> texts = region.active(x);
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[0], "a is at the low end of its search range, 0 u");
  x(0) = 1e-6;
  EXPECT_EQ(std::get<double>(*region.recipe(x).find("a")), 1e-6);
}

TEST(SearchRegion, a_recipe_far_outside_stays_as_it_is) {
  process::SearchSpace space;
  space.parameters = {parameter("a", 0.03, 0.29)};
  const SearchRegion region = make(space);
  const Eigen::VectorXd x = region.encode(process::Recipe({{"a", 0.4, "u"}}));
  EXPECT_NEAR(std::get<double>(*region.recipe(x).find("a")), 0.4, 1e-12);
}

TEST(SearchRegion, a_grid_is_all_that_a_parameter_takes) {
  const features::Encoder encoder({test::numeric("a", 0.0, 10.0), test::numeric("b", 0.0, 10.0)});
  process::SearchSpace space;
  space.parameters = {parameter("a", 0.0, 10.0), parameter("b", 0.0, 10.0)};
  space.constraints.push_back({{{"a", 1.0}, {"b", 1.0}}, 9.0, 9.0});
  const SearchRegion region = SearchRegion::make(encoder, space, {}, {{"a", {5.0, 1.0, 10.0, 5.0}}});
  EXPECT_EQ(region.levels(0), (std::vector<double>{0.1, 0.5, 1.0}));
  const Eigen::MatrixXd points = region.sample(40, core::RandomKey(1));
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    EXPECT_TRUE(points(i, 0) == 0.1 || points(i, 0) == 0.5);  // 10 leaves nothing for b
    EXPECT_NEAR(points.row(i).sum(), 0.9, 1e-9);
  }
  EXPECT_THROW(static_cast<void>(SearchRegion::make(encoder, space, {}, {{"a", {9.5, 10.0}}})), core::InfeasibleError);
  EXPECT_THROW(static_cast<void>(SearchRegion::make(encoder, space, {}, {{"c", {1.0}}})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(SearchRegion::make(encoder, space, {}, {{"a", {}}})), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
