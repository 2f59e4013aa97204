#include <luban/monitor/detail/resampling.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace luban::monitor::detail {

void Lengths::add(double length, bool alarm) {
  length_.push_back(length);
  alarm_.push_back(alarm);
}

RunLength Lengths::summary() const {
  const auto n = static_cast<double>(length_.size());
  const auto alarms = static_cast<double>(std::count(alarm_.begin(), alarm_.end(), true));
  const double total = std::accumulate(length_.begin(), length_.end(), 0.0);
  RunLength out{.mean = std::numeric_limits<double>::infinity(),
                .standard_error = std::numeric_limits<double>::quiet_NaN(),
                .runs = count(),
                .censored = 1.0 - alarms / n};
  if (alarms == 0.0) return out;
  out.mean = total / alarms;
  double squares = 0.0;
  for (std::size_t i = 0; i < length_.size(); ++i) {
    squares += std::pow(length_[i] - (alarm_[i] ? out.mean : 0.0), 2.0);
  }
  out.standard_error = std::sqrt(squares * n / (n - 1.0)) / alarms;
  return out;
}

BlockSource::BlockSource(std::span<const double> values, std::int64_t block, std::int64_t gap_first,
                         std::int64_t gap_last)
    : values_(values), block_(block), gap_last_(gap_last) {
  const auto size = static_cast<std::int64_t>(values.size());
  before_ = std::max<std::int64_t>(0, (gap_last > gap_first ? gap_first : size) - block + 1);
  after_ = gap_last > gap_first ? std::max<std::int64_t>(0, size - gap_last - block + 1) : 0;
}

void BlockSource::begin(core::RandomKey key) {
  random_ = key.generator();
  at_ = end_ = 0;
}

double BlockSource::next() {
  if (at_ == end_) {
    const auto start = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(before_ + after_)));
    at_ = start < before_ ? start : gap_last_ + start - before_;
    end_ = at_ + block_;
  }
  return values_[static_cast<std::size_t>(at_++)];
}

GatedStatistic::GatedStatistic(const Persistence& persistence)
    : persistence_(persistence), ring_(static_cast<std::size_t>(persistence.among)) {}

void GatedStatistic::clear() {
  seen_ = 0;
}

double GatedStatistic::push(double statistic) {
  const auto needed = static_cast<std::size_t>(persistence_.needed);
  ring_[seen_++ % ring_.size()] = statistic;
  if (ring_.size() == 1) return statistic;
  const std::size_t held = std::min(seen_, ring_.size());
  if (held < needed) return 0.0;
  sorted_.assign(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(held));
  const auto at = sorted_.begin() + static_cast<std::ptrdiff_t>(needed) - 1;
  std::nth_element(sorted_.begin(), at, sorted_.end(), std::greater<>());
  return *at;
}

RecordPath follow(DriftDetector& detector, Source& source, double cap, std::int64_t longest) {
  RecordPath out;
  GatedStatistic gated(detector.persistence());
  detector.reset();
  double record = 0.0;
  while (record <= cap && out.lasted < longest) {
    detector.update(source.next());
    ++out.lasted;
    const double now = gated.push(detector.statistic());
    if (now <= record) continue;
    record = now;
    out.time.push_back(out.lasted);
    out.record.push_back(record);
  }
  return out;
}

std::int64_t block_length(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const auto most_lag = static_cast<std::int64_t>(std::min(n / 4.0, std::ceil(10.0 * std::sqrt(n))));
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  std::vector<double> covariance;
  for (std::int64_t lag = 0; lag <= most_lag; ++lag) {
    double sum = 0.0;
    for (std::size_t i = static_cast<std::size_t>(lag); i < values.size(); ++i) {
      sum += (values[i] - mean) * (values[i - static_cast<std::size_t>(lag)] - mean);
    }
    covariance.push_back(sum / n);
    if (covariance.front() <= 0.0) return 1;
  }
  // The lag behind which a row of correlations is within their noise.
  const double noise = 2.0 * std::sqrt(std::log10(n) / n);
  const auto row = static_cast<std::int64_t>(std::max(5.0, std::ceil(std::sqrt(std::log10(n)))));
  std::int64_t lost = 0;
  for (std::int64_t lag = 1, quiet = 0; lag <= most_lag && quiet < row; ++lag) {
    const bool within = std::abs(covariance[static_cast<std::size_t>(lag)]) < noise * covariance.front();
    quiet = within ? quiet + 1 : 0;
    if (!within) lost = lag;
  }
  const std::int64_t window = std::min(most_lag, 2 * std::max<std::int64_t>(lost, 1));
  double slope = 0.0;
  double spectrum = covariance.front();
  for (std::int64_t lag = 1; lag <= window; ++lag) {
    const double share = static_cast<double>(lag) / static_cast<double>(window);
    const double weight = share <= 0.5 ? 1.0 : 2.0 * (1.0 - share);
    spectrum += 2.0 * weight * covariance[static_cast<std::size_t>(lag)];
    slope += 2.0 * weight * static_cast<double>(lag) * covariance[static_cast<std::size_t>(lag)];
  }
  const double rule = std::cbrt(2.0 * slope * slope / (4.0 / 3.0 * spectrum * spectrum)) * std::cbrt(n);
  const double wished = std::max({1.0, rule, 10.0 * static_cast<double>(lost)});
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(wished, n / 10.0)));
}

}  // namespace luban::monitor::detail
