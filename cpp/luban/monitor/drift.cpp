#include <luban/monitor/drift.hpp>

#include <algorithm>
#include <bit>
#include <cmath>

#include <luban/monitor/detail/refuse.hpp>

namespace luban::monitor {

using detail::require;

namespace {

constexpr double largest = 1e9;  // an infinite residual is beyond every threshold, and sums stay finite

}  // namespace

std::string_view name(DriftState state) noexcept {
  switch (state) {
    case DriftState::stable:
      return "stable";
    case DriftState::suspected:
      return "suspected";
    case DriftState::drift:
      return "drift";
  }
  return "drift";
}

std::string_view name(DriftDirection direction) noexcept {
  switch (direction) {
    case DriftDirection::none:
      return "none";
    case DriftDirection::up:
      return "up";
    case DriftDirection::down:
      return "down";
  }
  return "none";
}

void Persistence::validate() const {
  require(among >= 1 && among <= 64, "monitor.Persistence", "1 to 64", among, "among");
  require(needed >= 1 && needed <= among, "monitor.Persistence", "1 to as many as `among`", needed, "needed");
}

DriftDetector::~DriftDetector() = default;

DriftDetector::DriftDetector(double threshold, const Persistence& persistence)
    : threshold_(threshold), persistence_(persistence) {
  require(threshold > 0.0, "monitor.DriftDetector", "above 0", threshold, "threshold");
  persistence.validate();
}

DriftState DriftDetector::update(double value) {
  if (std::isnan(value)) {
    ++missing_;
    return state_;
  }
  ++seen_;
  const Sides sides = advance(std::clamp(value, -largest, largest));
  statistic_ = std::max(sides.up, sides.down);
  const std::uint64_t window = ~std::uint64_t{0} >> (64 - persistence_.among);
  beyond_ = ((beyond_ << 1U) | (statistic_ > threshold_ ? 1U : 0U)) & window;
  if (state_ == DriftState::drift) return state_;
  direction_ = DriftDirection::none;
  if (statistic_ > 0.0) direction_ = sides.up >= sides.down ? DriftDirection::up : DriftDirection::down;
  if (std::popcount(beyond_) >= persistence_.needed) {
    state_ = DriftState::drift;
  } else {
    state_ = (beyond_ & 1U) != 0U ? DriftState::suspected : DriftState::stable;
  }
  return state_;
}

void DriftDetector::reset() {
  forget();
  state_ = DriftState::stable;
  direction_ = DriftDirection::none;
  statistic_ = 0.0;
  seen_ = 0;
  missing_ = 0;
  beyond_ = 0;
}

std::unique_ptr<DriftDetector> DriftDetector::with_threshold(double threshold) const {
  require(threshold > 0.0, "monitor.DriftDetector", "above 0", threshold, "threshold");
  std::unique_ptr<DriftDetector> out = clone();
  out->threshold_ = threshold;
  out->reset();
  return out;
}

Cusum::Cusum(const CusumOptions& options)
    : DriftDetector(options.threshold, options.persistence), allowance_(options.allowance) {
  require(options.allowance >= 0.0, "monitor.Cusum", "0 or more", options.allowance, "allowance");
}

DriftDetector::Sides Cusum::advance(double value) {
  sums_.up = std::max(0.0, sums_.up + value - allowance_);
  sums_.down = std::max(0.0, sums_.down - value - allowance_);
  return sums_;
}

void Cusum::forget() {
  sums_ = {};
}

std::unique_ptr<DriftDetector> Cusum::clone() const {
  return std::make_unique<Cusum>(*this);
}

PageHinkley::PageHinkley(const PageHinkleyOptions& options)
    : DriftDetector(options.threshold, options.persistence), allowance_(options.allowance), warm_up_(options.warm_up) {
  require(options.allowance >= 0.0, "monitor.PageHinkley", "0 or more", options.allowance, "allowance");
  require(options.warm_up >= 1, "monitor.PageHinkley", "1 or more", options.warm_up, "warm_up");
}

DriftDetector::Sides PageHinkley::advance(double value) {
  ++count_;
  mean_ += (value - mean_) / static_cast<double>(count_);
  if (count_ <= warm_up_) return {};
  sums_.up = std::max(0.0, sums_.up + value - mean_ - allowance_);
  sums_.down = std::max(0.0, sums_.down - (value - mean_) - allowance_);
  return sums_;
}

void PageHinkley::forget() {
  count_ = 0;
  mean_ = 0.0;
  sums_ = {};
}

std::unique_ptr<DriftDetector> PageHinkley::clone() const {
  return std::make_unique<PageHinkley>(*this);
}

}  // namespace luban::monitor
