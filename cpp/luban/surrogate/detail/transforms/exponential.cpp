#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

/// y = offset + scale exp(rate z): the logarithms.
class Exponential final : public ResponseTransform {
 public:
  Exponential(std::string name, double offset, double scale, double rate)
      : name_(std::move(name)), offset_(offset), scale_(scale), rate_(rate) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] double forward(double y) const override {
    const double ratio = (y - offset_) / scale_;
    return ratio > 0.0 ? std::log(ratio) / rate_ : std::numeric_limits<double>::quiet_NaN();
  }
  [[nodiscard]] double inverse(double z) const override { return offset_ + scale_ * std::exp(rate_ * z); }
  [[nodiscard]] double inverse_slope(double z) const override { return rate_ * scale_ * std::exp(rate_ * z); }
  [[nodiscard]] double log_jacobian(double y) const override {
    const double slope = rate_ * (y - offset_);
    return slope > 0.0 ? -std::log(slope) : std::numeric_limits<double>::quiet_NaN();
  }
  [[nodiscard]] ClosedForm closed_form() const override {
    return {.kind = ClosedForm::Kind::exponential, .offset = offset_, .scale = scale_, .rate = rate_};
  }
  [[nodiscard]] core::Json to_json() const override {
    return core::Json::object().set("name", name_).set("offset", offset_).set("scale", scale_).set("rate", rate_);
  }

 private:
  std::string name_;
  double offset_;
  double scale_;
  double rate_;
};

constexpr double smallest_excess = 0.05;  // of the median's excess over the least value: how far above 0 that is put
constexpr double warp = 1.5;              // Song et al. 2024

TransformPointer made(const char* name, double offset, double scale, double rate) {
  return std::make_shared<const Exponential>(name, offset, scale, rate);
}

constexpr double least_share = 1e-8;  // of the values' size: a smaller range would be lost in their rounding

double range_of(const Spread& spread) {
  const double range = spread.constant ? 1.0 : spread.high - spread.low;
  return std::max(range, least_share * std::max(std::abs(spread.low), std::abs(spread.high)));
}

}  // namespace

TransformPointer fit_log(const PresentValues& values) {
  for (std::size_t i = 0; i < values.y.size(); ++i) {
    if (values.y[i] > 0.0) continue;
    refuse_value(values, i, "log", "a value above 0",
                 "shifted_log, yeo_johnson and bilog take any value; remove what is a fault");
  }
  return made("log", 0.0, 1.0, 1.0);
}

TransformPointer fit_shifted_log(const PresentValues& values) {
  const Spread spread = spread_of(values.y);
  if (spread.low > 0.0) return made("shifted_log", 0.0, 1.0, 1.0);
  const double excess = spread.centre > spread.low
                            ? std::max(spread.centre - spread.low, least_share * std::abs(spread.low))
                            : range_of(spread);
  return made("shifted_log", spread.low - smallest_excess * excess, 1.0, 1.0);
}

// With r = (greatest − y) / range the warp is z = 1/2 − ln(1 + r / 2) / ln 1.5, written for y.
TransformPointer fit_log_warp_high(const PresentValues& values) {
  const Spread spread = spread_of(values.y);
  const double range = range_of(spread);
  return made("log_warp_high", spread.high + 2.0 * range, -2.0 * range * std::sqrt(warp), -std::log(warp));
}

TransformPointer fit_log_warp_low(const PresentValues& values) {
  const Spread spread = spread_of(values.y);
  const double range = range_of(spread);
  return made("log_warp_low", spread.low - 2.0 * range, 2.0 * range * std::sqrt(warp), std::log(warp));
}

TransformPointer read_exponential(const core::Json& json) {
  const double scale = finite_from(json, "scale");
  const double rate = finite_from(json, "rate");
  require_transform(scale * rate > 0.0, "scale and rate of one sign");
  return std::make_shared<const Exponential>(json.at("name").as_string(), finite_from(json, "offset"), scale, rate);
}

}  // namespace luban::surrogate::detail
