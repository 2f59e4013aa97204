#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <luban/core/random.hpp>
#include <luban/recommend/detail/conflict.hpp>
#include <luban/recommend/detail/quadratic_program.hpp>
#include <luban/recommend/detail/sequential_quadratic.hpp>

namespace luban::recommend::detail {
namespace {

Eigen::MatrixXd random_matrix(Eigen::Index rows, Eigen::Index columns, core::Generator& generator) {
  Eigen::MatrixXd m(rows, columns);
  for (double& value : m.reshaped()) value = generator.normal();
  return m;
}

/// The optimality conditions of a convex quadratic program, which only its solution meets.
void expect_optimal(const Eigen::MatrixXd& G, const Eigen::VectorXd& g, const LinearRows& rows,
                    const QuadraticSolution& solution) {
  const Eigen::VectorXd slack = rows.a * solution.x - rows.b;
  EXPECT_LT((G * solution.x + g - rows.a.transpose() * solution.multipliers).norm(), 1e-7 * (1.0 + g.norm()));
  for (Eigen::Index i = 0; i < slack.size(); ++i) {
    if (i < rows.equalities) {
      EXPECT_NEAR(slack(i), 0.0, 1e-9);
    } else {
      EXPECT_GE(slack(i), -1e-9);
      EXPECT_GE(solution.multipliers(i), -1e-9);
      EXPECT_NEAR(slack(i) * solution.multipliers(i), 0.0, 1e-7);
    }
  }
}

TEST(QuadraticProgram, random_problems_meet_the_optimality_conditions) {
  core::Generator generator = core::RandomKey(7).generator();
  for (int trial = 0; trial < 300; ++trial) {
    const auto d = static_cast<Eigen::Index>(1 + generator.below(10));
    const auto count = static_cast<Eigen::Index>(generator.below(20));
    const Eigen::MatrixXd root = random_matrix(d, d, generator);
    const Eigen::MatrixXd G = root * root.transpose() + 0.1 * Eigen::MatrixXd::Identity(d, d);
    const Eigen::VectorXd g = random_matrix(d, 1, generator);
    LinearRows rows{random_matrix(count, d, generator), {}, std::min<Eigen::Index>(count, generator.below(d))};
    const Eigen::VectorXd inside = random_matrix(d, 1, generator);
    rows.b = rows.a * inside;
    for (Eigen::Index i = rows.equalities; i < count; ++i) rows.b(i) -= generator.uniform();
    const QuadraticSolution solution = solve_quadratic(G, g, rows);
    ASSERT_TRUE(solution.feasible) << trial;
    expect_optimal(G, g, rows, solution);
  }
}

TEST(QuadraticProgram, within_a_box_the_short_way_gives_the_same) {
  core::Generator generator = core::RandomKey(8).generator();
  for (int trial = 0; trial < 500; ++trial) {
    const auto d = static_cast<Eigen::Index>(1 + generator.below(24));
    const Eigen::MatrixXd root = random_matrix(d, d, generator);
    const Eigen::MatrixXd G = root * root.transpose() + 0.01 * Eigen::MatrixXd::Identity(d, d);
    const Eigen::VectorXd g = random_matrix(d, 1, generator);
    Eigen::VectorXd low(d);
    Eigen::VectorXd high(d);
    for (Eigen::Index i = 0; i < d; ++i) {
      low(i) = generator.below(4) == 0 ? 0.0 : -0.3 * generator.uniform();
      high(i) = generator.below(4) == 0 ? 0.0 : 0.3 * generator.uniform();
    }
    LinearRows rows{Eigen::MatrixXd(2 * d, d), Eigen::VectorXd(2 * d), 0};
    rows.a << Eigen::MatrixXd::Identity(d, d), -Eigen::MatrixXd::Identity(d, d);
    rows.b << low, -high;
    const Eigen::VectorXd x = solve_box_quadratic(G, g, low, high);
    ASSERT_TRUE((x.array() >= low.array()).all() && (x.array() <= high.array()).all());
    ASSERT_LT((x - solve_quadratic(G, g, rows).x).cwiseAbs().maxCoeff(), 1e-8) << trial;
  }
}

TEST(QuadraticProgram, redundant_and_repeated_rows_do_no_harm) {
  LinearRows rows{Eigen::MatrixXd(4, 2), Eigen::VectorXd(4), 2};
  rows.a << 1, 1, 2, 2, 1, 0, 1, 0;
  rows.b << 1, 2, 0.7, 0.7;
  const QuadraticSolution solution = solve_quadratic(Eigen::MatrixXd::Identity(2, 2), Eigen::VectorXd::Zero(2), rows);
  ASSERT_TRUE(solution.feasible);
  EXPECT_NEAR(solution.x(0), 0.7, 1e-12);
  EXPECT_NEAR(solution.x(1), 0.3, 1e-12);
}

TEST(QuadraticProgram, contradictions_are_certified) {
  LinearRows rows{Eigen::MatrixXd(3, 2), Eigen::VectorXd(3), 0};
  rows.a << 1, 0, 0, 1, -1, -1;
  rows.b << 1, 1, -1.5;  // x ≥ 1, y ≥ 1, x + y ≤ 1.5
  const QuadraticSolution solution = solve_quadratic(Eigen::MatrixXd::Identity(2, 2), Eigen::VectorXd::Zero(2), rows);
  EXPECT_FALSE(solution.feasible);
  EXPECT_EQ(solution.clash.size(), 3U);
}

Demand demand(double a, double b, double least) {
  Demand one;
  one.a.emplace_back(2);
  one.a.back() << a, b;
  one.b.push_back(least);
  return one;
}

TEST(QuadraticProgram, what_overflows_is_no_answer) {
  const Eigen::MatrixXd flat = Eigen::MatrixXd::Identity(2, 2) * 1e-300;
  LinearRows rows{Eigen::MatrixXd::Identity(2, 2), Eigen::VectorXd::Zero(2), 0};
  EXPECT_FALSE(solve_quadratic(flat, Eigen::Vector2d(1e200, -1e200), rows).feasible);
}

TEST(Conflict, is_smallest) {
  // x ≥ 0.8 and x + y ≤ 0.5 clash once y ≥ 0; the other demands are innocent.
  const std::vector<Demand> demands = {demand(0, -1, -1), demand(1, 0, 0.8), demand(1, 0, 0.1), demand(0, 1, 0),
                                       demand(-1, -1, -0.5)};
  EXPECT_FALSE(compatible(demands));
  EXPECT_EQ(smallest_conflict(demands), (std::vector<std::size_t>{1, 3, 4}));
  EXPECT_TRUE(smallest_conflict({demands[0], demands[1], demands[2]}).empty());
}

TEST(Conflict, random_conflicts_lose_their_contradiction_with_any_member) {
  core::Generator generator = core::RandomKey(21).generator();
  int found = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<Demand> demands;
    for (int i = 0; i < 9; ++i) demands.push_back(demand(generator.normal(), generator.normal(), generator.normal()));
    const std::vector<std::size_t> conflict = smallest_conflict(demands);
    EXPECT_EQ(conflict.empty(), compatible(demands));
    if (conflict.empty()) continue;
    ++found;
    std::vector<Demand> members;
    for (const std::size_t i : conflict) members.push_back(demands[i]);
    EXPECT_FALSE(compatible(members));
    for (std::size_t i = 0; i < members.size(); ++i) {
      std::vector<Demand> others = members;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_TRUE(compatible(others)) << "trial " << trial;
    }
  }
  EXPECT_GT(found, 20);
}

FeasibleSet box(Eigen::Index d, double low, double high) {
  return {Eigen::VectorXd::Constant(d, low),
          Eigen::VectorXd::Constant(d, high),
          {Eigen::MatrixXd(0, d), Eigen::VectorXd(0), 0}};
}

TEST(SequentialQuadratic, rosenbrock_in_a_box) {
  const auto rosenbrock = [](const Eigen::VectorXd& x) {
    SmoothValue at;
    at.gradient = Eigen::VectorXd::Zero(x.size());
    for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
      const double a = x(i + 1) - x(i) * x(i);
      const double b = 1.0 - x(i);
      at.value += 100.0 * a * a + b * b;
      at.gradient(i) += -400.0 * x(i) * a - 2.0 * b;
      at.gradient(i + 1) += 200.0 * a;
    }
    at.jacobian.resize(0, x.size());
    return at;
  };
  SequentialOptions options;
  options.max_iterations = 300;
  const SequentialResult free =
      minimise_sequential(rosenbrock, box(4, -2.0, 2.0), Eigen::VectorXd::Constant(4, -1.2), options);
  EXPECT_LT((free.x - Eigen::VectorXd::Ones(4)).norm(), 1e-3);
  EXPECT_LT(free.evaluations, 150);
  // With x1 ≤ 0.5 the optimum lies on the bound: x2 follows at about x1².
  FeasibleSet set = box(2, -2.0, 2.0);
  set.high(0) = 0.5;
  const SequentialResult bounded = minimise_sequential(rosenbrock, set, Eigen::Vector2d(-1.2, 1.0), options);
  EXPECT_DOUBLE_EQ(bounded.x(0), 0.5);
  EXPECT_NEAR(bounded.x(1), 0.25, 1e-5);
}

TEST(SequentialQuadratic, curved_constraint_and_equality) {
  // max x + y on the disc of radius 1 with x = 2 y: (2, 1)/√5.
  const auto disc = [](const Eigen::VectorXd& x) {
    SmoothValue at;
    at.value = -x.sum();
    at.gradient = -Eigen::VectorXd::Ones(2);
    at.constraints = Eigen::VectorXd::Constant(1, x.squaredNorm() - 1.0);
    at.jacobian = 2.0 * x.transpose();
    return at;
  };
  FeasibleSet set = box(2, -3.0, 3.0);
  const SequentialResult free = minimise_sequential(disc, set, Eigen::Vector2d(2.5, -1.0));  // starts outside
  EXPECT_NEAR(free.x(0), M_SQRT1_2, 1e-6);
  EXPECT_NEAR(free.x(1), M_SQRT1_2, 1e-6);
  set.rows = {Eigen::MatrixXd(1, 2), Eigen::VectorXd::Zero(1), 1};
  set.rows.a << 1, -2;
  const SequentialResult tied = minimise_sequential(disc, set, Eigen::Vector2d(0.0, 0.0));
  EXPECT_NEAR(tied.x(0), 2.0 / std::sqrt(5.0), 1e-6);
  EXPECT_NEAR(tied.x(0), 2.0 * tied.x(1), 1e-12);
  EXPECT_LE(tied.violation, 1e-9);
}

TEST(SequentialQuadratic, ends_soon_where_a_constraint_cannot_be_kept) {
  int asked = 0;
  const auto hopeless = [&asked](const Eigen::VectorXd& x) {
    EXPECT_TRUE(x.allFinite());
    ++asked;
    SmoothValue at;
    at.value = std::pow(x(0) - 0.9, 2) + x(1);
    at.gradient = Eigen::Vector2d(2.0 * (x(0) - 0.9), 1.0);
    at.constraints = Eigen::VectorXd::Constant(1, 0.1 + std::pow(x(0) - 0.3, 2) + std::pow(x(1) - 0.4, 4));
    at.jacobian = Eigen::RowVector2d(2.0 * (x(0) - 0.3), 4.0 * std::pow(x(1) - 0.4, 3));
    return at;
  };
  SequentialOptions options;
  options.max_iterations = 1000;
  const SequentialResult found = minimise_sequential(hopeless, box(2, 0.0, 1.0), Eigen::Vector2d(0.8, 0.9), options);
  EXPECT_LT(asked, 400);
  EXPECT_NEAR(found.violation, 0.1, 1e-3);
}

TEST(SequentialQuadratic, lengths_that_are_known_save_evaluations_and_move_no_optimum) {
  const Eigen::VectorXd lengths = Eigen::VectorXd{{0.05, 0.2, 1.0, 4.0}};
  const Eigen::VectorXd optimum = Eigen::VectorXd{{0.31, 0.42, 0.55, 0.68}};
  const auto valley = [&](const Eigen::VectorXd& x) {  // as wide as the lengths, and steeper away from its middle
    const Eigen::VectorXd z = (x - optimum).cwiseQuotient(lengths);
    SmoothValue at;
    at.value = 0.5 * z.squaredNorm() + 0.01 * z.squaredNorm() * z.squaredNorm();
    at.gradient = (1.0 + 0.04 * z.squaredNorm()) * z.cwiseQuotient(lengths);
    return at;
  };
  const Eigen::VectorXd start = Eigen::VectorXd::Constant(4, 0.5);
  SequentialOptions options;
  const SequentialResult blind = minimise_sequential(valley, box(4, 0.0, 1.0), start, options);
  options.lengths = lengths;
  const SequentialResult told = minimise_sequential(valley, box(4, 0.0, 1.0), start, options);
  EXPECT_LT((blind.x - optimum).cwiseQuotient(lengths).norm(), 1e-4);
  EXPECT_LT((told.x - optimum).cwiseQuotient(lengths).norm(), 1e-4);
  EXPECT_LT(told.evaluations, blind.evaluations);
  options.lengths = 7.0 * lengths;  // their ratios alone count
  EXPECT_EQ(minimise_sequential(valley, box(4, 0.0, 1.0), start, options).evaluations, told.evaluations);
}

TEST(SequentialQuadratic, without_free_coordinates_one_evaluation_is_the_answer) {
  const auto constant = [](const Eigen::VectorXd& x) { return SmoothValue{3.0, x, Eigen::VectorXd(0), {}}; };
  const FeasibleSet nothing{Eigen::VectorXd(0), Eigen::VectorXd(0), {Eigen::MatrixXd(0, 0), Eigen::VectorXd(0), 0}};
  const SequentialResult result = minimise_sequential(constant, nothing, Eigen::VectorXd(0));
  EXPECT_EQ(result.evaluations, 1);
  EXPECT_EQ(result.value, 3.0);
}

}  // namespace
}  // namespace luban::recommend::detail
