#include <cmath>
#include <utility>

#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

/// Yeo and Johnson 2000 on u = (y − location) / scale. Beyond `low` and `high`, one range outside what was seen, the
/// side that flattens goes on as a straight line: otherwise shapes below 0 and above 2 would have no inverse for large
/// |z|, and no moments.
class YeoJohnson final : public ResponseTransform {
 public:
  struct Parameters {
    double location;
    double scale;
    double shape;
    double low;   ///< u, below 0
    double high;  ///< u, above 0
  };

  explicit YeoJohnson(Parameters parameters) : p_(parameters) {
    if (p_.shape < 1.0) top_ = line_at(p_.high);
    if (p_.shape > 1.0) bottom_ = line_at(p_.low);
  }
  [[nodiscard]] std::string name() const override { return "yeo_johnson"; }

  [[nodiscard]] double forward(double y) const override {
    const double u = (y - p_.location) / p_.scale;
    if (top_.there && u > top_.u) return top_.z + top_.slope * (u - top_.u);
    if (bottom_.there && u < bottom_.u) return bottom_.z + bottom_.slope * (u - bottom_.u);
    return curve(u);
  }
  [[nodiscard]] double inverse(double z) const override { return p_.location + p_.scale * unscaled(z); }
  [[nodiscard]] double inverse_slope(double z) const override { return p_.scale / std::exp(log_slope(unscaled(z))); }
  [[nodiscard]] double log_jacobian(double y) const override {
    return log_slope((y - p_.location) / p_.scale) - std::log(p_.scale);
  }
  [[nodiscard]] std::vector<double> kinks() const override {
    std::vector<double> out{0.0};
    if (top_.there) out.push_back(top_.z);
    if (bottom_.there) out.push_back(bottom_.z);
    return out;
  }
  [[nodiscard]] core::Json to_json() const override {
    return core::Json::object()
        .set("name", name())
        .set("location", p_.location)
        .set("scale", p_.scale)
        .set("shape", p_.shape)
        .set("low", p_.low)
        .set("high", p_.high);
  }

 private:
  struct Line {
    bool there = false;
    double u = 0.0;
    double z = 0.0;
    double slope = 1.0;
  };

  [[nodiscard]] double curve(double u) const {
    return u >= 0.0 ? power(p_.shape, std::log1p(u)) : -power(2.0 - p_.shape, std::log1p(-u));
  }
  [[nodiscard]] double log_slope_of_curve(double u) const {
    return u >= 0.0 ? (p_.shape - 1.0) * std::log1p(u) : (1.0 - p_.shape) * std::log1p(-u);
  }
  [[nodiscard]] double log_slope(double u) const {
    if (top_.there && u > top_.u) return std::log(top_.slope);
    if (bottom_.there && u < bottom_.u) return std::log(bottom_.slope);
    return log_slope_of_curve(u);
  }
  [[nodiscard]] double unscaled(double z) const {
    if (top_.there && z > top_.z) return top_.u + (z - top_.z) / top_.slope;
    if (bottom_.there && z < bottom_.z) return bottom_.u + (z - bottom_.z) / bottom_.slope;
    return z >= 0.0 ? std::expm1(inverse_power(p_.shape, z)) : -std::expm1(inverse_power(2.0 - p_.shape, -z));
  }
  [[nodiscard]] Line line_at(double u) const {
    return {.there = true, .u = u, .z = curve(u), .slope = std::exp(log_slope_of_curve(u))};
  }

  Parameters p_;
  Line top_;
  Line bottom_;
};

constexpr double collapsed = 0.5;  // standard deviation of z in robust standard deviations of y

Shaped shaped_at(double shape, const std::vector<double>& u) {
  Shaped out;
  for (const double one : u) {
    const double length = std::log1p(std::abs(one));
    out.z.push_back(one >= 0.0 ? power(shape, length) : -power(2.0 - shape, length));
    out.by_shape.push_back(one >= 0.0 ? power_by_shape(shape, length) : power_by_shape(2.0 - shape, length));
  }
  return out;
}

}  // namespace

TransformPointer fit_yeo_johnson(const PresentValues& values) {
  const Spread spread = spread_of(values.y);
  std::vector<double> u;
  double slope_sum = 0.0;
  for (const double y : values.y) {
    u.push_back((y - spread.centre) / spread.scale);
    slope_sum += std::copysign(std::log1p(std::abs(u.back())), u.back());
  }
  double shape = 1.0;
  if (!spread.constant && u.size() >= least_values) {
    shape = most_likely_shape([&](double one) { return shaped_at(one, u); }, slope_sum);
    if (sd_of(shaped_at(shape, u).z) < collapsed) shape = 1.0;  // as HEBO does (Cowen-Rivers et al. 2022)
  }
  const double low = (spread.low - spread.centre) / spread.scale;
  const double high = (spread.high - spread.centre) / spread.scale;
  const double range = spread.constant ? 1.0 : high - low;
  return std::make_shared<const YeoJohnson>(YeoJohnson::Parameters{
      .location = spread.centre, .scale = spread.scale, .shape = shape, .low = low - range, .high = high + range});
}

TransformPointer read_yeo_johnson(const core::Json& json) {
  const YeoJohnson::Parameters parameters{.location = finite_from(json, "location"),
                                          .scale = positive_from(json, "scale"),
                                          .shape = finite_from(json, "shape"),
                                          .low = finite_from(json, "low"),
                                          .high = positive_from(json, "high")};
  require_transform(parameters.low < 0.0, "low below 0");
  require_transform(parameters.shape >= least_shape && parameters.shape <= greatest_shape, "a shape from -2 to 4");
  return std::make_shared<const YeoJohnson>(parameters);
}

}  // namespace luban::surrogate::detail
