#include <cmath>
#include <limits>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

/// Box and Cox 1964 on y / scale, scale being the geometric mean: z = ((y / scale)^shape − 1) / shape. So that every z
/// has an inverse and y stays above 0, it goes on as a logarithm below `low`, half the least value (shapes above 0),
/// and as a straight line above `high`, one range beyond the greatest (shapes below 1).
class BoxCox final : public ResponseTransform {
 public:
  struct Parameters {
    double scale;
    double shape;
    double low;   ///< y
    double high;  ///< y, above low
  };

  explicit BoxCox(Parameters parameters)
      : p_(parameters),
        low_log_(std::log(p_.low / p_.scale)),
        low_z_(power(p_.shape, low_log_)),
        low_slope_(std::exp(p_.shape * low_log_)),
        high_z_(power(p_.shape, std::log(p_.high / p_.scale))),
        high_slope_(std::exp((p_.shape - 1.0) * std::log(p_.high / p_.scale)) / p_.scale) {}
  [[nodiscard]] std::string name() const override { return "box_cox"; }

  [[nodiscard]] double forward(double y) const override {
    if (!(y > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    const double length = std::log(y / p_.scale);
    if (below(y)) return low_z_ + low_slope_ * (length - low_log_);
    return above(y) ? high_z_ + high_slope_ * (y - p_.high) : power(p_.shape, length);
  }
  [[nodiscard]] double inverse(double z) const override {
    if (p_.shape > 0.0 && z < low_z_) return p_.low * std::exp((z - low_z_) / low_slope_);
    if (p_.shape < 1.0 && z > high_z_) return p_.high + (z - high_z_) / high_slope_;
    return p_.scale * std::exp(inverse_power(p_.shape, z));
  }
  [[nodiscard]] double inverse_slope(double z) const override { return std::exp(-log_jacobian(inverse(z))); }
  [[nodiscard]] double log_jacobian(double y) const override {
    if (!(y > 0.0)) return std::numeric_limits<double>::quiet_NaN();
    if (below(y)) return std::log(low_slope_) - std::log(y);
    if (above(y)) return std::log(high_slope_);
    return (p_.shape - 1.0) * std::log(y / p_.scale) - std::log(p_.scale);
  }
  [[nodiscard]] std::vector<double> kinks() const override {
    std::vector<double> out;
    if (p_.shape > 0.0) out.push_back(low_z_);
    if (p_.shape < 1.0) out.push_back(high_z_);
    return out;
  }
  [[nodiscard]] core::Json to_json() const override {
    return core::Json::object()
        .set("name", name())
        .set("scale", p_.scale)
        .set("shape", p_.shape)
        .set("low", p_.low)
        .set("high", p_.high);
  }

 private:
  [[nodiscard]] bool below(double y) const { return p_.shape > 0.0 && y < p_.low; }
  [[nodiscard]] bool above(double y) const { return p_.shape < 1.0 && y > p_.high; }

  Parameters p_;
  double low_log_;
  double low_z_;
  double low_slope_;  ///< of z by log y
  double high_z_;
  double high_slope_;  ///< of z by y
};

constexpr double collapsed = 0.5;  // standard deviation of z in robust standard deviations of y / scale

Shaped shaped_at(double shape, const std::vector<double>& lengths) {
  Shaped out;
  for (const double length : lengths) {
    out.z.push_back(power(shape, length));
    out.by_shape.push_back(power_by_shape(shape, length));
  }
  return out;
}

}  // namespace

TransformPointer fit_box_cox(const PresentValues& values) {
  double mean = 0.0;
  for (std::size_t i = 0; i < values.y.size(); ++i) {
    if (!(values.y[i] > 0.0)) {
      refuse_value(values, i, "box_cox", "a value above 0", "yeo_johnson takes any value; remove what is a fault");
    }
    mean += std::log(values.y[i]) / static_cast<double>(values.y.size());
  }
  const double scale = std::exp(mean);
  std::vector<double> lengths;
  double slope_sum = 0.0;  // 0 but for rounding, the scale being the geometric mean
  for (const double y : values.y) {
    lengths.push_back(std::log(y / scale));
    slope_sum += lengths.back();
  }
  const Spread spread = spread_of(values.y);
  double shape = 1.0;
  if (!spread.constant && lengths.size() >= least_values) {
    shape = most_likely_shape([&](double one) { return shaped_at(one, lengths); }, slope_sum);
    if (sd_of(shaped_at(shape, lengths).z) < collapsed * spread.scale / scale) shape = 1.0;
  }
  const double range = spread.constant ? spread.high : spread.high - spread.low;
  return std::make_shared<const BoxCox>(
      BoxCox::Parameters{.scale = scale, .shape = shape, .low = 0.5 * spread.low, .high = spread.high + range});
}

TransformPointer read_box_cox(const core::Json& json) {
  const BoxCox::Parameters parameters{.scale = positive_from(json, "scale"),
                                      .shape = finite_from(json, "shape"),
                                      .low = positive_from(json, "low"),
                                      .high = positive_from(json, "high")};
  require_transform(parameters.low < parameters.high, "low below high");
  require_transform(parameters.shape >= least_shape && parameters.shape <= greatest_shape, "a shape from -2 to 4");
  return std::make_shared<const BoxCox>(parameters);
}

}  // namespace luban::surrogate::detail
