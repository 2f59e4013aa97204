#include <cmath>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

/// z = (y − location) / scale. A fit standardises anyway: of use before another transform alone.
class Standardise final : public ResponseTransform {
 public:
  Standardise(double location, double scale) : location_(location), scale_(scale) {}
  [[nodiscard]] std::string name() const override { return "standardise"; }
  [[nodiscard]] double forward(double y) const override { return (y - location_) / scale_; }
  [[nodiscard]] double inverse(double z) const override { return location_ + scale_ * z; }
  [[nodiscard]] double inverse_slope(double /*z*/) const override { return scale_; }
  [[nodiscard]] double log_jacobian(double /*y*/) const override { return -std::log(scale_); }
  [[nodiscard]] ClosedForm closed_form() const override {
    return {.kind = ClosedForm::Kind::linear, .offset = location_, .scale = scale_};
  }
  [[nodiscard]] core::Json to_json() const override {
    return core::Json::object().set("name", name()).set("location", location_).set("scale", scale_);
  }

 private:
  double location_;
  double scale_;
};

}  // namespace

TransformPointer fit_standardise(const PresentValues& values) {
  const auto n = static_cast<double>(values.y.size());
  double mean = 0.0;
  for (const double y : values.y) mean += y / n;
  return std::make_shared<const Standardise>(mean, spread_of(values.y).constant ? 1.0 : sd_of(values.y));
}

TransformPointer read_standardise(const core::Json& json) {
  return std::make_shared<const Standardise>(finite_from(json, "location"), positive_from(json, "scale"));
}

}  // namespace luban::surrogate::detail
