#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

class None final : public ResponseTransform {
 public:
  [[nodiscard]] std::string name() const override { return "none"; }
  [[nodiscard]] double forward(double y) const override { return y; }
  [[nodiscard]] double inverse(double z) const override { return z; }
  [[nodiscard]] double inverse_slope(double /*z*/) const override { return 1.0; }
  [[nodiscard]] double log_jacobian(double /*y*/) const override { return 0.0; }
  [[nodiscard]] ClosedForm closed_form() const override { return {.kind = ClosedForm::Kind::linear}; }
  [[nodiscard]] core::Json to_json() const override { return core::Json::object().set("name", name()); }
};

}  // namespace

TransformPointer make_none() {
  return std::make_shared<const None>();
}

}  // namespace luban::surrogate::detail
