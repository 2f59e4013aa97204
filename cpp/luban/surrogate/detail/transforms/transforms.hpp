#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/json.hpp>
#include <luban/surrogate/response_transform.hpp>

namespace luban::surrogate::detail {

using TransformPointer = std::shared_ptr<const ResponseTransform>;

/// The values of one response that are there.
struct PresentValues {
  std::vector<double> y;           ///< finite, at least one
  std::vector<Eigen::Index> rows;  ///< where they stand
  std::string response;            ///< its name, may be empty
};

/// @throws DataError when a value is infinite, naming the row, or none is there.
[[nodiscard]] PresentValues present_values(const Eigen::VectorXd& values, const std::string& response);
/// @throws DataError: the value at `place` of `values` is not what the transform needs.
[[noreturn]] void refuse_value(const PresentValues& values, std::size_t place, const char* transform,
                               const char* expected, const char* hint);

struct Spread {
  double centre;     ///< median
  double scale;      ///< 1.4826 × median absolute deviation, else the standard deviation, else 1 (a constant response)
  double low, high;  ///< least and greatest value
  bool constant;     ///< to rounding
};
[[nodiscard]] Spread spread_of(const std::vector<double>& values);
[[nodiscard]] double sd_of(const std::vector<double>& values);

/// Families whose maximum of the profile likelihood is searched between these shapes; 1 is the straight line.
inline constexpr double least_shape = -2.0;
inline constexpr double greatest_shape = 4.0;
/// Fewer values say nothing of a shape.
inline constexpr std::size_t least_values = 5;

/// ((1 + u)^shape − 1) / shape at log(1 + u), log(1 + u) for shape 0; and its derivative by the shape.
[[nodiscard]] double power(double shape, double log_one_plus);
[[nodiscard]] double power_by_shape(double shape, double log_one_plus);
/// log(1 + u) of the value of power.
[[nodiscard]] double inverse_power(double shape, double value);

/// One member of a family of shapes on all values.
struct Shaped {
  std::vector<double> z;
  std::vector<double> by_shape;  ///< dz / d shape
};
/// Shape at which the profile likelihood of normal z, −n/2 log var z + shape · `slope_sum`, is greatest: the best of
/// a grid, then a root of the derivative. @param shaped z and its derivative at a shape.
[[nodiscard]] double most_likely_shape(const std::function<Shaped(double)>& shaped, double slope_sum);

// One function to fit and one to read for each transform, by full name. Reading throws DataError.
[[nodiscard]] TransformPointer make_none();
[[nodiscard]] TransformPointer fit_standardise(const PresentValues& values);
[[nodiscard]] TransformPointer read_standardise(const core::Json& json);
[[nodiscard]] TransformPointer fit_log(const PresentValues& values);
[[nodiscard]] TransformPointer fit_shifted_log(const PresentValues& values);
[[nodiscard]] TransformPointer fit_log_warp_high(const PresentValues& values);
[[nodiscard]] TransformPointer fit_log_warp_low(const PresentValues& values);
[[nodiscard]] TransformPointer read_exponential(const core::Json& json);
[[nodiscard]] TransformPointer fit_yeo_johnson(const PresentValues& values);
[[nodiscard]] TransformPointer read_yeo_johnson(const core::Json& json);
[[nodiscard]] TransformPointer fit_box_cox(const PresentValues& values);
[[nodiscard]] TransformPointer read_box_cox(const core::Json& json);
[[nodiscard]] TransformPointer fit_bilog(const PresentValues& values);
[[nodiscard]] TransformPointer read_bilog(const core::Json& json);
[[nodiscard]] TransformPointer fit_winsorise(const PresentValues& values, double share);
[[nodiscard]] TransformPointer fit_winsorise_deviations(const PresentValues& values, double deviations);
[[nodiscard]] TransformPointer read_winsorise(const core::Json& json);
[[nodiscard]] TransformPointer compose(std::vector<TransformPointer> parts);

/// Finite number of a transform's JSON. @throws DataError.
[[nodiscard]] double finite_from(const core::Json& json, const char* key);
[[nodiscard]] double positive_from(const core::Json& json, const char* key);
/// @throws DataError: what was read is no transform.
void require_transform(bool right, const std::string& expected);

}  // namespace luban::surrogate::detail
