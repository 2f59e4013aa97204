// Scores, calibrations and out-of-fold predictions: what evaluations are made of.
#include <string>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/evaluation/calibration.hpp>
#include <luban/evaluation/cross_validation.hpp>
#include <luban/evaluation/evaluate.hpp>
#include <luban/evaluation/noise_ceiling.hpp>
#include <luban/evaluation/scores.hpp>

#include "bindings.hpp"
#include "evaluation_parts.hpp"

namespace luban::bindings {
namespace {

using namespace evaluation;

Scores score_arrays(const Eigen::VectorXd& y, const Eigen::VectorXd& mean, const Eigen::VectorXd& sd,
                    const Eigen::VectorXd& log_density, const Eigen::MatrixXd& lower, const Eigen::MatrixXd& upper,
                    const Eigen::VectorXd& training_mean, const Eigen::VectorXd& weights) {
  const Predictions predictions{.mean = mean,
                                .sd = sd,
                                .log_density = log_density,
                                .lower = lower,
                                .upper = upper,
                                .training_mean = training_mean};
  return score(y, predictions, weights);
}

Target target_of(const std::string& text) {
  if (text == "reading") return Target::reading;
  if (text == "run_mean") return Target::run_mean;
  throw core::ConfigurationError({.where = "evaluation.calibrate",
                                  .expected = "\"reading\" or \"run_mean\"",
                                  .received = "\"" + text + "\"",
                                  .place = {},
                                  .hint = {}});
}

void bind_calibration(py::module_& module) {
  py::classh<Calibration>(module, "Calibration", "What standard deviations are multiplied by, level by level.")
      .def_property_readonly("levels", [](const Calibration& c) { return c.levels; })
      .def_property_readonly("ratios", [](const Calibration& c) { return c.ratios; })
      .def_readonly("groups", &Calibration::groups)
      .def_readonly("reached", &Calibration::reached)
      .def("ratio", &Calibration::ratio, py::arg("level"))
      .def("to_json", [](const Calibration& c) { return c.to_json().dump(); })
      .def_static(
          "from_json", [](const std::string& text) { return Calibration::from_json(core::Json::parse(text)); },
          py::arg("text"));
  module.def(
      "calibrate",
      [](const features::Dataset& data, const OutOfFold& out_of_fold, Eigen::Index response,
         const Eigen::VectorXd& weights, const std::string& of) {
        return calibrate(standardised_residuals(data, out_of_fold, response, weights, target_of(of)));
      },
      py::arg("data"), py::arg("out_of_fold"), py::arg("response"), py::arg("weights"), py::arg("of") = "reading");
}

}  // namespace

void bind_scores(py::module_& module) {
  py::classh<Scores> scores(module, "Scores", "How good predictions were; every reading counts once.");
  for (const Metric& metric : metrics()) scores.def_readonly(std::string(metric.name).c_str(), metric.value);
  scores.def("to_dict", [](const Scores& self) {
    py::dict out;
    for (const Metric& metric : metrics()) out[py::str(std::string(metric.name))] = self.*metric.value;
    return out;
  });
  module.attr("score_levels") = py::tuple(py::cast(std::vector<double>(score_levels.begin(), score_levels.end())));
  module.def("score", &score_arrays, py::arg("y"), py::kw_only(), py::arg("mean"), py::arg("sd"),
             py::arg("log_density"), py::arg("lower"), py::arg("upper"), py::arg("training_mean"), py::arg("weights"),
             "Scores of readings y (n); lower and upper (n, 3) bound the intervals of score_levels.");
  py::classh<ScoreSummary>(module, "ScoreSummary", "Scores with their spread over folds and repeats.")
      .def_readonly("mean", &ScoreSummary::mean)
      .def_readonly("standard_error", &ScoreSummary::standard_error)
      .def_readonly("pooled", &ScoreSummary::pooled)
      .def_readonly("repeat_sd", &ScoreSummary::repeat_sd)
      .def_readonly("folds", &ScoreSummary::folds);
  py::classh<NoiseCeiling>(module, "NoiseCeiling", "What replicate noise alone leaves of any prediction.")
      .def_readonly("noise", &NoiseCeiling::noise)
      .def_readonly("rmse", &NoiseCeiling::rmse)
      .def_readonly("standard_error", &NoiseCeiling::standard_error)
      .def_readonly("r2", &NoiseCeiling::r2)
      .def_readonly("complete", &NoiseCeiling::complete);
}

void bind_out_of_fold(py::module_& module) {
  const auto copy_of = [](Eigen::MatrixXd OutOfFold::*member) {
    return [member](const OutOfFold& self) -> Eigen::MatrixXd { return self.*member; };
  };
  py::classh<OutOfFold>(module, "OutOfFold", "What surrogates that had not seen a reading's group said about it.")
      .def_property_readonly("mean", copy_of(&OutOfFold::mean), "(n, m)")
      .def_property_readonly("sd_latent", copy_of(&OutOfFold::sd_latent), "(n, m)")
      .def_property_readonly("sd_run_mean", copy_of(&OutOfFold::sd_run_mean), "(n, m)")
      .def_property_readonly("sd_reading", copy_of(&OutOfFold::sd_reading), "(n, m)")
      .def_property_readonly("log_density", copy_of(&OutOfFold::log_density), "(n, m)")
      .def_property_readonly("training_mean", copy_of(&OutOfFold::training_mean), "(n, m)")
      .def_property_readonly(
          "fold", [](const OutOfFold& self) -> Eigen::VectorXi { return self.fold; }, "(n)");
  bind_calibration(module);
}

}  // namespace luban::bindings
