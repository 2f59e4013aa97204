#include <luban/recommend/detail/recommendation_json.hpp>

namespace luban::recommend::detail {
namespace {

using core::Json;

Json to_json(const std::vector<process::NamedValue>& values) {
  Json array = Json::array();
  for (const process::NamedValue& value : values) {
    Json one = Json::object();
    one.set("name", value.name);
    if (const auto* category = std::get_if<std::string>(&value.value)) {
      one.set("value", *category);
    } else {
      one.set("value", std::get<double>(value.value));
    }
    array.push_back(std::move(one.set("unit", value.unit)));
  }
  return array;
}

std::vector<process::NamedValue> values_from_json(const Json& json) {
  std::vector<process::NamedValue> values;
  for (const Json& one : json.as_array()) {
    const Json& value = one.at("value");
    values.push_back({one.at("name").as_string(),
                      value.is_string() ? process::Value(value.as_string()) : process::Value(value.as_double()),
                      one.at("unit").as_string()});
  }
  return values;
}

Json to_json(const process::Prediction& prediction) {
  Json json = Json::object();
  json.set("response", prediction.response)
      .set("unit", prediction.unit)
      .set("mean", prediction.mean)
      .set("sd_latent", prediction.sd_latent)
      .set("sd_run_mean", prediction.sd_run_mean)
      .set("sd_reading", prediction.sd_reading)
      .set("level", prediction.level)
      .set("lower", prediction.lower)
      .set("upper", prediction.upper);
  return json;
}

process::Prediction prediction_from_json(const Json& json) {
  const auto number = [&](const char* key) { return json.at(key).as_double(); };
  return {json.at("response").as_string(),
          json.at("unit").as_string(),
          number("mean"),
          number("sd_latent"),
          number("sd_run_mean"),
          number("sd_reading"),
          number("level"),
          number("lower"),
          number("upper")};
}

}  // namespace

Json to_json(const process::Recommendation& recommendation) {
  Json predictions = Json::array();
  for (const process::Prediction& prediction : recommendation.predictions) predictions.push_back(to_json(prediction));
  Json json = Json::object();
  json.set("kind", recommendation.kind)
      .set("stay", recommendation.stay)
      .set("recipe", to_json(recommendation.recipe.values()))
      .set("context", to_json(recommendation.context))
      .set("predictions", std::move(predictions))
      .set("expected_gain", recommendation.expected_gain)
      .set("probability_feasible", recommendation.probability_feasible)
      .set("why", recommendation.why)
      .set("limited_by", recommendation.limited_by);
  return json;
}

process::Recommendation recommendation_from_json(const Json& json) {
  process::Recommendation recommendation;
  recommendation.kind = json.at("kind").as_string();
  recommendation.stay = json.at("stay").as_bool();
  recommendation.recipe = process::Recipe(values_from_json(json.at("recipe")));
  recommendation.context = values_from_json(json.at("context"));
  for (const Json& one : json.at("predictions").as_array()) {
    recommendation.predictions.push_back(prediction_from_json(one));
  }
  recommendation.expected_gain = json.at("expected_gain").as_double();
  recommendation.probability_feasible = json.at("probability_feasible").as_double();
  recommendation.why = json.at("why").as_strings();
  recommendation.limited_by = json.at("limited_by").as_strings();
  return recommendation;
}

}  // namespace luban::recommend::detail
