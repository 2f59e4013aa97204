#include <cmath>
#include <limits>
#include <stop_token>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/surrogate/detail/quasi_newton.hpp>

namespace luban::surrogate::detail {
namespace {

using Eigen::VectorXd;

constexpr double infinity = std::numeric_limits<double>::infinity();

double rosenbrock(const VectorXd& x, VectorXd& gradient) {
  double value = 0.0;
  gradient.setZero(x.size());
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
    const double a = x(i + 1) - x(i) * x(i);
    const double b = 1.0 - x(i);
    value += 100.0 * a * a + b * b;
    gradient(i) += -400.0 * a * x(i) - 2.0 * b;
    gradient(i + 1) += 200.0 * a;
  }
  return value;
}

/// Of a function that gives both at once.
template <typename Function>
Differentiable split(Function function) {
  return {.value =
              [function](const VectorXd& x) {
                VectorXd gradient = VectorXd::Zero(x.size());
                return function(x, gradient);
              },
          .gradient =
              [function](const VectorXd& x) {
                VectorXd gradient = VectorXd::Zero(x.size());
                function(x, gradient);
                return gradient;
              }};
}

VectorXd all(Eigen::Index n, double value) {
  return VectorXd::Constant(n, value);
}

TEST(quasi_newton, walks_down_rosenbrocks_valley) {
  for (const Eigen::Index n : {2, 10}) {
    const QuasiNewtonResult result = minimise(split(rosenbrock), all(n, -1.2), all(n, -infinity), all(n, infinity),
                                              {.gradient_tolerance = 1e-8, .value_tolerance = 0.0});
    EXPECT_TRUE(result.converged);
    EXPECT_LT((result.x - all(n, 1.0)).cwiseAbs().maxCoeff(), 1e-6);
    EXPECT_LT(result.evaluations, 200);
  }
}

TEST(quasi_newton, solves_an_ill_conditioned_quadratic) {
  const VectorXd curvature{{1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3}};
  const auto quadratic = [&](const VectorXd& x, VectorXd& gradient) {
    gradient = curvature.cwiseProduct(x);
    return 0.5 * x.dot(gradient);
  };
  const QuasiNewtonResult result = minimise(split(quadratic), all(6, 1.0), all(6, -infinity), all(6, infinity),
                                            {.gradient_tolerance = 1e-9, .value_tolerance = 0.0});
  EXPECT_TRUE(result.converged);
  EXPECT_LT(result.value, 1e-12);
}

TEST(quasi_newton, stops_on_the_bounds_where_they_bind) {
  const QuasiNewtonResult result = minimise(split(rosenbrock), all(2, -1.0), all(2, -2.0), VectorXd{{0.5, 2.0}},
                                            {.gradient_tolerance = 1e-9, .value_tolerance = 0.0});
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.x(0), 0.5);
  EXPECT_NEAR(result.x(1), 0.25, 1e-7);
}

// Convex, so the bounds and the slopes decide: at a lower bound the slope points up, at an upper one down, between them
// it is 0.
TEST(quasi_newton, random_quadratics_in_boxes_meet_the_optimality_conditions) {
  core::Generator generator(7);
  for (int trial = 0; trial < 40; ++trial) {
    const Eigen::Index n = 1 + trial % 9;
    const Eigen::MatrixXd root = Eigen::MatrixXd::NullaryExpr(n, n, [&] { return generator.normal(); });
    const Eigen::MatrixXd curvature = root * root.transpose() + 0.1 * Eigen::MatrixXd::Identity(n, n);
    const VectorXd slope = VectorXd::NullaryExpr(n, [&] { return 3.0 * generator.normal(); });
    const auto quadratic = [&](const VectorXd& x, VectorXd& gradient) {
      gradient = curvature * x + slope;
      return 0.5 * x.dot(curvature * x) + slope.dot(x);
    };
    const VectorXd low = VectorXd::NullaryExpr(n, [&] { return -generator.uniform(); });
    const VectorXd high = VectorXd::NullaryExpr(n, [&] { return generator.uniform(); });
    const QuasiNewtonResult result =
        minimise(split(quadratic), 0.5 * (low + high), low, high, {.gradient_tolerance = 1e-9, .value_tolerance = 0.0});
    const VectorXd gradient = curvature * result.x + slope;
    for (Eigen::Index k = 0; k < n; ++k) {
      EXPECT_GE(result.x(k), low(k)) << trial;
      EXPECT_LE(result.x(k), high(k)) << trial;
      if (result.x(k) > low(k)) {
        EXPECT_LE(gradient(k), 1e-6) << trial;
      }
      if (result.x(k) < high(k)) {
        EXPECT_GE(gradient(k), -1e-6) << trial;
      }
    }
  }
}

TEST(quasi_newton, leaves_a_bound_when_the_gradient_says_so) {
  const auto shifted = [](const VectorXd& x, VectorXd& gradient) {
    gradient = 2.0 * (x - all(2, 0.3));
    return (x - all(2, 0.3)).squaredNorm();
  };
  const QuasiNewtonResult result =
      minimise(split(shifted), VectorXd{{0.0, 1.0}}, all(2, 0.0), all(2, 1.0), {.value_tolerance = 1e-9});
  EXPECT_LT((result.x - all(2, 0.3)).norm(), 1e-4);
}

TEST(quasi_newton, a_fixed_variable_does_not_move) {
  const VectorXd start{{-1.2, 0.7}};
  const QuasiNewtonResult result = minimise(split(rosenbrock), start, VectorXd{{-5.0, 0.7}}, VectorXd{{5.0, 0.7}});
  EXPECT_EQ(result.x(1), 0.7);
  EXPECT_LT(result.value, 10.0);
}

TEST(quasi_newton, backs_away_from_where_the_function_is_not_defined) {
  const auto barrier = [](const VectorXd& x, VectorXd& gradient) {
    if (x(0) <= 0.0) return infinity;
    gradient(0) = 1.0 - 1.0 / x(0);
    return x(0) - std::log(x(0));
  };
  const QuasiNewtonResult result = minimise(split(barrier), all(1, 40.0), all(1, -infinity), all(1, infinity));
  EXPECT_NEAR(result.x(0), 1.0, 1e-3);
}

TEST(quasi_newton, an_unusable_start_is_reported_and_left_alone) {
  const auto nowhere = [](const VectorXd&, VectorXd&) { return infinity; };
  const QuasiNewtonResult result = minimise(split(nowhere), all(2, 1.0), all(2, 0.0), all(2, 2.0));
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.x, all(2, 1.0));
}

TEST(quasi_newton, stops_when_asked) {
  std::stop_source stop;
  stop.request_stop();
  const core::CallControl control{.stop = stop.get_token(), .progress = {}};
  EXPECT_THROW(static_cast<void>(minimise(split(rosenbrock), all(2, -1.2), all(2, -5.0), all(2, 5.0), {}, {}, control)),
               core::StoppedError);
}

}  // namespace
}  // namespace luban::surrogate::detail
