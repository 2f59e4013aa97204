#include <cmath>
#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/best_mean.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/expected_excess.hpp>
#include <luban/recommend/log_expected_improvement.hpp>
#include <luban/recommend/search.hpp>
#include <luban/recommend/sobol.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using process::Goal;
using test::AnalyticSurrogate;

double hills(const Eigen::VectorXd& x) {
  return std::sin(5.0 * x(0)) + std::cos(4.0 * x(1)) + x(0) * x(1);
}
double slope(const Eigen::VectorXd& x) {
  return x(0) + 0.5 * x(1);
}

std::shared_ptr<const surrogate::Surrogate> two_responses() {
  const Eigen::MatrixXd X = Sobol(2, core::RandomKey(2)).points(0, 9);
  return std::make_shared<AnalyticSurrogate>(
      features::Encoder({test::numeric("a"), test::numeric("b")}), std::vector<std::string>{"y", "z"},
      std::vector<test::Function>{hills, slope}, X, AnalyticSurrogate::Options{.lengthscale = 0.4, .noise_sd = 0.05});
}

/// Central differences of every value a function of x gives, against the gradients it states.
void check_gradient(const std::function<std::pair<double, Eigen::VectorXd>(const Eigen::VectorXd&)>& function,
                    double tolerance) {
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(8)).points(0, 24);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const Eigen::VectorXd x = points.row(i).transpose();
    const auto [value, gradient] = function(x);
    ASSERT_TRUE(std::isfinite(value));
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      constexpr double h = 1e-5;
      Eigen::VectorXd up = x;
      Eigen::VectorXd down = x;
      up(j) += h;
      down(j) -= h;
      const double numeric = (function(up).first - function(down).first) / (2.0 * h);
      EXPECT_NEAR(gradient(j), numeric, tolerance * (1.0 + std::abs(numeric))) << "point " << i << " input " << j;
    }
  }
}

void check_acquisition(const AcquisitionFunction& acquisition, const surrogate::Surrogate& surrogate,
                       double tolerance = 1e-5) {
  check_gradient(
      [&](const Eigen::VectorXd& x) {
        const auto at = acquisition.evaluate(*surrogate.posterior(x.transpose(), {.gradients = true}), true);
        return std::pair<double, Eigen::VectorXd>(at.value(0), at.gradient.row(0).transpose());
      },
      tolerance);
  // Many points at once give what each gives alone.
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(9)).points(0, 7);
  const auto together = acquisition.evaluate(*surrogate.posterior(points), false);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    EXPECT_NEAR(together.value(i), acquisition.evaluate(*surrogate.posterior(points.row(i)), false).value(0), 1e-9);
  }
}

const std::vector<OutcomeBound> one_sided = {{.response = 1, .upper = 0.7, .probability = 0.9}};
const std::vector<OutcomeBound> two_sided = {{.response = 1, .lower = 0.5, .upper = 0.9, .probability = 0.8}};

const std::vector<OutcomeBound> calibrated = {
    {.response = 1, .upper = 0.7, .probability = 0.9, .calibration = 1.4},
    {.response = 1, .lower = 0.5, .upper = 0.9, .probability = 0.8, .calibration = 0.8}};

TEST(Acquisition, gradients_equal_finite_differences) {
  const auto surrogate = two_responses();
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    const Utility utility{0, goal, 0.4};
    check_acquisition(LogExpectedImprovement(utility, goal == Goal::target ? -0.2 : 0.5), *surrogate);
    check_acquisition(LogExpectedImprovement(utility, goal == Goal::target ? -0.2 : 0.5, one_sided), *surrogate);
    check_acquisition(BestMean(utility), *surrogate);
    check_acquisition(BestMean(utility, 2.0), *surrogate);
  }
  check_acquisition(LogProbabilityFeasible(one_sided), *surrogate);
  check_acquisition(LogProbabilityFeasible(two_sided), *surrogate);
  check_acquisition(ExpectedExcess(one_sided), *surrogate);
  check_acquisition(ExpectedExcess(two_sided), *surrogate);
  check_acquisition(LogExpectedImprovement({0, Goal::minimize}, 0.5, calibrated), *surrogate);
  check_acquisition(LogProbabilityFeasible(calibrated), *surrogate);
  check_acquisition(ExpectedExcess(calibrated), *surrogate);
  // Far from any hope of improvement the logarithm still has a slope.
  check_acquisition(LogExpectedImprovement({0, Goal::maximize}, 50.0), *surrogate);
}

TEST(Acquisition, gradients_after_conditioning_on_pending_points) {
  const ConditionedSurrogate surrogate(two_responses(), Sobol(2, core::RandomKey(9)).points(0, 2));
  check_acquisition(LogExpectedImprovement({0, Goal::minimize}, 0.3, one_sided), surrogate, 1e-4);
}

TEST(Acquisition, log_improvement_equals_the_naive_form_where_that_is_valid) {
  const auto surrogate = two_responses();
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(4)).points(0, 64);
  const auto posterior = surrogate->posterior(points);
  const auto log_ei = LogExpectedImprovement({0, Goal::maximize}, 1.2).evaluate(*posterior, false);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const double sd = std::sqrt(posterior->variance(surrogate::VarianceOf::latent)(i, 0));
    const double u = (posterior->mean()(i, 0) - 1.2) / sd;
    const double naive = sd * (std::exp(-0.5 * u * u) / std::sqrt(2.0 * M_PI) + u * 0.5 * std::erfc(-u / M_SQRT2));
    if (naive < 1e-8) continue;
    EXPECT_NEAR(log_ei.value(i), std::log(naive), 1e-6);
  }
}

/// A posterior of one point and one response with the given moments.
surrogate::GaussianPosterior point(double mean, double sd) {
  surrogate::GaussianPosterior::Moments moments;
  moments.mean = Eigen::VectorXd::Constant(1, mean);
  moments.variance = Eigen::VectorXd::Constant(1, sd * sd);
  moments.between_variance = moments.within_variance = Eigen::VectorXd::Zero(1);
  return surrogate::GaussianPosterior({moments});
}

TEST(Acquisition, improvement_towards_a_target_equals_its_integral) {
  for (const double mean : {-3.0, -0.4, 0.0, 0.2, 5.0}) {
    for (const double sd : {0.05, 0.5, 2.0}) {
      for (const double band : {1e-3, 0.1, 1.0, 4.0}) {
        double integral = 0.0;
        constexpr int steps = 40000;
        for (int k = 0; k < steps; ++k) {
          const double y = -band + 2.0 * band * (k + 0.5) / steps;
          const double u = (y - mean) / sd;
          integral += (band - std::abs(y)) * std::exp(-0.5 * u * u) / (sd * std::sqrt(2.0 * M_PI)) * 2.0 * band / steps;
        }
        if (integral < 1e-60) continue;  // beyond, the sum of the reference loses digits
        const auto at = LogExpectedImprovement({0, Goal::target, 0.0}, -band).evaluate(point(mean, sd), false);
        EXPECT_NEAR(at.value(0), std::log(integral), 1e-5) << mean << " " << sd << " " << band;
      }
    }
  }
}

TEST(Acquisition, stays_finite_where_nothing_is_uncertain_or_nothing_can_improve) {
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    for (const double mean : {-1e6, 0.0, 1e6}) {
      for (const double sd : {0.0, 1e-12, 1e12}) {
        const auto at = LogExpectedImprovement({0, goal, 0.0}, -1.0).evaluate(point(mean, sd), false);
        EXPECT_FALSE(std::isnan(at.value(0))) << mean << " " << sd;
      }
    }
  }
}

TEST(Acquisition, probability_of_a_bound) {
  const OutcomeBound upper{.upper = 1.0};
  EXPECT_NEAR(std::exp(upper.log_probability(1.0, 0.3).value), 0.5, 1e-12);
  EXPECT_NEAR(std::exp(upper.log_probability(0.0, 1.0 / 1.6448536269514722).value), 0.95, 1e-12);
  const OutcomeBound both{.lower = -1.0, .upper = 1.0};
  EXPECT_NEAR(std::exp(both.log_probability(0.0, 1.0).value), std::erf(M_SQRT1_2), 1e-12);
  // Deep in either tail the difference of two numbers near 1 would be 0.
  EXPECT_NEAR(both.log_probability(30.0, 1.0).value, both.log_probability(-30.0, 1.0).value, 1e-9);
  EXPECT_TRUE(std::isfinite(both.log_probability(200.0, 1.0).value));
  EXPECT_EQ(upper.log_probability(0.9, 0.0).value, 0.0);
  EXPECT_TRUE(std::isinf(upper.log_probability(1.1, 0.0).value));
  for (const double mean : {-2.0, -0.3, 0.8, 4.0}) {
    constexpr double h = 1e-6;
    const auto at = both.log_probability(mean, 0.7);
    EXPECT_NEAR(at.by_mean,
                (both.log_probability(mean + h, 0.7).value - both.log_probability(mean - h, 0.7).value) / (2 * h),
                1e-6);
    EXPECT_NEAR(at.by_sd,
                (both.log_probability(mean, 0.7 + h).value - both.log_probability(mean, 0.7 - h).value) / (2 * h),
                1e-6);
  }
}

/// A posterior with the run means' spread multiplied, the latent moments left alone.
class Widened final : public surrogate::Surrogate {
 public:
  Widened(std::shared_ptr<const surrogate::Surrogate> inner, double factor)
      : inner_(std::move(inner)), factor_(factor) {}
  [[nodiscard]] std::string kind() const override { return "widened"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override {
    return inner_->responses();
  }
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override {
    using surrogate::VarianceOf;
    const auto inner = inner_->posterior(X, request);
    std::vector<surrogate::GaussianPosterior::Moments> all(2);
    for (Eigen::Index r = 0; r < 2; ++r) {
      auto& moments = all[static_cast<std::size_t>(r)];
      moments.mean = inner->mean().col(r);
      moments.variance = inner->variance(VarianceOf::latent).col(r);
      moments.between_variance = factor_ * factor_ * inner->variance(VarianceOf::run_mean).col(r) - moments.variance;
      moments.within_variance = Eigen::VectorXd::Zero(X.rows());
    }
    return std::make_unique<surrogate::GaussianPosterior>(std::move(all));
  }

 private:
  std::shared_ptr<const surrogate::Surrogate> inner_;
  double factor_;
};

TEST(Acquisition, calibration_multiplies_the_spread_of_bounds_and_one_changes_nothing) {
  const auto surrogate = two_responses();
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(3)).points(0, 40);
  const auto acquisition = std::make_shared<BestMean>(Utility{0, Goal::minimize});
  for (const double ratio : {0.7, 1.0, 1.252}) {
    const auto wide = std::make_shared<Widened>(surrogate, ratio);
    for (const std::vector<OutcomeBound>& plain : {one_sided, two_sided}) {
      std::vector<OutcomeBound> bounds = plain;
      bounds[0].calibration = ratio;
      const auto value = [&](const AcquisitionFunction& function, const surrogate::Surrogate& believed) {
        return function.evaluate(*believed.posterior(points), false).value;
      };
      const auto equal = [&](const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
        EXPECT_LT((a - b).cwiseAbs().maxCoeff(), 1e-9 * (1.0 + b.cwiseAbs().maxCoeff())) << ratio;
      };
      equal(value(LogProbabilityFeasible(bounds), *surrogate), value(LogProbabilityFeasible(plain), *wide));
      equal(value(ExpectedExcess(bounds), *surrogate), value(ExpectedExcess(plain), *wide));
      const Eigen::MatrixXd none(0, 2);
      equal(SurrogateLandscape({surrogate, acquisition, bounds, none, 0.0}).evaluate(points, false).constraints,
            SurrogateLandscape({wide, acquisition, plain, none, 0.0}).evaluate(points, false).constraints);
    }
  }
  const OutcomeBound upper{.upper = 1.0, .calibration = 1.252};
  EXPECT_NEAR(std::exp(upper.log_probability(0.0, 1.0 / 1.6448536269514722).value), 0.9055, 1e-4);  // said to be 0.95
}

TEST(Acquisition, landscape_constraints_have_right_signs_and_gradients) {
  const auto surrogate = two_responses();
  Eigen::MatrixXd avoid(1, 2);
  avoid << 0.5, 0.5;
  const auto acquisition = std::make_shared<BestMean>(Utility{0, Goal::minimize});
  std::vector<OutcomeBound> bounds = {one_sided[0],
                                      two_sided[0],
                                      {.response = 0, .lower = 0.1, .upper = 1.0, .exact = true},
                                      calibrated[0],
                                      calibrated[1]};
  const SurrogateLandscape landscape({surrogate, acquisition, bounds, avoid, 0.3});
  const auto at = landscape.evaluate(avoid, true);
  ASSERT_EQ(at.constraints.cols(), 7);
  EXPECT_NEAR(at.constraints(0, 6), 1.0, 1e-12);
  for (Eigen::Index k = 0; k < at.constraints.cols(); ++k) {
    check_gradient(
        [&](const Eigen::VectorXd& x) {
          const auto value = landscape.evaluate(x.transpose(), true);
          return std::pair<double, Eigen::VectorXd>(value.constraints(0, k), value.jacobians[k].row(0).transpose());
        },
        1e-5);
  }
  // The boundary of the first constraint is where the stated probability is just kept.
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(1)).points(0, 200);
  const auto values = landscape.evaluate(points, false);
  const auto posterior = surrogate->posterior(points);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const double sd = std::sqrt(posterior->variance(surrogate::VarianceOf::run_mean)(i, 1));
    const double probability = std::exp(one_sided[0].log_probability(posterior->mean()(i, 1), sd).value);
    EXPECT_EQ(values.constraints(i, 0) <= 0.0, probability >= 0.9);
  }
}

TEST(Acquisition, conditioning_shrinks_spread_and_keeps_means) {
  const auto inner = two_responses();
  Eigen::MatrixXd pending(1, 2);
  pending << 0.9, 0.9;
  const ConditionedSurrogate conditioned(inner, pending);
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(1)).points(0, 32);
  const auto before = inner->posterior(points);
  const auto after = conditioned.posterior(points, {.gradients = false, .joint = true});
  EXPECT_TRUE(after->mean().isApprox(before->mean()));
  using surrogate::VarianceOf;
  const Eigen::MatrixXd removed = before->variance(VarianceOf::latent) - after->variance(VarianceOf::latent);
  EXPECT_GE(removed.minCoeff(), -1e-12);
  EXPECT_TRUE(
      after->covariance(0, VarianceOf::latent).diagonal().isApprox(after->variance(VarianceOf::latent).col(0), 1e-6));
  // What one noisy run at a point leaves of its variance: v n / (v + n).
  const double v = inner->posterior(pending)->variance(VarianceOf::latent)(0, 0);
  EXPECT_NEAR(conditioned.posterior(pending)->variance(VarianceOf::latent)(0, 0), v * 0.0025 / (v + 0.0025), 1e-9);
}

TEST(Acquisition, derived_responses_are_exact) {
  const auto inner = std::make_shared<AnalyticSurrogate>(
      features::Encoder({test::numeric("a", 2.0, 6.0), test::numeric("b", -1.0, 1.0)}), std::vector<std::string>{"y"},
      std::vector<test::Function>{hills}, Sobol(2, core::RandomKey(2)).points(0, 5), AnalyticSurrogate::Options{});
  const DerivedSurrogate surrogate(inner, {{.name = "rate", .unit = "", .sum = {{{{"a", 1.0}, {"b", 1.0}}, 0.5}}}});
  Eigen::MatrixXd x(1, 2);
  x << 0.25, 1.0;
  const auto posterior = surrogate.posterior(x, {.gradients = true, .joint = true});
  EXPECT_EQ(posterior->m(), 2);
  EXPECT_DOUBLE_EQ(posterior->mean()(0, 1), 0.5 * 3.0 * 1.0);
  EXPECT_EQ(posterior->variance(surrogate::VarianceOf::reading)(0, 1), 0.0);
  check_acquisition(BestMean({1, Goal::maximize}), surrogate);
  EXPECT_THROW(DerivedSurrogate(inner, {{.name = "rate", .unit = "", .sum = {{{{"c", 1.0}}}}}}),
               core::ConfigurationError);
}

}  // namespace
}  // namespace luban::recommend
