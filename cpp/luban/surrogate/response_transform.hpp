#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/json.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate {

/// The inverse of a transform where it has a form whose moments under a normal z are known exactly.
struct ClosedForm {
  enum class Kind {
    none,
    linear,      ///< y = offset + scale z
    exponential  ///< y = offset + scale exp(rate z), scale · rate > 0
  };
  Kind kind = Kind::none;
  double offset = 0.0;
  double scale = 1.0;
  double rate = 0.0;
};

/// A strictly increasing map z = h(y) from a response to what a surrogate learns. Fitted once, then constant. What is
/// learned may be clipped (training_value); the map itself never is, so that a posterior of z is one of y.
class LUBAN_SURROGATE_EXPORT ResponseTransform {
 public:
  virtual ~ResponseTransform();
  [[nodiscard]] virtual std::string name() const = 0;              ///< e.g. "log", "winsorise+yeo_johnson"
  [[nodiscard]] virtual double forward(double y) const = 0;        ///< NaN for NaN and outside the domain
  [[nodiscard]] virtual double inverse(double z) const = 0;        ///< NaN for NaN
  [[nodiscard]] virtual double inverse_slope(double z) const = 0;  ///< dy / dz, above 0
  [[nodiscard]] virtual double log_jacobian(double y) const = 0;   ///< log dz / dy; NaN as forward
  [[nodiscard]] virtual double training_value(double y) const;     ///< what is learned of y; forward(y) if not clipped
  [[nodiscard]] virtual ClosedForm closed_form() const;            ///< of the inverse; `none` unless known
  [[nodiscard]] virtual std::vector<double> kinks() const;         ///< z at which the inverse is not smooth
  [[nodiscard]] virtual core::Json to_json() const = 0;            ///< read by response_transform_from_json
};

struct ResponseTransformOptions {
  double winsorise_share = 0.025;     ///< of the values clipped on either side by "winsorise"; in [0, 0.5)
  double winsorise_deviations = 5.0;  ///< robust standard deviations kept by "winsorise_deviations"; above 0
};

struct ResponseTransformKind {
  std::string name;
  std::string description;  ///< one sentence with its source
};

/// Every transform by name; names joined by "+" are applied from left to right.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::vector<ResponseTransformKind> response_transforms();

/// @throws ConfigurationError when a part of the name is unknown, naming the nearest.
LUBAN_SURROGATE_EXPORT void require_response_transform(const std::string& name);

/// Fits a transform to the values (n) of one response, NaN = missing. A constant response, and one of too few values
/// for its shape, gives the straightest member of the family. @param response named in errors.
/// @throws ConfigurationError on an unknown name or an option out of range; DataError, naming the row, when a value is
/// infinite or outside the domain, and when there is none.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::shared_ptr<const ResponseTransform> fit_response_transform(
    const std::string& name, const Eigen::VectorXd& values, const ResponseTransformOptions& options = {},
    const std::string& response = {});

/// @throws DataError when it is no transform.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::shared_ptr<const ResponseTransform> response_transform_from_json(
    const core::Json& json);

}  // namespace luban::surrogate
