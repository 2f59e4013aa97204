#include <algorithm>
#include <cmath>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr const char* where = "surrogate.fit_response_transform";
constexpr double consistency = 1.4826;  // of the median absolute deviation of normal values

std::string response_place(const std::string& response) {
  return response.empty() ? std::string() : "response " + core::quoted(response);
}

}  // namespace

PresentValues present_values(const Eigen::VectorXd& values, const std::string& response) {
  PresentValues out{.y = {}, .rows = {}, .response = response};
  for (Eigen::Index row = 0; row < values.size(); ++row) {
    if (std::isnan(values(row))) continue;
    out.y.push_back(values(row));
    out.rows.push_back(row);
    if (std::isinf(values(row))) {
      refuse_value(out, out.y.size() - 1, "every transform", "a finite value or a missing one (NaN)", "");
    }
  }
  if (!out.y.empty()) return out;
  throw core::DataError({.where = where,
                         .expected = "at least one value",
                         .received = "none",
                         .place = response_place(response),
                         .hint = {}});
}

void refuse_value(const PresentValues& values, std::size_t place, const char* transform, const char* expected,
                  const char* hint) {
  const std::string row = "row " + std::to_string(values.rows[place]);
  throw core::DataError({.where = where,
                         .expected = std::string(expected) + " for " + transform,
                         .received = core::number_text(values.y[place]),
                         .place = values.response.empty() ? row : row + ", " + response_place(values.response),
                         .hint = hint});
}

double sd_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double value : values) mean += value / n;
  double most = 0.0;  // so that squares of very small or large numbers stay numbers
  for (const double value : values) most = std::max(most, std::abs(value - mean));
  if (most == 0.0) return 0.0;
  double sum = 0.0;
  for (const double value : values) sum += std::pow((value - mean) / most, 2) / n;
  return most * std::sqrt(sum);
}

Spread spread_of(const std::vector<double>& values) {
  std::vector<double> scratch = values;
  Spread out{};
  out.centre = features::median_of(scratch);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  out.low = *low;
  out.high = *high;
  out.constant = !features::varies(out.low, out.high);
  out.scale = 1.0;
  if (out.constant) return out;
  for (double& value : scratch) value = std::abs(value - out.centre);
  const double robust = consistency * features::median_of(scratch);
  out.scale = features::varies(out.centre, out.centre + robust) ? robust : sd_of(values);
  return out;
}

double finite_from(const core::Json& json, const char* key) {
  const double out = json.at(key).as_double();
  require_transform(std::isfinite(out), std::string("a finite ") + key);
  return out;
}

double positive_from(const core::Json& json, const char* key) {
  const double out = finite_from(json, key);
  require_transform(out > 0.0, std::string(key) + " above 0");
  return out;
}

void require_transform(bool right, const std::string& expected) {
  if (right) return;
  throw core::DataError({.where = "surrogate.response_transform_from_json",
                         .expected = expected,
                         .received = "something else",
                         .place = {},
                         .hint = {}});
}

}  // namespace luban::surrogate::detail
