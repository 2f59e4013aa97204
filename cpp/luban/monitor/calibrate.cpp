#include <luban/monitor/calibrate.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <luban/monitor/detail/refuse.hpp>
#include <luban/monitor/detail/resampling.hpp>

namespace luban::monitor {

using detail::require;

void DriftCalibrationOptions::validate() const {
  const char* where = "monitor.calibrate";
  require(run_length >= 10.0 && run_length <= 1e6, where, "10 to 1e6", run_length, "run_length");
  require(runs >= 100, where, "100 or more", static_cast<double>(runs), "runs");
  require(block >= 0, where, "0 or more", static_cast<double>(block), "block");
  require(parts >= 4 && parts <= 50, where, "4 to 50", parts, "parts");
}

namespace {

constexpr double unbounded = std::numeric_limits<double>::infinity();

class Calibrator {
 public:
  Calibrator(const DriftDetector& detector, const DriftCalibrationOptions& options, const core::CallControl& control)
      : detector_(detector.with_threshold(std::numeric_limits<double>::max())), options_(options), control_(control) {}

  [[nodiscard]] double threshold(detail::Source& source, core::RandomKey key) {
    const auto pilot = paths(source, key.child("pilot"), options_.runs / 10, unbounded, 3.0);
    double cap = 1.15 * solve(pilot, unbounded) + 0.5;
    for (;;) {
      const auto all = paths(source, key.child("paths"), options_.runs, cap, 20.0);
      const double found = solve(all, cap);
      if (found < cap) return found;
      cap *= 1.5;
    }
  }

  [[nodiscard]] RunLength achieved(detail::Source& source, core::RandomKey key, double threshold) {
    detail::Lengths lengths;
    for (const detail::RecordPath& path : paths(source, key, options_.runs, threshold, 50.0)) {
      lengths.add(static_cast<double>(path.lasted), !path.record.empty() && path.record.back() > threshold);
    }
    return lengths.summary();
  }

 private:
  std::vector<detail::RecordPath> paths(detail::Source& source, core::RandomKey key, std::int64_t count, double cap,
                                        double longest) {
    std::vector<detail::RecordPath> out;
    for (std::int64_t i = 0; i < count; ++i) {
      control_.check("monitor.calibrate");
      control_.report({.phase = "simulate runs", .done = i, .total = count});
      source.begin(key.child(static_cast<std::uint64_t>(i)));
      out.push_back(detail::follow(*detector_, source, cap, static_cast<std::int64_t>(longest * options_.run_length)));
    }
    return out;
  }

  static double run_length_at(const std::vector<detail::RecordPath>& paths, double threshold) {
    double time = 0.0;
    double alarms = 0.0;
    for (const detail::RecordPath& path : paths) {
      const auto above = std::upper_bound(path.record.begin(), path.record.end(), threshold);
      const bool alarm = above != path.record.end();
      alarms += alarm ? 1.0 : 0.0;
      time +=
          static_cast<double>(alarm ? path.time[static_cast<std::size_t>(above - path.record.begin())] : path.lasted);
    }
    return alarms > 0.0 ? time / alarms : unbounded;
  }

  /// The threshold with the wished run length, at most `cap`.
  [[nodiscard]] double solve(const std::vector<detail::RecordPath>& paths, double cap) const {
    double low = 0.0;
    double high = 0.0;
    for (const detail::RecordPath& path : paths) {
      if (!path.record.empty()) high = std::max(high, path.record.back());
    }
    high = std::min(high, cap);
    for (int i = 0; i < 60; ++i) {
      const double middle = 0.5 * (low + high);
      (run_length_at(paths, middle) < options_.run_length ? low : high) = middle;
    }
    return high;
  }

  std::unique_ptr<DriftDetector> detector_;
  const DriftCalibrationOptions& options_;
  const core::CallControl& control_;
};

/// Jackknife over contiguous parts of the series, without the share that the simulation itself contributes.
double series_error(Calibrator& calibrator, std::span<const double> values, std::int64_t block, int parts,
                    core::RandomKey key, double threshold) {
  const auto size = static_cast<std::int64_t>(values.size());
  std::vector<RunLength> without;
  double mean = 0.0;
  for (int part = 0; part < parts; ++part) {
    detail::BlockSource source(values, block, part * size / parts, (part + 1) * size / parts);
    without.push_back(calibrator.achieved(source, key.child(static_cast<std::uint64_t>(part)), threshold));
    mean += without.back().mean / parts;
  }
  double spread = 0.0;
  double simulated = 0.0;
  for (const RunLength& one : without) {
    spread += std::pow(one.mean - mean, 2.0);
    simulated += std::pow(one.standard_error, 2.0);
  }
  const double share = (parts - 1.0) / parts;
  return std::sqrt(std::max(0.0, share * (spread - share * simulated)));
}

std::vector<double> present(std::span<const double> residuals) {
  std::vector<double> out;
  std::copy_if(residuals.begin(), residuals.end(), std::back_inserter(out),
               [](double value) { return std::isfinite(value); });
  const char* where = "monitor.calibrate_series";
  detail::require_data(out.size() >= 100, where, "at least 100 finite residuals", std::to_string(out.size()));
  const auto [low, high] = std::minmax_element(out.begin(), out.end());
  detail::require_data(*low < *high, where, "residuals that differ", "all the same");
  return out;
}

}  // namespace

DriftCalibration calibrate_normal(const DriftDetector& detector, core::RandomKey key,
                                  const DriftCalibrationOptions& options, const core::CallControl& control) {
  options.validate();
  Calibrator calibrator(detector, options, control);
  detail::NormalSource source;
  DriftCalibration out;
  out.threshold = calibrator.threshold(source, key.child("threshold"));
  out.achieved = calibrator.achieved(source, key.child("achieved"), out.threshold);
  out.standard_error = out.achieved.standard_error;
  return out;
}

DriftCalibration calibrate_series(const DriftDetector& detector, std::span<const double> residuals, core::RandomKey key,
                                  const DriftCalibrationOptions& options, const core::CallControl& control) {
  options.validate();
  const std::vector<double> values = present(residuals);
  DriftCalibration out;
  out.values = static_cast<std::int64_t>(values.size());
  out.missing = static_cast<std::int64_t>(residuals.size()) - out.values;
  out.block = options.block > 0 ? options.block : detail::block_length(values);
  require(out.block <= out.values / 5, "monitor.calibrate_series", "at most a fifth of the series",
          static_cast<double>(out.block), "block");
  Calibrator calibrator(detector, options, control);
  detail::BlockSource source(values, out.block);
  out.threshold = calibrator.threshold(source, key.child("threshold"));
  out.achieved = calibrator.achieved(source, key.child("achieved"), out.threshold);
  out.series_standard_error =
      series_error(calibrator, values, out.block, options.parts, key.child("parts"), out.threshold);
  out.standard_error = std::hypot(out.achieved.standard_error, out.series_standard_error);
  return out;
}

}  // namespace luban::monitor
