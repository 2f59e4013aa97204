// Run lengths against published figures and against simulation; thresholds against what they promise.
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/monitor/calibrate.hpp>

namespace luban::monitor {
namespace {

TEST(RunLength, of_a_cusum_is_the_published_one) {
  // Montgomery, Introduction to Statistical Quality Control, table 9.3: tabular CUSUM, k = 1/2.
  const std::vector<std::tuple<double, double, double>> table{
      {4.0, 0.0, 168.0}, {4.0, 0.25, 74.2},  {4.0, 0.5, 26.6}, {4.0, 1.0, 8.38}, {4.0, 2.0, 3.34}, {4.0, 4.0, 1.71},
      {5.0, 0.0, 465.0}, {5.0, 0.25, 139.0}, {5.0, 0.5, 38.0}, {5.0, 1.0, 10.4}, {5.0, 2.0, 4.01}, {5.0, 4.0, 2.01}};
  for (const auto& [threshold, shift, expected] : table) {
    EXPECT_NEAR(cusum_run_length(0.5, threshold, shift), expected, 0.005 * expected) << threshold << " " << shift;
  }
}

TEST(RunLength, agrees_with_simulation) {
  for (const double allowance : {0.25, 0.5, 1.0}) {
    for (const double shift : {0.0, 0.5, -1.0}) {
      const double threshold = cusum_threshold(allowance, 200.0);
      const RunLength simulated = simulated_run_length(Cusum({.allowance = allowance, .threshold = threshold}), shift,
                                                       core::RandomKey(5), {.runs = 4000});
      EXPECT_EQ(simulated.censored, 0.0);
      EXPECT_NEAR(simulated.mean, cusum_run_length(allowance, threshold, shift), 4.0 * simulated.standard_error);
    }
  }
}

TEST(RunLength, by_siegmund_is_near) {
  for (const double allowance : {0.25, 0.5}) {
    for (const double threshold : {3.0, 5.0, 8.0}) {
      for (const double shift : {0.0, 0.5, 1.0}) {
        const double exact = cusum_run_length(allowance, threshold, shift);
        EXPECT_NEAR(siegmund_run_length(allowance, threshold, shift), exact, 0.05 * exact);
      }
    }
  }
}

TEST(RunLength, does_not_depend_on_the_number_of_states) {
  // Twice the fineness of the chain is the same to six figures: compare through a threshold scaled by nothing but
  // itself.
  EXPECT_NEAR(cusum_run_length(0.5, 4.774), 370.0, 0.5);
  EXPECT_NEAR(cusum_run_length(0.5, 5.0), 465.44, 0.05);
  for (const double wished : {10.0, 370.0, 1000.0, 1e5}) {
    EXPECT_NEAR(cusum_run_length(0.5, cusum_threshold(0.5, wished)) / wished, 1.0, 1e-6);
  }
}

TEST(DetectionDelay, is_short_after_a_large_shift_and_leaves_out_false_alarms) {
  const Cusum chart;
  const RunLength small = detection_delay(chart, 0.5, 100, core::RandomKey(6), {.runs = 1000});
  const RunLength large = detection_delay(chart, 2.0, 100, core::RandomKey(6), {.runs = 1000});
  EXPECT_EQ(small.runs, 1000);
  EXPECT_LT(large.mean, 5.0);
  EXPECT_GT(small.mean, 20.0);
  EXPECT_LT(small.mean, cusum_run_length(0.5, 4.774, 0.5)) << "a chart that already runs is a little ahead";
  EXPECT_THROW((void)detection_delay(Cusum({.threshold = 0.1}), 1.0, 10000, core::RandomKey(6), {.runs = 10}),
               core::DataError);
}

TEST(Calibration, keeps_the_wished_run_length_on_normal_values) {
  const DriftCalibrationOptions options{.run_length = 200.0, .runs = 2000};
  const DriftCalibration plain = calibrate_normal(Cusum(), core::RandomKey(7), options);
  EXPECT_NEAR(plain.threshold, cusum_threshold(0.5, 200.0), 0.1);
  EXPECT_NEAR(plain.achieved.mean, 200.0, 5.0 * plain.standard_error);
  EXPECT_LT(plain.standard_error, 6.0);
  const Cusum gated({.persistence = {.needed = 3, .among = 5}});
  const DriftCalibration patient = calibrate_normal(gated, core::RandomKey(7), options);
  EXPECT_LT(patient.threshold, plain.threshold) << "persistence allows a lower threshold";
  const RunLength check = simulated_run_length(*gated.with_threshold(patient.threshold), 0.0, core::RandomKey(8));
  EXPECT_NEAR(check.mean, 200.0, 5.0 * std::hypot(check.standard_error, patient.standard_error));
  const DriftCalibration hinkley = calibrate_normal(PageHinkley(), core::RandomKey(7), options);
  const RunLength again =
      simulated_run_length(*PageHinkley().with_threshold(hinkley.threshold), 0.0, core::RandomKey(8));
  EXPECT_NEAR(again.mean, 200.0, 5.0 * std::hypot(again.standard_error, hinkley.standard_error));
}

/// A first-order autoregression of variance one.
std::vector<double> wandering(double memory, std::size_t count, core::RandomKey key) {
  core::Generator random = key.generator();
  std::vector<double> out;
  double value = random.normal();
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(value);
    value = memory * value + std::sqrt(1.0 - memory * memory) * random.normal();
  }
  return out;
}

TEST(Calibration, follows_the_correlation_of_a_series) {
  const DriftCalibrationOptions options{.run_length = 200.0, .runs = 1000};
  const auto independent =
      calibrate_series(Cusum(), wandering(0.0, 5000, core::RandomKey(9)), core::RandomKey(1), options);
  const auto correlated =
      calibrate_series(Cusum(), wandering(0.6, 5000, core::RandomKey(9)), core::RandomKey(1), options);
  EXPECT_NEAR(independent.threshold, cusum_threshold(0.5, 200.0), 0.5);
  EXPECT_GT(correlated.threshold, 1.5 * independent.threshold);
  EXPECT_GT(correlated.block, independent.block);
  // What it keeps on fresh series of the same kind.
  const auto chart = Cusum().with_threshold(correlated.threshold);
  double sum = 0.0;
  constexpr int repeats = 2000;
  for (int i = 0; i < repeats; ++i) {
    const auto fresh = wandering(0.6, 4000, core::RandomKey(10).child(static_cast<std::uint64_t>(i)));
    chart->reset();
    std::size_t length = 0;
    while (length < fresh.size() && chart->update(fresh[length++]) != DriftState::drift) {
    }
    sum += static_cast<double>(length);
  }
  EXPECT_NEAR(sum / repeats, 200.0, 3.0 * correlated.standard_error);
  EXPECT_LT(correlated.standard_error, 60.0);
}

TEST(Calibration, counts_missing_values_and_is_the_same_for_the_same_key) {
  std::vector<double> values = wandering(0.2, 1000, core::RandomKey(11));
  const DriftCalibrationOptions options{.run_length = 50.0, .runs = 200};
  const DriftCalibration first = calibrate_series(PageHinkley(), values, core::RandomKey(2), options);
  EXPECT_EQ(calibrate_series(PageHinkley(), values, core::RandomKey(2), options).threshold, first.threshold);
  for (std::size_t i = 0; i < 1000; i += 10) {
    values.insert(values.begin() + static_cast<std::ptrdiff_t>(i), std::numeric_limits<double>::quiet_NaN());
  }
  const DriftCalibration holey = calibrate_series(PageHinkley(), values, core::RandomKey(2), options);
  EXPECT_EQ(holey.missing, 100);
  EXPECT_EQ(holey.threshold, first.threshold);
}

TEST(Calibration, refuses_what_it_cannot_learn_from) {
  const std::vector<double> few(99, 1.0);
  EXPECT_THROW((void)calibrate_series(Cusum(), few, core::RandomKey(1)), core::DataError);
  const std::vector<double> same(500, 1.0);
  EXPECT_THROW((void)calibrate_series(Cusum(), same, core::RandomKey(1)), core::DataError);
  const std::vector<double> fine = wandering(0.0, 500, core::RandomKey(1));
  EXPECT_THROW((void)calibrate_series(Cusum(), fine, core::RandomKey(1), {.run_length = 1.0}),
               core::ConfigurationError);
  EXPECT_THROW((void)calibrate_series(Cusum(), fine, core::RandomKey(1), {.block = 101}), core::ConfigurationError);
  EXPECT_THROW((void)calibrate_normal(Cusum(), core::RandomKey(1), {.runs = 1}), core::ConfigurationError);
  EXPECT_THROW((void)cusum_threshold(0.5, 1.0), core::ConfigurationError);
  EXPECT_THROW((void)cusum_run_length(-1.0, 4.0), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::monitor
