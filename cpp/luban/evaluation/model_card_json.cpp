#include <luban/core/error.hpp>
#include <luban/evaluation/model_card.hpp>

namespace luban::evaluation {

namespace {

using core::Json;

constexpr std::int64_t card_version = 1;

Json scores_json(const Scores& scores) {
  Json json = Json::object();
  for (const Metric& metric : metrics()) json.set(metric.name, scores.*metric.value);
  return json;
}

Scores scores_from(const Json& json) {
  Scores out;
  for (const Metric& metric : metrics()) out.*metric.value = json.at(metric.name).as_double();
  return out;
}

Json ceiling_json(const NoiseCeiling& ceiling) {
  Json json = Json::object();
  json.set("within_sd", ceiling.noise.within_sd);
  json.set("within_dof", static_cast<std::int64_t>(ceiling.noise.within_dof));
  json.set("between_sd", ceiling.noise.between_sd);
  json.set("between_dof", static_cast<std::int64_t>(ceiling.noise.between_dof));
  json.set("rmse", ceiling.rmse);
  json.set("standard_error", ceiling.standard_error);
  json.set("r2", ceiling.r2);
  json.set("complete", ceiling.complete);
  return json;
}

NoiseCeiling ceiling_from(const Json& json) {
  NoiseCeiling out;
  out.noise.within_sd = json.at("within_sd").as_double();
  out.noise.within_dof = json.at("within_dof").as_int();
  out.noise.between_sd = json.at("between_sd").as_double();
  out.noise.between_dof = json.at("between_dof").as_int();
  out.rmse = json.at("rmse").as_double();
  out.standard_error = json.at("standard_error").as_double();
  out.r2 = json.at("r2").as_double();
  out.complete = json.at("complete").as_bool();
  return out;
}

Json row_json(const ModelCard::Row& row) {
  Json json = Json::object();
  json.set("contender", row.contender);
  json.set("without_gross_errors", row.without_gross);
  json.set("mean", scores_json(row.mean));
  json.set("standard_error", scores_json(row.standard_error));
  json.set("pooled", scores_json(row.pooled));
  json.set("repeat_sd", scores_json(row.repeat_sd));
  return json;
}

ModelCard::Row row_from(const Json& json) {
  return {.contender = json.at("contender").as_string(),
          .without_gross = json.at("without_gross_errors").as_bool(),
          .mean = scores_from(json.at("mean")),
          .standard_error = scores_from(json.at("standard_error")),
          .pooled = scores_from(json.at("pooled")),
          .repeat_sd = scores_from(json.at("repeat_sd"))};
}

Json response_json(const ModelCard::Response& response) {
  Json scores = Json::array();
  for (const ModelCard::Row& row : response.scores) scores.push_back(row_json(row));
  Json hyperparameters = Json::object();
  for (const auto& [name, value] : response.hyperparameters) hyperparameters.set(name, value);
  Json json = Json::object();
  json.set("name", response.name);
  json.set("unit", response.unit);
  json.set("gross_errors", response.gross_errors);
  json.set("noise_ceiling", ceiling_json(response.ceiling));
  json.set("scores", std::move(scores));
  json.set("calibration_of_readings", response.reading.to_json());
  json.set("calibration_of_run_means", response.run_mean.to_json());
  json.set("calibrated_coverage", response.calibrated_coverage);
  json.set("beats_noise", response.beats_noise);
  json.set("hyperparameters", std::move(hyperparameters));
  return json;
}

ModelCard::Response response_from(const Json& json) {
  ModelCard::Response out;
  out.name = json.at("name").as_string();
  out.unit = json.at("unit").as_string();
  out.gross_errors = json.at("gross_errors").as_int();
  out.ceiling = ceiling_from(json.at("noise_ceiling"));
  for (const Json& row : json.at("scores").as_array()) out.scores.push_back(row_from(row));
  out.reading = Calibration::from_json(json.at("calibration_of_readings"));
  out.run_mean = Calibration::from_json(json.at("calibration_of_run_means"));
  out.calibrated_coverage = json.at("calibrated_coverage").as_doubles();
  out.beats_noise = json.at("beats_noise").as_bool();
  for (const auto& [name, value] : json.at("hyperparameters").as_object()) {
    out.hyperparameters.emplace_back(name, value.as_double());
  }
  return out;
}

}  // namespace

Json ModelCard::to_json() const {
  Json of_data = Json::object();
  of_data.set("digest", data.digest);
  of_data.set("readings", data.readings);
  of_data.set("runs", data.runs);
  of_data.set("groups", data.groups);
  of_data.set("inputs", data.inputs);
  Json of_validation = Json::object();
  of_validation.set("split", validation.split);
  of_validation.set("grouped_by", validation.grouped_by);
  of_validation.set("folds", validation.folds);
  of_validation.set("repeats", validation.repeats);
  of_validation.set("seed", static_cast<std::int64_t>(validation.seed));
  Json list = Json::array();
  for (const Response& response : responses) list.push_back(response_json(response));
  Json json = Json::object();
  json.set("card_version", card_version);
  json.set("process", process);
  json.set("surrogate", surrogate);
  json.set("code_version", code_version);
  json.set("created_time", created_time);
  json.set("data", std::move(of_data));
  json.set("validation", std::move(of_validation));
  json.set("responses", std::move(list));
  json.set("why", why);
  return json;
}

ModelCard ModelCard::from_json(const Json& json) {
  if (json.at("card_version").as_int() > card_version) {
    throw core::DataError({.where = "evaluation.model_card",
                           .expected = "a card of version " + std::to_string(card_version) + " or older",
                           .received = "version " + std::to_string(json.at("card_version").as_int()),
                           .place = {},
                           .hint = "read it with the version of luban that wrote it"});
  }
  ModelCard card;
  card.process = json.at("process").as_string();
  card.surrogate = json.at("surrogate").as_string();
  card.code_version = json.at("code_version").as_string();
  card.created_time = json.at("created_time").as_string();
  const Json& of_data = json.at("data");
  card.data = {.digest = of_data.at("digest").as_string(),
               .readings = of_data.at("readings").as_int(),
               .runs = of_data.at("runs").as_int(),
               .groups = of_data.at("groups").as_int(),
               .inputs = of_data.at("inputs").as_strings()};
  const Json& of_validation = json.at("validation");
  card.validation = {.split = of_validation.at("split").as_string(),
                     .grouped_by = of_validation.at("grouped_by").as_string(),
                     .folds = static_cast<int>(of_validation.at("folds").as_int()),
                     .repeats = static_cast<int>(of_validation.at("repeats").as_int()),
                     .seed = static_cast<std::uint64_t>(of_validation.at("seed").as_int())};
  for (const Json& response : json.at("responses").as_array()) card.responses.push_back(response_from(response));
  card.why = json.at("why").as_strings();
  return card;
}

}  // namespace luban::evaluation
