#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/hypervolume_improvement.hpp>
#include <luban/recommend/detail/hypervolume_kernel.hpp>
#include <luban/recommend/hypervolume.hpp>

#include "front_points.hpp"

namespace luban::recommend {
namespace {

BoxDecomposition some_boxes(Eigen::Index m, Eigen::Index n = 12) {
  return BoxDecomposition(Eigen::VectorXd::Constant(m, 0.1), fraction_points(n, m, 1.0));
}

/// log of the mean of the exact improvements.
double plain_log_mean(const std::vector<BoxDecomposition>& boxes, Eigen::Index q, const SampleMatrix& utilities,
                      const SampleMatrix& log_feasibility = {}) {
  const Eigen::Index samples = utilities.rows() / q;
  double sum = 0.0;
  for (Eigen::Index k = 0; k < samples; ++k) {
    const BoxDecomposition& set = boxes[boxes.size() == 1 ? 0 : k];
    const Eigen::MatrixXd points = utilities.middleRows(k * q, q);
    if (log_feasibility.size() == 0) {
      sum += hypervolume_improvement(set, points);
      continue;
    }
    // The expected improvement of points that are each there with their own probability.
    for (unsigned there = 1; there < (1U << static_cast<unsigned>(q)); ++there) {
      double probability = 1.0;
      std::vector<Eigen::Index> rows;
      for (Eigen::Index i = 0; i < q; ++i) {
        const bool in = ((there >> static_cast<unsigned>(i)) & 1U) != 0;
        if (in) rows.push_back(i);
        probability *= in ? std::exp(log_feasibility(k, i)) : 1.0 - std::exp(log_feasibility(k, i));
      }
      sum += probability * hypervolume_improvement(set, points(rows, Eigen::all));
    }
  }
  return std::log(sum / static_cast<double>(samples));
}

TEST(HypervolumeImprovement, plain_one_is_the_difference_of_two_hypervolumes) {
  core::Generator generator(1);
  for (int round = 0; round < 200; ++round) {
    const auto m = static_cast<Eigen::Index>(1 + generator.below(4));
    const auto q = static_cast<Eigen::Index>(1 + generator.below(5));
    const int levels = round % 2 == 0 ? 0 : 4;
    const Eigen::MatrixXd known = random_points(static_cast<Eigen::Index>(generator.below(8)), m, levels, generator);
    const Eigen::MatrixXd points = random_points(q, m, levels, generator);
    const Eigen::VectorXd reference = Eigen::VectorXd::Constant(m, 0.1);
    Eigen::MatrixXd both(known.rows() + q, m);
    both << known, points;
    const double expected = hypervolume(both, reference) - hypervolume(known, reference);
    ASSERT_NEAR(hypervolume_improvement(BoxDecomposition(reference, known), points), expected, 1e-9 * (1 + expected));
  }
}

TEST(HypervolumeImprovement, smooth_one_is_near_the_plain_one) {
  core::Generator generator(2);
  for (int round = 0; round < 100; ++round) {
    const auto m = static_cast<Eigen::Index>(1 + generator.below(4));
    const auto q = static_cast<Eigen::Index>(1 + generator.below(5));
    const std::vector<BoxDecomposition> boxes{some_boxes(m, static_cast<Eigen::Index>(generator.below(20)))};
    const SampleMatrix utilities = 1.4 * random_points(16 * q, m, 0, generator);
    const SampledLogValue smooth = LogHypervolumeImprovement(boxes, q).evaluate(utilities, false);
    ASSERT_NEAR(smooth.value, plain_log_mean(boxes, q, utilities), 0.02) << m << " objectives, q = " << q;
    // And nearer with a lower temperature of the least.
    const SampledLogValue sharp =
        LogHypervolumeImprovement(boxes, q, {.relu_temperature = 1e-9, .max_temperature = 1e-6})
            .evaluate(utilities, false);
    ASSERT_NEAR(sharp.value, plain_log_mean(boxes, q, utilities), 1e-4) << m << " objectives, q = " << q;
  }
}

// botorch 0.18.1, see test_hypervolume.cpp for P; S = (fraction_points(8 q, m, 40.5) * 1.2).reshape(8, 1, q, m);
// qLogExpectedHypervolumeImprovement(model, ref_point=[0.1] * m,
// partitioning=FastNondominatedPartitioning(ref, P))._compute_log_qehvi(S). Its least of lengths is smoothed otherwise.
TEST(HypervolumeImprovement, numbers_from_botorch) {
  struct Row {
    Eigen::Index m, q;
    double value;
  };
  const Row rows[] = {{2, 1, -7.895257056384871}, {2, 2, -3.823004834616542}, {2, 4, -1.7470383918240133},
                      {3, 1, -6.576805737705547}, {3, 2, -3.277472064048786}, {3, 4, -1.8352110006402254},
                      {4, 1, -6.853877749106481}, {4, 2, -3.299257350962642}, {4, 4, -2.1845331809246114}};
  for (const Row& row : rows) {
    const LogHypervolumeImprovement improvement({some_boxes(row.m)}, row.q);
    const SampleMatrix utilities = 1.2 * fraction_points(8 * row.q, row.m, 40.5);
    EXPECT_NEAR(improvement.evaluate(utilities, false).value, row.value, 0.03) << row.m << " objectives, q = " << row.q;
  }
}

struct Asked {
  std::vector<BoxDecomposition> boxes;
  Eigen::Index q;
  SampleMatrix utilities, log_feasibility;
  HypervolumeImprovementOptions options = {};
  [[nodiscard]] SampledLogValue evaluate(bool gradients) const {
    return LogHypervolumeImprovement(boxes, q, options).evaluate(utilities, gradients, log_feasibility);
  }
};

/// Central differences against the gradients, relative to the greatest derivative.
void check_gradients(Asked asked, double step, double tolerance) {
  const SampledLogValue result = asked.evaluate(true);
  ASSERT_TRUE(result.gradient.allFinite());
  const auto compare = [&](SampleMatrix& where, const SampleMatrix& gradient) {
    ASSERT_EQ(where.size(), gradient.size());
    const double scale = 1e-9 + gradient.cwiseAbs().maxCoeff();
    for (Eigen::Index k = 0; k < where.size(); ++k) {
      const double kept = where.data()[k];
      where.data()[k] = kept + step;
      const double up = asked.evaluate(false).value;
      where.data()[k] = kept - step;
      const double down = asked.evaluate(false).value;
      where.data()[k] = kept;
      ASSERT_NEAR((up - down) / (2 * step), gradient.data()[k], tolerance * scale) << "element " << k;
    }
  };
  compare(asked.utilities, result.gradient);
  if (asked.log_feasibility.size() > 0) compare(asked.log_feasibility, result.feasibility_gradient);
}

TEST(HypervolumeImprovement, gradients_are_the_slopes_of_the_value) {
  core::Generator generator(3);
  for (int round = 0; round < 40; ++round) {
    const auto m = static_cast<Eigen::Index>(1 + generator.below(4));
    const auto q = static_cast<Eigen::Index>(1 + generator.below(4));
    Asked asked{{some_boxes(m, static_cast<Eigen::Index>(generator.below(20)))},
                q,
                1.3 * random_points(3 * q, m, 0, generator),
                {},
                {.relu_temperature = 1e-2, .max_temperature = 1e-2}};
    if (round % 2 == 0) asked.log_feasibility = -0.1 - random_points(3, q, 0, generator).array();
    check_gradients(asked, 1e-6, 2e-5);
  }
}

TEST(HypervolumeImprovement, gradients_at_the_default_temperatures) {
  core::Generator generator(4);
  for (int round = 0; round < 20; ++round) {
    const auto m = static_cast<Eigen::Index>(2 + generator.below(3));
    check_gradients({{some_boxes(m)}, 3, 1.3 * random_points(6, m, 0, generator), {}}, 1e-8, 2e-3);
  }
}

TEST(HypervolumeImprovement, gradients_hold_where_points_and_lengths_are_equal) {
  for (Eigen::Index m = 2; m <= 4; ++m) {
    SampleMatrix utilities = SampleMatrix::Constant(3, m, 0.8);
    check_gradients({{some_boxes(m)}, 3, utilities, {}, {.relu_temperature = 1e-2, .max_temperature = 1e-2}}, 1e-6,
                    1e-4);
  }
}

TEST(HypervolumeImprovement, finite_and_pointing_home_far_outside) {
  for (Eigen::Index m = 2; m <= 4; ++m) {
    for (const double far : {-1e100, -1e30, -1e6, -10.0, 1e6, 1e30, 1e100}) {
      for (const Eigen::Index q : {1, 3}) {
        const LogHypervolumeImprovement improvement({some_boxes(m)}, q);
        const SampledLogValue result = improvement.evaluate(SampleMatrix::Constant(2 * q, m, far), true);
        EXPECT_TRUE(std::isfinite(result.value)) << m << " " << far;
        EXPECT_TRUE(result.gradient.allFinite()) << m << " " << far;
        EXPECT_GT(result.gradient.minCoeff(), 0.0) << m << " " << far;
      }
    }
  }
}

TEST(HypervolumeImprovement, hopeless_feasibility_is_finite) {
  const LogHypervolumeImprovement improvement({some_boxes(3)}, 3);
  const SampleMatrix utilities = SampleMatrix::Constant(6, 3, 0.99);
  SampleMatrix log_feasibility = SampleMatrix::Constant(2, 3, -5000.0);
  log_feasibility(0, 1) = -4000.0;
  const SampledLogValue result = improvement.evaluate(utilities, true, log_feasibility);
  EXPECT_NEAR(result.value, -4000.0, 20.0);
  EXPECT_TRUE(result.gradient.allFinite());
  EXPECT_NEAR(result.feasibility_gradient(0, 1), 1.0, 1e-9);
}

TEST(HypervolumeImprovement, weights_count_points_by_their_probabilities) {
  core::Generator generator(5);
  for (int round = 0; round < 30; ++round) {
    const std::vector<BoxDecomposition> boxes{some_boxes(3)};
    const SampleMatrix utilities = 1.3 * random_points(12, 3, 0, generator);
    const SampleMatrix log_feasibility = -2.0 * random_points(4, 3, 0, generator);
    const LogHypervolumeImprovement improvement(boxes, 3);
    EXPECT_NEAR(improvement.evaluate(utilities, false, log_feasibility).value,
                plain_log_mean(boxes, 3, utilities, log_feasibility), 0.02);
    const SampleMatrix certain = SampleMatrix::Zero(4, 3);
    EXPECT_NEAR(improvement.evaluate(utilities, false, certain).value, improvement.evaluate(utilities, false).value,
                1e-12);
  }
}

TEST(HypervolumeImprovement, each_sample_may_have_boxes_of_its_own) {
  const std::vector<BoxDecomposition> boxes{some_boxes(3, 5), some_boxes(3, 0), some_boxes(3, 30)};
  const SampleMatrix utilities = 1.2 * fraction_points(6, 3, 40.5);
  const SampledLogValue together = LogHypervolumeImprovement(boxes, 2).evaluate(utilities, true);
  double sum = 0.0;
  for (Eigen::Index k = 0; k < 3; ++k) {
    const LogHypervolumeImprovement one({boxes[k]}, 2);
    const SampledLogValue alone = one.evaluate(utilities.middleRows(2 * k, 2), true);
    sum += std::exp(alone.value);
    const double share = std::exp(alone.value - together.value) / 3.0;
    EXPECT_TRUE(together.gradient.middleRows(2 * k, 2).isApprox(share * alone.gradient, 1e-10));
  }
  EXPECT_NEAR(together.value, std::log(sum / 3.0), 1e-12);
}

TEST(HypervolumeImprovement, instruction_sets_agree) {
  core::Generator generator(6);
  for (int round = 0; round < 50; ++round) {
    detail::HypervolumeSample sample{};
    sample.points = 1 + generator.below(4);
    sample.objectives = 1 + generator.below(4);
    sample.relu_temperature = round % 2 == 0 ? 1e-6 : 1e-2;
    sample.max_temperature = 1e-3;
    std::vector<double> block(detail::block_size(sample.objectives), 1.0);
    for (std::size_t k = detail::kernel_boxes; k < block.size(); ++k) block[k] = generator.uniform();
    for (std::size_t j = 0; j < sample.objectives; ++j) {
      sample.scale[j] = 1.0;
      for (std::size_t i = 0; i < sample.points; ++i) {  // each one better than the last: their order is known
        sample.utilities[i][j] = 0.3 * (static_cast<double>(i) + generator.uniform());
        sample.order[j][i] = i;
      }
    }
    for (double& factor : sample.factor) factor = 1.0;
    detail::HypervolumeSample first = sample;
    detail::sum_boxes(surrogate::SimdLevel::baseline, first, block.data(), 1, true, 0);
    for (const surrogate::SimdLevel level : surrogate::available_simd_levels()) {
      detail::sum_boxes(level, sample, block.data(), 1, true, 0);
      ASSERT_NEAR(sample.total, first.total, 1e-12 * first.total);
      for (std::size_t i = 0; i < sample.points; ++i) {
        ASSERT_NEAR(sample.with[i], first.with[i], 1e-12 * first.total);
        for (std::size_t j = 0; j < sample.objectives; ++j) {
          ASSERT_NEAR(sample.gradient[i][j], first.gradient[i][j],
                      1e-9 * (first.total + std::abs(first.gradient[i][j])));
        }
      }
    }
  }
}

TEST(HypervolumeImprovement, refuses_what_does_not_fit) {
  const std::vector<BoxDecomposition> boxes{some_boxes(2)};
  EXPECT_THROW(LogHypervolumeImprovement({}, 1), core::ConfigurationError);
  EXPECT_THROW(LogHypervolumeImprovement(boxes, 0), core::ConfigurationError);
  EXPECT_THROW(LogHypervolumeImprovement(boxes, 9), core::ConfigurationError);
  EXPECT_THROW(LogHypervolumeImprovement({some_boxes(2), some_boxes(3)}, 1), core::ConfigurationError);
  EXPECT_THROW(LogHypervolumeImprovement(boxes, 1, {.relu_temperature = 0.0}), core::ConfigurationError);
  EXPECT_THROW(LogHypervolumeImprovement(boxes, 1, {.max_temperature = 0.1}), core::ConfigurationError);
  const LogHypervolumeImprovement improvement(boxes, 2);
  EXPECT_THROW((void)improvement.evaluate(SampleMatrix::Zero(3, 2), false), core::DataError);
  EXPECT_THROW((void)improvement.evaluate(SampleMatrix::Zero(4, 3), false), core::DataError);
  EXPECT_THROW((void)improvement.evaluate(SampleMatrix::Constant(4, 2, std::nan("")), false), core::DataError);
  EXPECT_THROW((void)improvement.evaluate(SampleMatrix::Zero(4, 2), false, SampleMatrix::Ones(2, 2)), core::DataError);
  EXPECT_THROW((void)improvement.evaluate(SampleMatrix::Zero(4, 2), false, SampleMatrix::Zero(1, 2)), core::DataError);
  const LogHypervolumeImprovement two_sets({some_boxes(2), some_boxes(2)}, 1);
  EXPECT_THROW((void)two_sets.evaluate(SampleMatrix::Zero(3, 2), false), core::DataError);
  EXPECT_THROW((void)hypervolume_improvement(boxes.front(), Eigen::MatrixXd::Zero(1, 3)), core::DataError);
}

}  // namespace
}  // namespace luban::recommend
