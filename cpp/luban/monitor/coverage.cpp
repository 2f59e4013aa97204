#include <luban/monitor/coverage.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <luban/monitor/detail/distributions.hpp>
#include <luban/monitor/detail/refuse.hpp>

namespace luban::monitor {

using detail::require;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
/// How far from the promised miss probability to certainty the alternatives lie, from slight to plain.
constexpr double distances[] = {0.03, 0.06, 0.12, 0.25, 0.5};

}  // namespace

std::string_view name(CoverageState state) noexcept {
  switch (state) {
    case CoverageState::holding:
      return "holding";
    case CoverageState::failing:
      return "failing";
  }
  return "failing";
}

CoverageTracker::CoverageTracker(const CoverageOptions& options) : options_(options) {
  const char* where = "monitor.CoverageTracker";
  require(options.level > 0.0 && options.level < 1.0, where, "above 0, below 1", options.level, "level");
  require(options.run_length >= 10.0, where, "10 or more", options.run_length, "run_length");
  require(options.window >= 1 && options.window <= 1'000'000, where, "1 to 1000000", options.window, "window");
  const double promised = 1.0 - options.level;
  for (const double distance : distances) {
    const double miss = promised + distance * options.level;
    alternatives_.push_back({.log_hit = std::log((1.0 - miss) / options.level), .log_miss = std::log(miss / promised)});
  }
  recent_.resize(static_cast<std::size_t>(options.window));
}

CoverageState CoverageTracker::update(bool inside) {
  const std::size_t place = static_cast<std::size_t>(outcomes_) % recent_.size();
  if (outcomes_ >= options_.window && recent_[place]) --recent_inside_;
  recent_[place] = inside;
  ++outcomes_;
  inside_ += inside ? 1 : 0;
  recent_inside_ += inside ? 1 : 0;
  double sum = 0.0;
  for (Alternative& one : alternatives_) {
    const double ratio = inside ? one.log_hit : one.log_miss;
    one.log_product += ratio;
    if (state_ == CoverageState::holding) one.sum = (one.sum + 1.0) * std::exp(ratio);
    sum += one.sum;
  }
  statistic_ = sum / static_cast<double>(alternatives_.size());
  if (statistic_ >= options_.run_length) state_ = CoverageState::failing;
  return state_;
}

CoverageState CoverageTracker::update(double lower, double value, double upper) {
  if (std::isnan(lower) || std::isnan(value) || std::isnan(upper)) {
    ++missing_;
    return state_;
  }
  return update(lower <= value && value <= upper);
}

void CoverageTracker::reset() {
  *this = CoverageTracker(options_);
}

double CoverageTracker::e_value() const {
  double sum = 0.0;
  for (const Alternative& one : alternatives_) sum += std::exp(one.log_product);
  return sum / static_cast<double>(alternatives_.size());
}

double CoverageTracker::coverage() const noexcept {
  return outcomes_ == 0 ? nothing : static_cast<double>(inside_) / static_cast<double>(outcomes_);
}

double CoverageTracker::running_coverage() const noexcept {
  const std::int64_t held = std::min<std::int64_t>(outcomes_, options_.window);
  return held == 0 ? nothing : static_cast<double>(recent_inside_) / static_cast<double>(held);
}

CoverageTracker::Bounds CoverageTracker::running_bounds(double confidence) const {
  require(confidence > 0.0 && confidence < 1.0, "monitor.CoverageTracker", "above 0, below 1", confidence,
          "confidence");
  const auto held = static_cast<double>(std::min<std::int64_t>(outcomes_, options_.window));
  const auto hits = static_cast<double>(recent_inside_);
  const double tail = 0.5 * (1.0 - confidence);
  return {.lower = hits == 0.0 ? 0.0 : detail::beta_quantile(tail, hits, held - hits + 1.0),
          .upper = hits == held ? 1.0 : detail::beta_quantile(1.0 - tail, hits + 1.0, held - hits)};
}

}  // namespace luban::monitor
