#include <cmath>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/joint_hypervolume.hpp>
#include <luban/recommend/detail/joint_scalarised.hpp>
#include <luban/recommend/hypervolume.hpp>
#include <luban/recommend/sobol.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using detail::Improvement;
using detail::JointLogExpectedHypervolumeImprovement;
using detail::JointLogScalarisedImprovement;
using process::Goal;
using surrogate::SurrogateBeside;
using surrogate::VarianceOf;

double hills(const Eigen::VectorXd& x) {
  return std::sin(5.0 * x(0)) + std::cos(4.0 * x(1)) + x(0) * x(1);
}
double slope(const Eigen::VectorXd& x) {
  return x(0) + 0.5 * x(1);
}
double bowl(const Eigen::VectorXd& x) {
  return std::pow(x(0) - 0.4, 2) - x(1);
}

Eigen::MatrixXd measured() {
  return (Eigen::MatrixXd(5, 2) << 0.1, 0.2, 0.8, 0.3, 0.4, 0.9, 0.6, 0.55, 0.95, 0.85).finished();
}
Eigen::MatrixXd waiting() {
  return (Eigen::MatrixXd(2, 2) << 0.5, 0.3, 0.05, 0.8).finished();
}

std::shared_ptr<const surrogate::Surrogate> analytic(double noise_sd = 0.05) {
  return std::make_shared<test::AnalyticSurrogate>(
      features::Encoder({test::numeric("a"), test::numeric("b")}), std::vector<std::string>{"y", "z", "w"},
      std::vector<test::Function>{hills, slope, bowl}, measured(),
      test::AnalyticSurrogate::Options{.lengthscale = 0.4, .noise_sd = noise_sd});
}

Improvement wanted(Eigen::Index objectives) {
  Improvement out;
  const Utility each[] = {{0, Goal::maximize}, {1, Goal::minimize}, {2, Goal::target, 0.1}};
  out.utilities.assign(each, each + objectives);
  out.reference = Eigen::Vector3d(-1.0, -1.6, -1.5).head(objectives);
  return out;
}

void expect_gradient(const JointAcquisition& acquisition, const SurrogateBeside& beside, Eigen::Index q) {
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(8)).points(0, 4 * q);
  for (Eigen::Index set = 0; set < 4; ++set) {
    const Eigen::MatrixXd X = points.middleRows(set * q, q);
    const auto value = [&](const Eigen::MatrixXd& at) {
      return acquisition.evaluate(*beside.posterior(at, {.joint = true}), false).value;
    };
    const auto at = acquisition.evaluate(*beside.posterior(X, {.gradients = true, .joint = true}), true);
    ASSERT_TRUE(std::isfinite(at.value));
    EXPECT_NEAR(at.value, value(X), 1e-12 * (1.0 + std::abs(at.value)));
    const double size = 1.0 + at.gradient.cwiseAbs().maxCoeff();
    for (Eigen::Index i = 0; i < q; ++i) {
      for (Eigen::Index j = 0; j < 2; ++j) {
        constexpr double h = 1e-7;
        Eigen::MatrixXd up = X;
        Eigen::MatrixXd down = X;
        up(i, j) += h;
        down(i, j) -= h;
        EXPECT_NEAR(at.gradient(i, j), (value(up) - value(down)) / (2.0 * h), 2e-4 * size) << "q " << q;
      }
    }
  }
}

// Temperatures of the indicators wide enough for a step of 1e-7 to stay on one of their slopes.
TEST(JointHypervolume, gradients_equal_finite_differences) {
  const auto surrogate = analytic();
  for (const Eigen::Index objectives : {2, 3}) {
    for (const bool bounded : {false, true}) {
      for (const bool noisy : {false, true}) {
        for (const Eigen::Index q : {1, 3}) {
          Improvement want = wanted(objectives);
          if (bounded) want.bounds = {{.response = 1, .upper = 1.1}};
          if (!noisy) {
            want.known = Eigen::MatrixXd(2, objectives);
            want.known.row(0) = Eigen::RowVector3d(0.2, -0.9, -0.4).head(objectives);
            want.known.row(1) = Eigen::RowVector3d(0.9, -1.2, -0.2).head(objectives);
          }
          const auto beside = surrogate->beside(noisy ? measured() : waiting());
          const JointLogExpectedHypervolumeImprovement acquisition(
              *beside, want, {.q = q, .samples = 32, .indicator_temperature = 0.05}, core::RandomKey(5));
          expect_gradient(acquisition, *beside, q);
        }
      }
    }
  }
}

TEST(JointHypervolume, gradients_of_a_scalarisation_equal_finite_differences) {
  const auto surrogate = analytic();
  const auto beside = surrogate->beside(measured());
  const Improvement want = wanted(3);
  const Eigen::MatrixXd seen = Eigen::MatrixXd::Random(6, 3);
  for (const Eigen::Index q : {1, 3}) {
    const JointLogScalarisedImprovement acquisition(
        *beside, want.utilities, AugmentedChebyshev(Eigen::Vector3d(0.2, 0.3, 0.5), seen),
        {{.response = 1, .upper = 1.1}}, {.q = q, .samples = 32, .indicator_temperature = 0.05}, core::RandomKey(5));
    expect_gradient(acquisition, *beside, q);
  }
}

/// Mean hypervolume that the points add, by plain samples of everything together and without smoothing.
double naive(const surrogate::Surrogate& surrogate, const Improvement& want, const Eigen::MatrixXd& fixed,
             const Eigen::MatrixXd& X, Eigen::Index count) {
  Eigen::MatrixXd all(fixed.rows() + X.rows(), 2);
  all << fixed, X;
  double sum = 0.0;
  for (const Eigen::MatrixXd& sample :
       surrogate.posterior(all, {.joint = true})->sample(count, core::RandomKey(3), VarianceOf::latent)) {
    std::vector<Eigen::VectorXd> rows;
    for (Eigen::Index i = 0; i < want.known.rows(); ++i) rows.emplace_back(want.known.row(i).transpose());
    double before = 0.0;
    for (Eigen::Index i = 0; i <= all.rows(); ++i) {
      if (i == fixed.rows() || i == all.rows()) {
        Eigen::MatrixXd points(std::ssize(rows), want.reference.size());
        for (Eigen::Index r = 0; r < points.rows(); ++r) points.row(r) = rows[static_cast<std::size_t>(r)].transpose();
        const double volume = rows.empty() ? 0.0 : hypervolume(points, want.reference);
        if (i == all.rows()) sum += volume - before;
        before = volume;
      }
      if (i == all.rows()) break;
      const bool keeps = std::all_of(want.bounds.begin(), want.bounds.end(), [&](const OutcomeBound& bound) {
        return sample(i, bound.response) <= bound.upper && sample(i, bound.response) >= bound.lower;
      });
      if (!keeps) continue;
      Eigen::VectorXd row(want.reference.size());
      for (Eigen::Index j = 0; j < row.size(); ++j) {
        const Utility& utility = want.utilities[static_cast<std::size_t>(j)];
        row(j) = utility.of(sample(i, utility.response));
      }
      rows.push_back(row);
    }
  }
  return sum / static_cast<double>(count);
}

// Two sums of samples, so the tolerance is that of sampling. Bounds of the run's mean agree where its noise is small.
TEST(JointHypervolume, values_equal_a_naive_monte_carlo) {
  const auto surrogate = analytic(0.01);
  const Eigen::MatrixXd X = (Eigen::MatrixXd(2, 2) << 0.3, 0.5, 0.75, 0.05).finished();
  for (const bool bounded : {false, true}) {
    for (const bool noisy : {false, true}) {
      Improvement want = wanted(2);
      if (bounded) want.bounds = {{.response = 1, .upper = 0.85}};
      if (!noisy) want.known = (Eigen::MatrixXd(2, 2) << 0.2, -0.6, 0.9, -0.8).finished();
      const Eigen::MatrixXd fixed = noisy ? measured() : waiting();
      const auto beside = surrogate->beside(fixed);
      const JointLogExpectedHypervolumeImprovement acquisition(*beside, want, {.q = 2, .samples = 4096},
                                                               core::RandomKey(5));
      const double value = acquisition.evaluate(*beside->posterior(X, {.joint = true}), false).value;
      EXPECT_NEAR(value, std::log(naive(*surrogate, want, fixed, X, 20'000)), 0.05) << bounded << noisy;
    }
  }
}

TEST(JointHypervolume, refuses_what_does_not_fit) {
  const auto surrogate = analytic();
  const auto beside = surrogate->beside(measured());
  Improvement want = wanted(2);
  want.reference = Eigen::VectorXd::Zero(3);
  const auto make = [&] {
    static_cast<void>(JointLogExpectedHypervolumeImprovement(*beside, want, {.samples = 32}, core::RandomKey(1)));
  };
  EXPECT_THROW(make(), core::DataError);
  want = wanted(2);
  want.known = Eigen::MatrixXd::Zero(1, 3);
  EXPECT_THROW(make(), core::DataError);
}

TEST(JointHypervolume, pruning_keeps_what_may_be_undominated) {
  const auto surrogate = analytic(1e-4);
  const std::vector<Utility> utilities = wanted(2).utilities;
  const std::vector<Eigen::Index> rows = detail::prune_front(*surrogate, measured(), utilities, {}, core::RandomKey(2));
  // Values are known: exactly the front of the five points remains.
  Eigen::MatrixXd values(5, 2);
  for (Eigen::Index i = 0; i < 5; ++i) {
    const Eigen::VectorXd x = measured().row(i).transpose();
    values.row(i) << hills(x), -slope(x);
  }
  std::vector<Eigen::Index> front;
  for (Eigen::Index i = 0; i < 5; ++i) {
    bool dominated = false;
    for (Eigen::Index k = 0; k < 5; ++k) {
      dominated = dominated || (k != i && (values.row(k).array() >= values.row(i).array()).all());
    }
    if (!dominated) front.push_back(i);
  }
  EXPECT_EQ(rows, front);
  EXPECT_TRUE(
      detail::prune_front(*surrogate, measured(), utilities, {{.response = 1, .upper = -9.0}}, core::RandomKey(2))
          .empty());
}

TEST(JointHypervolume, a_reference_lies_a_tenth_below_the_front) {
  const Eigen::MatrixXd two = (Eigen::MatrixXd(3, 2) << 1.0, 5.0, 3.0, 2.0, 0.0, 0.0).finished();
  EXPECT_TRUE(detail::inferred_reference(two).isApprox(Eigen::Vector2d(1.0 - 0.2, 2.0 - 0.3)));
  const Eigen::MatrixXd one = (Eigen::MatrixXd(2, 2) << 4.0, 5.0, 2.0, 0.0).finished();
  EXPECT_TRUE(detail::inferred_reference(one).isApprox(Eigen::Vector2d(4.0 - 0.2, 5.0 - 0.5)));
  EXPECT_TRUE(detail::inferred_reference(Eigen::RowVector2d(-4.0, 0.0)).isApprox(Eigen::Vector2d(-4.4, -0.1)));
}

}  // namespace
}  // namespace luban::recommend
