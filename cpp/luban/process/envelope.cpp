#include <luban/process/envelope.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::process {
namespace {

[[noreturn]] void refuse(const char* where, const std::string& expected, const std::string& received,
                         const std::string& hint = {}) {
  throw core::DataError({.where = where, .expected = expected, .received = received, .place = {}, .hint = hint});
}

void require_length(const char* what, std::size_t received, std::size_t expected) {
  if (received != expected) {
    refuse("process.TrainingEnvelope", std::to_string(expected) + " values in `" + what + "`",
           std::to_string(received));
  }
}

void validate(const TrainingEnvelope& envelope) {
  const std::size_t k = envelope.names.size();
  require_length("mean", envelope.mean.size(), k);
  require_length("scale", envelope.scale.size(), k);
  require_length("inverse_covariance", envelope.inverse_covariance.size(), k * k);
  require_length("distance_quantiles", envelope.distance_quantiles.size(), envelope.quantile_levels.size());
  for (const double scale : envelope.scale) {
    if (!(scale > 0.0)) refuse("process.TrainingEnvelope", "scales above 0", core::number_text(scale));
  }
  for (const auto& combination : envelope.combinations) {
    require_length("combinations", combination.size(), envelope.category_names.size());
  }
}

}  // namespace

double TrainingEnvelope::distance(const std::vector<double>& values) const {
  const std::size_t k = names.size();
  if (values.size() != k) {
    refuse("process.TrainingEnvelope.distance", std::to_string(k) + " values: " + core::listed(names),
           std::to_string(values.size()));
  }
  double squared = 0.0;
  for (std::size_t i = 0; i < k; ++i) {
    const double zi = (values[i] - mean[i]) / scale[i];
    for (std::size_t j = 0; j < k; ++j) {
      squared += zi * inverse_covariance[i * k + j] * (values[j] - mean[j]) / scale[j];
    }
  }
  return std::isnan(squared) ? squared : std::sqrt(std::max(0.0, squared));
}

core::Json TrainingEnvelope::to_json() const {
  core::Json seen = core::Json::array();
  for (const auto& combination : combinations) seen.push_back(combination);
  core::Json out = core::Json::object();
  out.set("names", names).set("mean", mean).set("scale", scale).set("inverse_covariance", inverse_covariance);
  out.set("quantile_levels", quantile_levels).set("distance_quantiles", distance_quantiles);
  out.set("category_names", category_names).set("combinations", std::move(seen));
  return out;
}

TrainingEnvelope TrainingEnvelope::from_json(const core::Json& json) {
  static const std::vector<std::string> known = {
      "names",          "mean",        "scale", "inverse_covariance", "quantile_levels", "distance_quantiles",
      "category_names", "combinations"};
  for (const auto& [key, value] : json.as_object()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      refuse("process.TrainingEnvelope.from_json", "known keys", core::quoted(key), core::nearest_hint(key, known));
    }
  }
  TrainingEnvelope out{.names = json.at("names").as_strings(),
                       .mean = json.at("mean").as_doubles(),
                       .scale = json.at("scale").as_doubles(),
                       .inverse_covariance = json.at("inverse_covariance").as_doubles(),
                       .quantile_levels = json.at("quantile_levels").as_doubles(),
                       .distance_quantiles = json.at("distance_quantiles").as_doubles(),
                       .category_names = json.at("category_names").as_strings(),
                       .combinations = {}};
  for (const core::Json& combination : json.at("combinations").as_array()) {
    out.combinations.push_back(combination.as_strings());
  }
  validate(out);
  return out;
}

}  // namespace luban::process
