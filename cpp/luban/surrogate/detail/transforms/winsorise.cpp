#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

/// Clips what is learned to [low, high]; a posterior is left as it is.
class Winsorise final : public ResponseTransform {
 public:
  Winsorise(std::string name, double low, double high) : name_(std::move(name)), low_(low), high_(high) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] double forward(double y) const override { return y; }
  [[nodiscard]] double inverse(double z) const override { return z; }
  [[nodiscard]] double inverse_slope(double /*z*/) const override { return 1.0; }
  [[nodiscard]] double log_jacobian(double /*y*/) const override { return 0.0; }
  [[nodiscard]] double training_value(double y) const override {
    return std::isnan(y) ? y : std::clamp(y, low_, high_);
  }
  [[nodiscard]] ClosedForm closed_form() const override { return {.kind = ClosedForm::Kind::linear}; }
  [[nodiscard]] core::Json to_json() const override {
    return core::Json::object().set("name", name_).set("low", low_).set("high", high_);
  }

 private:
  std::string name_;
  double low_;
  double high_;
};

double quantile_of(const std::vector<double>& sorted, double probability) {
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

TransformPointer fit_winsorise(const PresentValues& values, double share) {
  std::vector<double> sorted = values.y;
  std::sort(sorted.begin(), sorted.end());
  return std::make_shared<const Winsorise>("winsorise", quantile_of(sorted, share), quantile_of(sorted, 1.0 - share));
}

TransformPointer fit_winsorise_deviations(const PresentValues& values, double deviations) {
  const Spread spread = spread_of(values.y);
  const double half = spread.constant ? 0.0 : deviations * spread.scale;
  return std::make_shared<const Winsorise>("winsorise_deviations", std::max(spread.low, spread.centre - half),
                                           std::min(spread.high, spread.centre + half));
}

TransformPointer read_winsorise(const core::Json& json) {
  const double low = finite_from(json, "low");
  const double high = finite_from(json, "high");
  require_transform(low <= high, "low no greater than high");
  return std::make_shared<const Winsorise>(json.at("name").as_string(), low, high);
}

}  // namespace luban::surrogate::detail
