#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/monitor/drift.hpp>
#include <luban/monitor/run_length.hpp>

namespace luban::monitor::detail {

/// Collects run lengths, some of which were given up; mean = time in all / alarms, as for waiting times that are cut.
class Lengths {
 public:
  void add(double length, bool alarm);
  [[nodiscard]] std::int64_t count() const noexcept { return static_cast<std::int64_t>(length_.size()); }
  [[nodiscard]] RunLength summary() const;

 private:
  std::vector<double> length_;
  std::vector<bool> alarm_;
};

/// One endless series of values made anew from a key.
class Source {
 public:
  virtual ~Source() = default;
  virtual void begin(core::RandomKey key) = 0;
  virtual double next() = 0;
};

class NormalSource final : public Source {
 public:
  void begin(core::RandomKey key) override { random_ = key.generator(); }
  double next() override { return random_.normal(); }

 private:
  core::Generator random_{0};
};

/// Blocks of `block` consecutive values from random places, none of which touches [gap_first, gap_last).
class BlockSource final : public Source {
 public:
  BlockSource(std::span<const double> values, std::int64_t block, std::int64_t gap_first = 0,
              std::int64_t gap_last = 0);
  void begin(core::RandomKey key) override;
  double next() override;

 private:
  std::span<const double> values_;
  std::int64_t block_;
  std::int64_t before_;  ///< starts that lie before the gap
  std::int64_t after_;   ///< and behind it
  std::int64_t gap_last_;
  core::Generator random_{0};
  std::int64_t at_ = 0;
  std::int64_t end_ = 0;
};

/// The k-th largest of the last n statistics: an alarm at threshold h comes when it first exceeds h.
class GatedStatistic {
 public:
  explicit GatedStatistic(const Persistence& persistence);
  void clear();
  double push(double statistic);

 private:
  Persistence persistence_;
  std::vector<double> ring_;
  std::vector<double> sorted_;
  std::size_t seen_ = 0;
};

/// When each new record of the gated statistic was set: gives the run length at every threshold at once.
struct RecordPath {
  std::vector<std::int64_t> time;
  std::vector<double> record;  ///< ascending
  std::int64_t lasted = 0;
};

/// Follows the detector until the record exceeds `cap` or `longest` values are over.
[[nodiscard]] RecordPath follow(DriftDetector& detector, Source& source, double cap, std::int64_t longest);

/// Block length for a series: Politis and White 2004 with the correction of Patton, Politis and White 2009 for the
/// circular bootstrap, but at least ten times the lag at which correlations are lost; at most a tenth of the series.
[[nodiscard]] std::int64_t block_length(std::span<const double> values);

}  // namespace luban::monitor::detail
