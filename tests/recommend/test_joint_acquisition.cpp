#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include <gtest/gtest.h>
#include <Eigen/Cholesky>
#include <Eigen/LU>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/tolerance_surrogate.hpp>
#include <luban/recommend/joint_log_expected_improvement.hpp>
#include <luban/recommend/joint_log_noisy_expected_improvement.hpp>
#include <luban/recommend/joint_upper_confidence_bound.hpp>
#include <luban/recommend/log_expected_improvement.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/recommend/sobol.hpp>
#include <luban/recommend/upper_confidence_bound_pure_exploration.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "analytic_surrogate.hpp"

namespace luban::recommend {
namespace {

using process::Goal;
using surrogate::PosteriorBeside;
using surrogate::SurrogateBeside;
using surrogate::VarianceOf;
using test::AnalyticSurrogate;

double hills(const Eigen::VectorXd& x) {
  return std::sin(5.0 * x(0)) + std::cos(4.0 * x(1)) + x(0) * x(1);
}
double slope(const Eigen::VectorXd& x) {
  return x(0) + 0.5 * x(1);
}

Eigen::MatrixXd measured() {
  return (Eigen::MatrixXd(5, 2) << 0.1, 0.2, 0.8, 0.3, 0.4, 0.9, 0.6, 0.55, 0.95, 0.85).finished();
}
Eigen::MatrixXd candidates() {
  return (Eigen::MatrixXd(3, 2) << 0.3, 0.5, 0.7, 0.75, 0.25, 0.1).finished();
}
Eigen::MatrixXd waiting() {
  return (Eigen::MatrixXd(2, 2) << 0.5, 0.3, 0.05, 0.8).finished();
}

std::shared_ptr<const surrogate::Surrogate> analytic(double noise_sd) {
  return std::make_shared<AnalyticSurrogate>(features::Encoder({test::numeric("a"), test::numeric("b")}),
                                             std::vector<std::string>{"y", "z"},
                                             std::vector<test::Function>{hills, slope}, measured(),
                                             AnalyticSurrogate::Options{.lengthscale = 0.4, .noise_sd = noise_sd});
}

const std::vector<OutcomeBound> upper = {{.response = 1, .upper = 0.7}};
const std::vector<OutcomeBound> both = {{.response = 1, .lower = 0.3, .upper = 0.9, .calibration = 1.3},
                                        {.response = 0, .lower = -0.6}};

/// The numbers that both sides' samples are made of: one formula, no generator.
BaseSamples base(Eigen::Index sources, Eigen::Index q, Eigen::Index b) {
  const auto z = [](Eigen::Index s, Eigen::Index i, Eigen::Index r) {
    return 1.5 *
           std::sin(1.7 * static_cast<double>(s) + 2.3 * static_cast<double>(i) + 0.4 + 0.9 * static_cast<double>(r));
  };
  BaseSamples out;
  for (Eigen::Index r = 0; r < sources; ++r) {
    out.points.emplace_back(q, 8);
    out.fixed.emplace_back(b, 8);
    for (Eigen::Index s = 0; s < 8; ++s) {
      for (Eigen::Index i = 0; i < b; ++i) out.fixed.back()(i, s) = z(s, i, r);
      for (Eigen::Index i = 0; i < q; ++i) out.points.back()(i, s) = z(s, b + i, r);
    }
  }
  return out;
}

JointSampling eight(Eigen::Index sources, Eigen::Index b) {
  return {.q = 3, .samples = 8, .units = Eigen::Vector2d::Ones(), .base = base(sources, 3, b)};
}

void expect_value(const JointAcquisition& acquisition, const SurrogateBeside& beside, double value,
                  const std::vector<double>& gradient) {
  const auto posterior = beside.posterior(candidates(), {.gradients = true, .joint = true, .reading = false});
  const JointAcquisitionValue at = acquisition.evaluate(*posterior, true);
  EXPECT_NEAR(at.value, value, 1e-6 * (1.0 + std::abs(value)));
  for (Eigen::Index i = 0; i < 6; ++i) {
    const double wanted = gradient[static_cast<std::size_t>(i)];
    EXPECT_NEAR(at.gradient(i / 2, i % 2), wanted, 2e-5 * (1.0 + std::abs(wanted))) << "entry " << i;
  }
}

// botorch 0.18.1 on SingleTaskGP(measured(), RBF length 0.4, outputscale 1, zero mean, Yvar = noise² + 1e-10), sampler
// with base_samples as base() above (baseline before candidates), cache_root = False, prune_baseline = False.
TEST(joint_acquisition, equals_the_peers_numbers) {
  const auto surrogate = analytic(0.05);
  const auto alone = surrogate->beside(Eigen::MatrixXd(0, 2));
  const auto beside = surrogate->beside(measured());
  const core::RandomKey key(1);
  const Utility most{0, Goal::maximize};
  const Utility least{0, Goal::minimize};
  expect_value(JointLogExpectedImprovement(*alone, most, 1.2, {}, eight(1, 0), key), *alone, -1.95078327104,
               {-3.37491438, 0.06158116699, 0.5105902727, -1.279465722, 1.045612007, -2.664913146});
  expect_value(JointLogExpectedImprovement(*alone, most, 12.0, {}, eight(1, 0), key), *alone, -48.5078450079,
               {-0.2264057566, -0.03145007395, 0.002295455258, -0.006076106655, -0.04688638972, -0.07877824303});
  expect_value(JointLogExpectedImprovement(*alone, least, 0.3, {}, eight(1, 0), key), *alone, -1.19835442159,
               {0.03364830171, -0.01852699813, 9.258984174, 1.220521711, 7.833525159e-11, -1.443185135e-10});
  expect_value(JointUpperConfidenceBound(*alone, most, 0.2, eight(1, 0), key), *alone, 1.25775629083,
               {-0.08556776806, 0.0785182008, 0.07322286988, -0.1834859711, -0.4469704846, -0.105809417});
  expect_value(JointLogNoisyExpectedImprovement(*beside, most, {}, eight(1, 5), key), *beside, -1.74459847958,
               {-5.515722908, -0.09856111747, 0.2274855426, -0.6086323766, 0.9182012973, -3.122110019});
  const auto quiet = analytic(1e-6);
  const auto quiet_alone = quiet->beside(Eigen::MatrixXd(0, 2));
  const auto quiet_beside = quiet->beside(measured());
  expect_value(JointLogExpectedImprovement(*quiet_alone, most, 0.6, upper, eight(2, 0), key), *quiet_alone,
               -0.982529702135,
               {-2.500930932, -0.05020576878, -0.2096969494, 0.5610393988, -1.465453129, -1.196282482});
  expect_value(JointLogNoisyExpectedImprovement(*quiet_beside, most, upper, eight(2, 5), key), *quiet_beside,
               -2.56264078088, {-1.424397151, 1.129771931, -0.05721071742, 0.153065968, -0.437543147, -5.407306248});
}

using Make = std::function<std::unique_ptr<JointAcquisition>(const SurrogateBeside&, const JointSampling&)>;

struct Case {
  std::string name;
  Make make;
};

std::vector<Case> cases(Utility utility) {
  const core::RandomKey key(5);
  const double best = utility.goal == Goal::target ? -0.3 : 0.2;
  std::vector<Case> out;
  for (const auto& bounds : {std::vector<OutcomeBound>{}, upper, both}) {
    out.push_back({"improvement", [=](const SurrogateBeside& beside, const JointSampling& sampling) {
                     return std::make_unique<JointLogExpectedImprovement>(beside, utility, best, bounds, sampling, key);
                   }});
    out.push_back({"noisy improvement", [=](const SurrogateBeside& beside, const JointSampling& sampling) {
                     return std::make_unique<JointLogNoisyExpectedImprovement>(beside, utility, bounds, sampling, key);
                   }});
  }
  out.push_back({"confidence", [=](const SurrogateBeside& beside, const JointSampling& sampling) {
                   return std::make_unique<JointUpperConfidenceBound>(beside, utility, 2.0, sampling, key);
                 }});
  for (const auto mode : {ExplorationMode::pure_exploration, ExplorationMode::upper_confidence_bound}) {
    for (const double threshold : {-5.0, 0.9}) {
      out.push_back({"exploration", [=](const SurrogateBeside& beside, const JointSampling& sampling) {
                       const auto right = sampling.q > 1 ? ExplorationMode::pure_exploration : mode;
                       return std::make_unique<UpperConfidenceBoundPureExploration>(beside, utility, threshold, right,
                                                                                    sampling.q, 1.5);
                     }});
    }
  }
  return out;
}

TEST(joint_acquisition, gradients_equal_finite_differences) {
  const auto surrogate = analytic(0.05);
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    for (const Case& one : cases({0, goal, 0.4})) {
      for (const Eigen::Index q : {1, 3}) {
        const auto beside = surrogate->beside(waiting());
        // Temperatures wide enough for a step of 1e-6 to stay on one of their slopes.
        const auto acquisition = one.make(*beside, {.q = q, .samples = 32, .indicator_temperature = 0.05});
        const Eigen::MatrixXd points = Sobol(2, core::RandomKey(8)).points(0, 6 * q);
        for (Eigen::Index set = 0; set < 6; ++set) {
          const Eigen::MatrixXd X = points.middleRows(set * q, q);
          const auto value = [&](const Eigen::MatrixXd& at) {
            return acquisition->evaluate(*beside->posterior(at, {.joint = true}), false).value;
          };
          const auto at = acquisition->evaluate(*beside->posterior(X, {.gradients = true, .joint = true}), true);
          ASSERT_TRUE(std::isfinite(at.value)) << one.name;
          EXPECT_NEAR(at.value, value(X), 1e-12 * (1.0 + std::abs(at.value)));
          const double size = 1.0 + at.gradient.cwiseAbs().maxCoeff();
          for (Eigen::Index i = 0; i < q; ++i) {
            for (Eigen::Index j = 0; j < 2; ++j) {
              constexpr double h = 1e-7;
              Eigen::MatrixXd up = X;
              Eigen::MatrixXd down = X;
              up(i, j) += h;
              down(i, j) -= h;
              EXPECT_NEAR(at.gradient(i, j), (value(up) - value(down)) / (2.0 * h), 1e-4 * size)
                  << one.name << " goal " << static_cast<int>(goal) << " q " << q << " set " << set;
            }
          }
        }
      }
    }
  }
}

/// Joint samples (n, count) of one response at all points, by the textbook: mean + Cholesky factor · normal.
Eigen::MatrixXd naive(const surrogate::Posterior& joint, Eigen::Index response, VarianceOf of, Eigen::Index count,
                      core::RandomKey key) {
  Eigen::MatrixXd S = joint.covariance(response, of);
  S.diagonal().array() += 1e-10;
  const Eigen::MatrixXd lower = S.llt().matrixL();
  core::Generator generator = key.generator();
  Eigen::MatrixXd z(S.rows(), count);
  for (double& value : z.reshaped()) value = generator.normal();
  return (lower * z).colwise() + joint.mean().col(response);
}

// Unsmoothed acquisitions over 1e5 plain samples of points and fixed ones together.
// Where settings scatter what one run adds depends on them, too: a bound's part of the gradient.
TEST(joint_acquisition, gradients_follow_the_noise_of_a_run) {
  const auto process = surrogate::GaussianProcess::fit(
      [] {
        ArrayProblem problem = box_problem((Eigen::MatrixXd(2, 2) << 0.0, 0.0, 1.0, 1.0).finished());
        problem.X = Sobol(2, core::RandomKey(4)).points(0, 16);
        problem.Y.resize(16, 2);
        for (Eigen::Index i = 0; i < 16; ++i) {
          problem.Y.row(i) << hills(problem.X.row(i)), std::sin(9.0 * problem.X(i, 0));
        }
        return array_dataset(problem);
      }(),
      {.starts = 1}, core::RandomKey(1));
  const detail::ToleranceSurrogate tolerant(process, {{.parameter = "x1", .sd = 0.05}});
  const auto beside = tolerant.beside(waiting());
  const JointLogExpectedImprovement acquisition(*beside, {0, Goal::maximize}, 1.0, {{.response = 1, .upper = 0.5}},
                                                {.q = 3, .samples = 64}, core::RandomKey(3));
  const auto at = [&](const Eigen::MatrixXd& X, bool gradients) {
    return acquisition.evaluate(*beside->posterior(X, {.gradients = gradients, .joint = true, .reading = false}),
                                gradients);
  };
  const Eigen::MatrixXd gradient = at(candidates(), true).gradient;
  for (Eigen::Index k = 0; k < 6; ++k) {
    Eigen::MatrixXd up = candidates();
    Eigen::MatrixXd down = candidates();
    up(k / 2, k % 2) += 1e-6;
    down(k / 2, k % 2) -= 1e-6;
    const double expected = (at(up, false).value - at(down, false).value) / 2e-6;
    EXPECT_NEAR(gradient(k / 2, k % 2), expected, 1e-4 * (1.0 + std::abs(expected))) << k;
  }
}

TEST(joint_acquisition, values_equal_a_naive_monte_carlo) {
  const auto surrogate = analytic(0.05);
  constexpr Eigen::Index count = 100'000;
  const Eigen::MatrixXd X = candidates();
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    const Utility utility{0, goal, 0.4};
    const double best = goal == Goal::target ? -0.3 : 0.2;
    for (const bool baseline : {false, true}) {
      const Eigen::MatrixXd fixed = baseline ? measured() : waiting();
      Eigen::MatrixXd all(3 + fixed.rows(), 2);
      all << fixed, X;
      const auto joint = surrogate->posterior(all, {.joint = true});
      const Eigen::MatrixXd y = naive(*joint, 0, VarianceOf::latent, count, core::RandomKey(3));
      const Eigen::MatrixXd bounded = naive(*joint, 1, VarianceOf::run_mean, count, core::RandomKey(4));
      const auto beside = surrogate->beside(fixed);
      const auto posterior = beside->posterior(X, {.joint = true});
      const JointSampling sampling{.q = 3, .samples = 4096};
      for (const bool limited : {false, true}) {
        const std::vector<OutcomeBound> bounds = limited ? upper : std::vector<OutcomeBound>{};
        double sum = 0.0;
        double squares = 0.0;
        double high = 0.0;
        Eigen::VectorXd centre = Eigen::VectorXd::Zero(all.rows());
        const Eigen::MatrixXd u = y.unaryExpr([&](double value) { return utility.of(value); });
        centre = u.rowwise().mean();
        const double lowest = u.topRows(fixed.rows()).minCoeff();
        for (Eigen::Index s = 0; s < count; ++s) {
          double incumbent = baseline ? lowest : best;
          double most = -1e300;
          double upper_bound = -1e300;
          for (Eigen::Index i = 0; i < all.rows(); ++i) {
            const double value = u(i, s);
            upper_bound = std::max(upper_bound, centre(i) + std::sqrt(0.5 * 2.0 * M_PI) * std::abs(value - centre(i)));
            if (limited && bounded(i, s) > 0.7) continue;
            double& into = i < fixed.rows() ? incumbent : most;
            into = std::max(into, value);
          }
          const double improvement = std::max(0.0, most - incumbent);
          sum += improvement / static_cast<double>(count);
          squares += improvement * improvement / static_cast<double>(count);
          high += upper_bound / static_cast<double>(count);
        }
        const core::RandomKey key(6);
        const double stated = baseline ? JointLogNoisyExpectedImprovement(*beside, utility, bounds, sampling, key)
                                             .evaluate(*posterior, false)
                                             .value
                                       : JointLogExpectedImprovement(*beside, utility, best, bounds, sampling, key)
                                             .evaluate(*posterior, false)
                                             .value;
        // In samples without an admissible fixed point the floors differ, so those cases agree loosely.
        const double error = std::sqrt(squares / (sum * sum) / 4096.0);
        const double tolerance = (baseline && limited ? 0.15 : 0.02) + 2.0 * error;
        EXPECT_NEAR(stated, std::log(sum), tolerance) << "goal " << static_cast<int>(goal) << baseline << limited;
        if (limited) continue;
        const double confidence =
            JointUpperConfidenceBound(*beside, utility, 2.0, sampling, key).evaluate(*posterior, false).value;
        EXPECT_NEAR(confidence, high, 0.02 * (1.0 + std::abs(high)));
      }
    }
  }
}

TEST(joint_acquisition, one_point_equals_the_closed_forms) {
  const auto surrogate = analytic(0.05);
  const auto alone = surrogate->beside(Eigen::MatrixXd(0, 2));
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(2)).points(0, 16);
  const Utility utility{0, Goal::maximize};
  const LogExpectedImprovement closed(utility, 0.5, upper);
  const JointLogExpectedImprovement sampled(*alone, utility, 0.5, upper, {.q = 1, .samples = 4096}, core::RandomKey(3));
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const double wanted = closed.evaluate(*surrogate->posterior(points.row(i)), false).value(0);
    if (wanted < -6.0) continue;  // hardly a sample improves there
    EXPECT_NEAR(sampled.evaluate(*alone->posterior(points.row(i), {.joint = true}), false).value, wanted, 0.05);
    const double mean = surrogate->posterior(points.row(i))->mean()(0, 0);
    const double sd = std::sqrt(surrogate->posterior(points.row(i))->variance(VarianceOf::latent)(0, 0));
    const JointUpperConfidenceBound confidence(*alone, utility, 2.0, {.q = 1, .samples = 4096}, core::RandomKey(3));
    EXPECT_NEAR(confidence.evaluate(*alone->posterior(points.row(i), {.joint = true}), false).value,
                mean + std::sqrt(2.0) * sd, 1e-2);
  }
}

TEST(joint_acquisition, exploration_equals_its_formulas) {
  const auto surrogate = analytic(0.05);
  const auto beside = surrogate->beside(waiting());
  const ConditionedSurrogate after(surrogate, waiting());
  const Utility utility{0, Goal::maximize};
  const double threshold = exploration_threshold(*surrogate->posterior(measured()), utility);
  const Eigen::MatrixXd points = Sobol(2, core::RandomKey(2)).points(0, 12);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const auto d = surrogate->posterior(points.row(i));
    const double mean = d->mean()(0, 0);
    const double sd = std::sqrt(d->variance(VarianceOf::latent)(0, 0));
    const double sd_after = std::sqrt(after.posterior(points.row(i))->variance(VarianceOf::latent)(0, 0));
    const auto posterior = beside->posterior(points.row(i), {.joint = true});
    using Explore = UpperConfidenceBoundPureExploration;
    EXPECT_NEAR(
        Explore(*beside, utility, threshold, ExplorationMode::upper_confidence_bound).evaluate(*posterior, false).value,
        mean + 1.8 * sd_after, 1e-6);
    EXPECT_NEAR(
        Explore(*beside, utility, threshold, ExplorationMode::pure_exploration).evaluate(*posterior, false).value,
        sd_after + 10.0 * std::min(0.0, mean + 0.5 * sd - threshold), 1e-6);
  }
  const auto joint = after.posterior(candidates(), {.joint = true})->covariance(0, VarianceOf::latent);
  const UpperConfidenceBoundPureExploration set(*beside, utility, -100.0, ExplorationMode::pure_exploration, 3);
  EXPECT_NEAR(set.evaluate(*beside->posterior(candidates(), {.joint = true}), false).value,
              std::log(joint.determinant()), 1e-5);
  EXPECT_THROW(UpperConfidenceBoundPureExploration(*beside, utility, 0.0, ExplorationMode::upper_confidence_bound, 2),
               core::ConfigurationError);
}

TEST(joint_acquisition, exploration_is_chosen_as_often_as_stated) {
  const auto share = [](bool news, double ratio) {
    double count = 0.0;
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const bool explores =
          choose_exploration(news, ratio, core::RandomKey(1).child(i)) == ExplorationMode::pure_exploration;
      count += explores ? 1.0 : 0.0;
    }
    return count / 4000.0;
  };
  EXPECT_NEAR(share(true, 10.0), 0.1, 0.03);
  EXPECT_NEAR(share(true, 0.5), 0.7, 0.03);
  EXPECT_NEAR(share(false, 10.0), 0.75, 0.03);
}

TEST(joint_acquisition, stays_finite_far_outside_and_at_coinciding_points) {
  const auto surrogate = analytic(1e-6);
  Eigen::MatrixXd same(3, 2);
  same << 0.1, 0.2, 0.1, 0.2, 0.5, 0.3;  // a measured point twice and a pending one
  Eigen::MatrixXd far = candidates();
  far.array() += 1e3;
  for (const Goal goal : {Goal::minimize, Goal::maximize, Goal::target}) {
    for (const Case& one : cases({0, goal, 1e6})) {
      const auto beside = surrogate->beside(waiting());
      const auto acquisition = one.make(*beside, {.q = 3});
      for (const Eigen::MatrixXd& X : {same, far}) {
        const auto at = acquisition->evaluate(*beside->posterior(X, {.gradients = true, .joint = true}), true);
        EXPECT_TRUE(std::isfinite(at.value)) << one.name;
        EXPECT_TRUE(at.gradient.allFinite()) << one.name;
      }
    }
  }
}

TEST(joint_acquisition, units_do_not_matter) {
  // The same line in other units: log improvement moves by log(unit), nothing else.
  const auto scaled = [](double scale) {
    const auto function = [scale](const Eigen::VectorXd& x) { return scale * hills(x); };
    return std::make_shared<AnalyticSurrogate>(
        features::Encoder({test::numeric("a"), test::numeric("b")}), std::vector<std::string>{"y"},
        std::vector<test::Function>{function}, measured(),
        AnalyticSurrogate::Options{.lengthscale = 0.4, .signal_sd = scale, .noise_sd = 0.05 * scale});
  };
  double first = 0.0;
  for (const double scale : {1.0, 1e2, 1e4}) {
    const auto surrogate = scaled(scale);
    const auto beside = surrogate->beside(measured());
    const JointLogNoisyExpectedImprovement acquisition(*beside, {0, Goal::maximize}, {}, {.q = 3}, core::RandomKey(3));
    const double value =
        acquisition.evaluate(*beside->posterior(candidates(), {.joint = true}), false).value - std::log(scale);
    if (scale == 1.0) first = value;
    EXPECT_NEAR(value, first, 1e-6);
  }
}

TEST(joint_acquisition, pruning_keeps_what_may_be_best) {
  const auto surrogate = analytic(0.05);
  const auto rows = prune_baseline(*surrogate, measured(), {0, Goal::maximize}, {}, core::RandomKey(1));
  const Eigen::VectorXd mean = surrogate->posterior(measured())->mean().col(0);
  Eigen::Index best = 0;
  mean.maxCoeff(&best);
  EXPECT_NE(std::find(rows.begin(), rows.end(), best), rows.end());
  EXPECT_LT(std::ssize(rows), 5);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  // With a bound that the best one breaks, others may win.
  const auto bounded = prune_baseline(*surrogate, measured(), {0, Goal::minimize}, upper, core::RandomKey(1));
  for (const Eigen::Index row : bounded) EXPECT_LT(slope(measured().row(row).transpose()), 0.9);
  // Where nothing keeps the bound one point still stands for all.
  const std::vector<OutcomeBound> never = {{.response = 1, .upper = -50.0}};
  EXPECT_EQ(prune_baseline(*surrogate, measured(), {0, Goal::minimize}, never, core::RandomKey(1)).size(), 1U);
  EXPECT_THROW(static_cast<void>(prune_baseline(*surrogate, Eigen::MatrixXd(0, 2), {}, {}, core::RandomKey(1))),
               core::DataError);
}

TEST(joint_acquisition, refuses_what_does_not_fit) {
  const auto surrogate = analytic(0.05);
  const auto alone = surrogate->beside(Eigen::MatrixXd(0, 2));
  const auto beside = surrogate->beside(waiting());
  const Utility utility{0, Goal::maximize};
  const core::RandomKey key(1);
  EXPECT_THROW(JointLogNoisyExpectedImprovement(*alone, utility, {}, {}, key), core::ConfigurationError);
  EXPECT_THROW(JointUpperConfidenceBound(*alone, utility, -1.0, {}, key), core::ConfigurationError);
  EXPECT_THROW(JointLogExpectedImprovement(*alone, utility, 0.0, {}, {.q = 0}, key), core::ConfigurationError);
  EXPECT_THROW(JointLogExpectedImprovement(*alone, utility, 0.0, {}, {.units = Eigen::Vector2d(1.0, -1.0)}, key),
               core::DataError);
  const JointLogExpectedImprovement two(*beside, utility, 0.0, {}, {.q = 2}, key);
  EXPECT_THROW(static_cast<void>(two.evaluate(*beside->posterior(candidates(), {.joint = true}), false)),
               core::DataError);
  EXPECT_THROW(static_cast<void>(two.evaluate(*alone->posterior(waiting(), {.joint = true}), false)), core::DataError);
  EXPECT_THROW(static_cast<void>(two.evaluate(*beside->posterior(waiting(), {}), false)), core::LifecycleError);
}

TEST(base_samples, are_standard_normal_in_every_dimension) {
  const BaseSamples drawn = BaseSamples::draw(2, 30, 40, 1024, core::RandomKey(2));  // 140 dimensions: two sequences
  for (const auto& part : {drawn.points, drawn.fixed}) {
    for (const Eigen::MatrixXd& z : part) {
      for (Eigen::Index i = 0; i < z.rows(); ++i) {
        EXPECT_NEAR(z.row(i).mean(), 0.0, 0.02);
        EXPECT_NEAR(z.row(i).squaredNorm() / 1024.0, 1.0, 0.05);
      }
    }
  }
  const Eigen::MatrixXd all =
      (Eigen::MatrixXd(140, 1024) << drawn.points[0], drawn.points[1], drawn.fixed[0], drawn.fixed[1]).finished();
  Eigen::MatrixXd correlation = all * all.transpose() / 1024.0;
  correlation.diagonal().setZero();
  EXPECT_LT(correlation.cwiseAbs().maxCoeff(), 0.3);
}

}  // namespace
}  // namespace luban::recommend
