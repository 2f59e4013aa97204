#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <luban/monitor/export.hpp>

namespace luban::monitor {

enum class DriftState {
  stable,
  suspected,  ///< the statistic is beyond the threshold, but not often enough yet
  drift       ///< stays until reset
};
enum class DriftDirection { none, up, down };

[[nodiscard]] LUBAN_MONITOR_EXPORT std::string_view name(DriftState state) noexcept;
[[nodiscard]] LUBAN_MONITOR_EXPORT std::string_view name(DriftDirection direction) noexcept;

/// An alarm needs `needed` of the last `among` values beyond the threshold; 1 ≤ needed ≤ among ≤ 64.
struct LUBAN_MONITOR_EXPORT Persistence {
  int needed = 1;
  int among = 1;

  /// @throws ConfigurationError naming what is wrong.
  void validate() const;
};

/// Watches standardised residuals, (observed − predicted) / standard deviation, for a lasting change of their mean.
/// NaN is a missing value: it is counted and changes nothing else.
class LUBAN_MONITOR_EXPORT DriftDetector {
 public:
  virtual ~DriftDetector();

  DriftState update(double value);
  void reset();  ///< forgets all values; counts begin again

  [[nodiscard]] DriftState state() const noexcept { return state_; }
  /// Which side is, or at the alarm was, further out; none while both are at zero.
  [[nodiscard]] DriftDirection direction() const noexcept { return direction_; }
  [[nodiscard]] double statistic() const noexcept { return statistic_; }  ///< the larger of the two sides
  [[nodiscard]] double threshold() const noexcept { return threshold_; }
  [[nodiscard]] const Persistence& persistence() const noexcept { return persistence_; }
  [[nodiscard]] std::int64_t seen() const noexcept { return seen_; }        ///< values since reset, missing ones not
  [[nodiscard]] std::int64_t missing() const noexcept { return missing_; }  ///< since reset

  [[nodiscard]] virtual std::unique_ptr<DriftDetector> clone() const = 0;
  /// The same detector with another threshold, reset. @throws ConfigurationError unless the threshold is > 0.
  [[nodiscard]] std::unique_ptr<DriftDetector> with_threshold(double threshold) const;

 protected:
  struct Sides {
    double up = 0.0;
    double down = 0.0;
  };
  /// @throws ConfigurationError unless threshold is > 0 and persistence is valid.
  DriftDetector(double threshold, const Persistence& persistence);
  DriftDetector(const DriftDetector&) = default;
  DriftDetector& operator=(const DriftDetector&) = default;

 private:
  virtual Sides advance(double value) = 0;
  virtual void forget() = 0;

  double threshold_;
  Persistence persistence_;
  DriftState state_ = DriftState::stable;
  DriftDirection direction_ = DriftDirection::none;
  double statistic_ = 0.0;
  std::int64_t seen_ = 0;
  std::int64_t missing_ = 0;
  std::uint64_t beyond_ = 0;  ///< the last `among` values, newest in the lowest bit
};

struct LUBAN_MONITOR_EXPORT CusumOptions {
  double allowance = 0.5;    ///< in standard deviations, ≥ 0; half of the shift that matters most
  double threshold = 4.774;  ///< one false alarm in 370 independent normal values, as a 3-sigma chart
  Persistence persistence{};
};

/// Two-sided cumulative sum: S⁺ ← max(0, S⁺ + z − k), S⁻ ← max(0, S⁻ − z − k). Source: Page 1954, Biometrika 41.
/// Assumes that stable residuals have mean zero: a constant bias is drift.
class LUBAN_MONITOR_EXPORT Cusum final : public DriftDetector {
 public:
  /// @throws ConfigurationError naming the option that is out of range.
  explicit Cusum(const CusumOptions& options = {});
  [[nodiscard]] double allowance() const noexcept { return allowance_; }
  [[nodiscard]] std::unique_ptr<DriftDetector> clone() const override;

 private:
  Sides advance(double value) override;
  void forget() override;
  double allowance_;
  Sides sums_;
};

struct LUBAN_MONITOR_EXPORT PageHinkleyOptions {
  double allowance = 0.5;  ///< in standard deviations, ≥ 0
  double threshold = 5.0;  ///< calibrate it: see calibrate.hpp
  int warm_up = 30;        ///< values from which the mean is learned before anything can be beyond, ≥ 1
  Persistence persistence{};
};

/// The same against the running mean of all values since the reset, so that a constant bias is no drift; a very slow
/// drift moves the mean with it and is found late. Source: Page 1954; Hinkley 1971, Biometrika 58.
class LUBAN_MONITOR_EXPORT PageHinkley final : public DriftDetector {
 public:
  /// @throws ConfigurationError naming the option that is out of range.
  explicit PageHinkley(const PageHinkleyOptions& options = {});
  [[nodiscard]] double allowance() const noexcept { return allowance_; }
  [[nodiscard]] int warm_up() const noexcept { return warm_up_; }
  [[nodiscard]] double mean() const noexcept { return mean_; }
  [[nodiscard]] std::unique_ptr<DriftDetector> clone() const override;

 private:
  Sides advance(double value) override;
  void forget() override;
  double allowance_;
  int warm_up_;
  std::int64_t count_ = 0;
  double mean_ = 0.0;
  Sides sums_;
};

}  // namespace luban::monitor
