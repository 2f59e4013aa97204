#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <luban/monitor/export.hpp>

namespace luban::monitor {

enum class CoverageState {
  holding,
  failing  ///< the intervals no longer hold; stays until reset
};

[[nodiscard]] LUBAN_MONITOR_EXPORT std::string_view name(CoverageState state) noexcept;

struct LUBAN_MONITOR_EXPORT CoverageOptions {
  double level = 0.9;          ///< that the intervals promise, in (0, 1)
  double run_length = 1000.0;  ///< at least so many outcomes to a false alarm on average, ≥ 10
  int window = 100;            ///< outcomes of which the running coverage is told, 1 to 1e6
};

/// Watches whether stated intervals cover what happens as often as they promise; covering more is no fault.
///
/// The alarm is an e-detector of Shiryaev–Roberts kind (Shin, Ramdas and Rinaldo 2024, arXiv 2203.03532): a mixture
/// over larger miss probabilities q of sums of likelihood ratios, R ← (R + 1) · ratio, alarm at R ≥ run_length. While
/// the chance of a miss, given all before, is at most 1 − level, the mean time to a false alarm is at least run_length,
/// whatever else the outcomes depend on.
class LUBAN_MONITOR_EXPORT CoverageTracker {
 public:
  /// @throws ConfigurationError naming the option that is out of range.
  explicit CoverageTracker(const CoverageOptions& options = {});

  CoverageState update(bool inside);
  /// Whether `value` lies in [lower, upper]; a NaN among them is a missing outcome.
  CoverageState update(double lower, double value, double upper);
  void reset();

  [[nodiscard]] CoverageState state() const noexcept { return state_; }
  [[nodiscard]] const CoverageOptions& options() const noexcept { return options_; }
  [[nodiscard]] double statistic() const noexcept { return statistic_; }  ///< R
  /// Evidence since the reset that the level was not kept all the while: at most 1/a with probability 1 − a, at all
  /// times at once (Ville 1939).
  [[nodiscard]] double e_value() const;
  [[nodiscard]] std::int64_t outcomes() const noexcept { return outcomes_; }
  [[nodiscard]] std::int64_t missing() const noexcept { return missing_; }
  [[nodiscard]] double coverage() const noexcept;          ///< since the reset; NaN before the first outcome
  [[nodiscard]] double running_coverage() const noexcept;  ///< of the last `window`
  struct Bounds {
    double lower;
    double upper;
  };
  /// Interval of the running coverage (Clopper and Pearson 1934), for outcomes that are independent.
  /// @throws ConfigurationError unless confidence is in (0, 1).
  [[nodiscard]] Bounds running_bounds(double confidence = 0.95) const;

 private:
  struct Alternative {
    double log_hit;   ///< log likelihood ratio of an outcome inside
    double log_miss;  ///< and outside
    double sum = 0.0;
    double log_product = 0.0;
  };
  CoverageOptions options_;
  std::vector<Alternative> alternatives_;
  std::vector<bool> recent_;
  CoverageState state_ = CoverageState::holding;
  double statistic_ = 0.0;
  std::int64_t outcomes_ = 0;
  std::int64_t inside_ = 0;
  std::int64_t recent_inside_ = 0;
  std::int64_t missing_ = 0;
};

}  // namespace luban::monitor
