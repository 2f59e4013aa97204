#include <cmath>
#include <utility>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

ClosedForm composed(const ClosedForm& first, const ClosedForm& then) {
  using Kind = ClosedForm::Kind;
  if (then.kind != Kind::linear || first.kind == Kind::none) return {};
  if (first.kind == Kind::linear) {
    return {
        .kind = Kind::linear, .offset = first.offset + first.scale * then.offset, .scale = first.scale * then.scale};
  }
  return {.kind = Kind::exponential,
          .offset = first.offset,
          .scale = first.scale * std::exp(first.rate * then.offset),
          .rate = first.rate * then.scale};
}

/// One after the other, from left to right.
class Composed final : public ResponseTransform {
 public:
  explicit Composed(std::vector<TransformPointer> parts) : parts_(std::move(parts)) {}
  [[nodiscard]] std::string name() const override {
    std::string out;
    for (const TransformPointer& part : parts_) out += (out.empty() ? "" : "+") + part->name();
    return out;
  }
  [[nodiscard]] double forward(double y) const override {
    for (const TransformPointer& part : parts_) y = part->forward(y);
    return y;
  }
  [[nodiscard]] double training_value(double y) const override {
    for (const TransformPointer& part : parts_) y = part->training_value(y);
    return y;
  }
  [[nodiscard]] double inverse(double z) const override {
    for (std::size_t k = parts_.size(); k-- > 0;) z = parts_[k]->inverse(z);
    return z;
  }
  [[nodiscard]] double inverse_slope(double z) const override {
    double out = 1.0;
    for (std::size_t k = parts_.size(); k-- > 0;) {
      out *= parts_[k]->inverse_slope(z);
      z = parts_[k]->inverse(z);
    }
    return out;
  }
  [[nodiscard]] double log_jacobian(double y) const override {
    double out = 0.0;
    for (const TransformPointer& part : parts_) {
      out += part->log_jacobian(y);
      y = part->forward(y);
    }
    return out;
  }
  [[nodiscard]] ClosedForm closed_form() const override {
    ClosedForm out = parts_.front()->closed_form();
    for (std::size_t k = 1; k < parts_.size(); ++k) out = composed(out, parts_[k]->closed_form());
    return out;
  }
  [[nodiscard]] std::vector<double> kinks() const override {
    std::vector<double> out;
    for (const TransformPointer& part : parts_) {
      for (double& z : out) z = part->forward(z);
      for (const double z : part->kinks()) out.push_back(z);
    }
    return out;
  }
  [[nodiscard]] core::Json to_json() const override {
    core::Json parts = core::Json::array();
    for (const TransformPointer& part : parts_) parts.push_back(part->to_json());
    return core::Json::object().set("name", name()).set("parts", std::move(parts));
  }

 private:
  std::vector<TransformPointer> parts_;
};

}  // namespace

TransformPointer compose(std::vector<TransformPointer> parts) {
  return parts.size() == 1 ? parts.front() : std::make_shared<const Composed>(std::move(parts));
}

}  // namespace luban::surrogate::detail
