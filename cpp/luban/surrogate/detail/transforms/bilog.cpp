#include <cmath>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

/// z = sign(y) ln(1 + |y| / scale): for constraints, whose border is 0 (Eriksson and Poloczek 2021, with a scale).
class Bilog final : public ResponseTransform {
 public:
  explicit Bilog(double scale) : scale_(scale) {}
  [[nodiscard]] std::string name() const override { return "bilog"; }
  [[nodiscard]] double forward(double y) const override { return std::copysign(std::log1p(std::abs(y) / scale_), y); }
  [[nodiscard]] double inverse(double z) const override { return std::copysign(scale_ * std::expm1(std::abs(z)), z); }
  [[nodiscard]] double inverse_slope(double z) const override { return scale_ * std::exp(std::abs(z)); }
  [[nodiscard]] double log_jacobian(double y) const override { return -std::log(scale_ + std::abs(y)); }
  [[nodiscard]] std::vector<double> kinks() const override { return {0.0}; }
  [[nodiscard]] core::Json to_json() const override {
    return core::Json::object().set("name", name()).set("scale", scale_);
  }

 private:
  double scale_;
};

}  // namespace

TransformPointer fit_bilog(const PresentValues& values) {
  return std::make_shared<const Bilog>(spread_of(values.y).scale);
}

TransformPointer read_bilog(const core::Json& json) {
  return std::make_shared<const Bilog>(positive_from(json, "scale"));
}

}  // namespace luban::surrogate::detail
