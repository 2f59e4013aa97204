#include <cstdint>
#include <string>
#include <vector>

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/core/text.hpp>
#include <luban/process/envelope.hpp>
#include <luban/process/run.hpp>
#include <luban/process/trial.hpp>

#include "process_parts.hpp"

namespace luban::bindings {
namespace {

using namespace process;

py::dict values_dict(const std::vector<NamedValue>& values) {
  py::dict out;
  for (const NamedValue& item : values) out[py::str(item.name)] = py::cast(item.value);
  return out;
}

py::dict prediction_dict(const Prediction& p) {
  using namespace py::literals;
  return py::dict("response"_a = p.response, "unit"_a = p.unit, "mean"_a = p.mean, "sd_latent"_a = p.sd_latent,
                  "sd_run_mean"_a = p.sd_run_mean, "sd_reading"_a = p.sd_reading, "level"_a = p.level,
                  "lower"_a = p.lower, "upper"_a = p.upper);
}

py::dict recommendation_dict(const Recommendation& r) {
  using namespace py::literals;
  py::list predictions;
  for (const Prediction& prediction : r.predictions) predictions.append(prediction_dict(prediction));
  py::dict units;
  for (const NamedValue& item : r.recipe.values()) units[py::str(item.name)] = item.unit;
  return py::dict("kind"_a = r.kind, "stay"_a = r.stay, "settings"_a = values_dict(r.recipe.values()),
                  "units"_a = units, "context"_a = values_dict(r.context), "predictions"_a = predictions,
                  "expected_gain"_a = r.expected_gain, "probability_feasible"_a = r.probability_feasible,
                  "why"_a = r.why, "limited_by"_a = r.limited_by);
}

py::dict trial_dict(const Trial& trial) {
  using namespace py::literals;
  return py::dict("number"_a = trial.number(), "status"_a = name(trial.status()), "run_id"_a = trial.run_id(),
                  "reason"_a = trial.reason(), "created_time"_a = trial.created_time().iso(),
                  "recommendation"_a = recommendation_dict(trial.recommendation()));
}

void bind_values(py::module_& module) {
  py::classh<NamedValue>(module, "NamedValue", "One named value with its unit.")
      .def(py::init([](std::string name, Value value, std::string unit) {
             return NamedValue{.name = std::move(name), .value = std::move(value), .unit = std::move(unit)};
           }),
           py::arg("name"), py::arg("value"), py::arg("unit") = "")
      .def_readonly("name", &NamedValue::name)
      .def_readonly("value", &NamedValue::value)
      .def_readonly("unit", &NamedValue::unit)
      .def("__eq__", [](const NamedValue& a, const NamedValue& b) { return a == b; });
  py::classh<Recipe>(module, "Recipe", "Values for a run: ordered, named, with units.")
      .def(py::init<std::vector<NamedValue>>(), py::arg("values"))
      .def_property_readonly("values", &Recipe::values)
      .def("number", &Recipe::number, py::arg("name"))
      .def("to_dict", [](const Recipe& recipe) { return values_dict(recipe.values()); })
      .def("__eq__", [](const Recipe& a, const Recipe& b) { return a == b; });
  py::classh<Prediction>(module, "Prediction", "What a surrogate expects of one response, in its unit.")
      .def_readonly("response", &Prediction::response)
      .def_readonly("unit", &Prediction::unit)
      .def_readonly("mean", &Prediction::mean)
      .def_readonly("sd_latent", &Prediction::sd_latent)
      .def_readonly("sd_run_mean", &Prediction::sd_run_mean)
      .def_readonly("sd_reading", &Prediction::sd_reading)
      .def_readonly("level", &Prediction::level)
      .def_readonly("lower", &Prediction::lower)
      .def_readonly("upper", &Prediction::upper)
      .def("to_dict", &prediction_dict);
}

void bind_trial(py::module_& module) {
  py::classh<Recommendation>(module, "Recommendation", "A candidate explained and offered to people.")
      .def_readonly("recipe", &Recommendation::recipe)
      .def_readonly("context", &Recommendation::context)
      .def_readonly("predictions", &Recommendation::predictions)
      .def_readonly("stay", &Recommendation::stay)
      .def_readonly("kind", &Recommendation::kind)
      .def_readonly("expected_gain", &Recommendation::expected_gain)
      .def_readonly("probability_feasible", &Recommendation::probability_feasible)
      .def_readonly("why", &Recommendation::why)
      .def_readonly("limited_by", &Recommendation::limited_by)
      .def("to_dict", &recommendation_dict);
  py::native_enum<TrialStatus>(module, "TrialStatus", "enum.Enum", "Life of a recommendation.")
      .value("candidate", TrialStatus::candidate)
      .value("staged", TrialStatus::staged)
      .value("running", TrialStatus::running)
      .value("completed", TrialStatus::completed)
      .value("failed", TrialStatus::failed)
      .value("abandoned", TrialStatus::abandoned)
      .value("stale", TrialStatus::stale)
      .finalize();
  module.def("may_follow", &may_follow, py::arg("before"), py::arg("after"),
             "Whether one trial status may follow another.");
  py::classh<Trial>(module, "Trial", "A recommendation on its way to becoming a run.")
      .def(py::init([](std::int64_t number, Recommendation recommendation, std::int64_t created) {
             return std::make_unique<Trial>(number, std::move(recommendation),
                                            core::UtcTime(core::Nanoseconds(created)));
           }),
           py::arg("number"), py::arg("recommendation"), py::arg("created_time"))
      .def_property_readonly("number", &Trial::number)
      .def_property_readonly("recommendation", &Trial::recommendation)
      .def_property_readonly("status", &Trial::status)
      .def_property_readonly("run_id", &Trial::run_id)
      .def_property_readonly("reason", &Trial::reason)
      .def_property_readonly("created_time",
                             [](const Trial& trial) { return trial.created_time().since_epoch().count(); })
      .def("move_to", &Trial::move_to, py::arg("status"), py::arg("run_id") = "", py::arg("reason") = "")
      .def("to_dict", &trial_dict);
}

void bind_envelope(py::module_& module) {
  py::classh<TrainingEnvelope>(module, "TrainingEnvelope", "The region that training data covered.")
      .def_static(
          "from_json", [](const std::string& text) { return TrainingEnvelope::from_json(core::Json::parse(text)); },
          py::arg("text"))
      .def("to_json", [](const TrainingEnvelope& envelope) { return envelope.to_json().dump(); })
      .def("distance", &TrainingEnvelope::distance, py::arg("values"))
      .def_readonly("names", &TrainingEnvelope::names)
      .def_readonly("quantile_levels", &TrainingEnvelope::quantile_levels)
      .def_readonly("distance_quantiles", &TrainingEnvelope::distance_quantiles)
      .def_readonly("category_names", &TrainingEnvelope::category_names)
      .def_readonly("combinations", &TrainingEnvelope::combinations);
}

}  // namespace

void bind_process_trial(py::module_& module) {
  bind_values(module);
  bind_trial(module);
  bind_envelope(module);
}

}  // namespace luban::bindings
