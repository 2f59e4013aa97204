// Evaluations are values that leave as copies; what makes surrogates is named, so that no Python runs inside a task.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/evaluation/evaluate.hpp>
#include <luban/evaluation/model_card.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/linear_model.hpp>

#include "bindings.hpp"
#include "evaluation_parts.hpp"
#include "long_call.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {
namespace {

using namespace evaluation;

Contender gaussian_process(std::string name, const surrogate::GaussianProcessOptions& options,
                           std::vector<std::string> transforms) {
  return {.name = std::move(name), .make = gaussian_process_factory(options, std::move(transforms))};
}

Contender local_gaussian_process(std::string name, const surrogate::LocalGaussianProcessOptions& options) {
  return {.name = std::move(name),
          .make = [options](const features::Dataset& data, core::RandomKey key, const core::CallControl& control) {
            return surrogate::LocalGaussianProcess::fit(data, options, key, control);
          }};
}

Contender ridge(std::string name, bool quadratic) {
  return {.name = std::move(name),
          .make = [quadratic](const features::Dataset& data, core::RandomKey, const core::CallControl&) {
            return surrogate::fit_ridge(data, {.quadratic = quadratic});
          }};
}

Split split_of(const std::string& text) {
  if (text == "groups") return Split::groups;
  if (text == "time_blocks") return Split::time_blocks;
  throw core::ConfigurationError({.where = "evaluation.evaluate",
                                  .expected = "split \"groups\" or \"time_blocks\"",
                                  .received = "\"" + text + "\"",
                                  .place = {},
                                  .hint = {}});
}

void bind_contender(py::module_& module) {
  py::classh<Contender>(module, "Contender", "A way to make a surrogate, under a name.")
      .def_static("gaussian_process", &gaussian_process, py::arg("name"), py::arg("options"),
                  py::arg("transforms") = std::vector<std::string>())
      .def_static("local_gaussian_process", &local_gaussian_process, py::arg("name"), py::arg("options"))
      .def_static("ridge", &ridge, py::arg("name"), py::kw_only(),
                  py::arg("quadratic") = surrogate::RidgeOptions{}.quadratic)
      .def_readonly("name", &Contender::name);
}

void bind_evaluation_results(py::module_& module) {
  py::classh<ResponseEvaluation>(module, "ResponseEvaluation", "One contender, one response.")
      .def_readonly("all", &ResponseEvaluation::all)
      .def_readonly("without_gross", &ResponseEvaluation::without_gross)
      .def_readonly("reading", &ResponseEvaluation::reading)
      .def_readonly("run_mean", &ResponseEvaluation::run_mean)
      .def_readonly("calibrated_coverage", &ResponseEvaluation::calibrated_coverage)
      .def_readonly("beats_noise", &ResponseEvaluation::beats_noise);
  py::classh<ContenderEvaluation>(module, "ContenderEvaluation", "One contender, all responses.")
      .def_readonly("name", &ContenderEvaluation::name)
      .def_readonly("responses", &ContenderEvaluation::responses)
      .def_readonly("out_of_fold", &ContenderEvaluation::out_of_fold);
  py::classh<Evaluation>(module, "Evaluation", "Contenders and baselines on the same grouped folds.")
      .def_readonly("contenders", &Evaluation::contenders)
      .def_readonly("ceilings", &Evaluation::ceilings)
      .def_readonly("weights", &Evaluation::weights)
      .def_readonly("folds", &Evaluation::folds)
      .def_readonly("repeats", &Evaluation::repeats)
      .def_readonly("seed", &Evaluation::seed)
      .def("led_by", &Evaluation::led_by, py::arg("contender"), "The same with one contender in front.")
      .def_property_readonly("split", [](const Evaluation& evaluation) {
        return std::string(evaluation.split == Split::groups ? "groups" : "time_blocks");
      });
}

void bind_evaluate(py::module_& module) {
  const EvaluationOptions defaults;
  module.def(
      "evaluate",
      [](const features::Dataset& data, const std::vector<Contender>& contenders, std::uint64_t seed, int folds,
         int repeats, const std::string& split, bool baselines, const features::RobustWeightOptions& robust,
         int threads, const py::object& progress) {
        const EvaluationOptions options{.folds = folds,
                                        .repeats = repeats,
                                        .split = split_of(split),
                                        .baselines = baselines,
                                        .robust = robust,
                                        .threads = threads};
        return long_call(progress, [&](const core::CallControl& control) {
          return evaluate(data, contenders, core::RandomKey(seed), options, control);
        });
      },
      py::arg("data"), py::arg("contenders"), py::kw_only(), py::arg("seed"), py::arg("folds") = defaults.folds,
      py::arg("repeats") = defaults.repeats, py::arg("split") = "groups", py::arg("baselines") = defaults.baselines,
      py::arg_v("robust", defaults.robust, "RobustWeightOptions()"), py::arg("threads") = defaults.threads,
      py::arg("progress") = py::none());
}

void bind_fold_fits(py::module_& module) {
  py::classh<FoldFit>(module, "FoldFit", "One fit of an evaluation: what a contender learns, and with which key.")
      .def_readonly("repeat", &FoldFit::repeat)
      .def_readonly("fold", &FoldFit::fold)
      .def_readonly("train", &FoldFit::train)
      .def_property_readonly("key", [](const FoldFit& fit) { return fit.key.value(); });
  module.def(
      "fold_fits",
      [](const features::Dataset& data, const std::string& contender, std::uint64_t seed, int folds, int repeats) {
        return fold_fits(data, contender, core::RandomKey(seed), {.folds = folds, .repeats = repeats});
      },
      py::arg("data"), py::arg("contender"), py::kw_only(), py::arg("seed"), py::arg("folds"), py::arg("repeats"));
}

void bind_card(py::module_& module) {
  // The card's own form is JSON: Python shows it, C++ says what belongs in it.
  module.def(
      "make_card",
      [](const features::Dataset& data, const Evaluation& evaluation) {
        return make_card(data, evaluation).to_json().dump();
      },
      py::arg("data"), py::arg("evaluation"), "Card of the first contender, as JSON text.");
  module.def(
      "checked_card",
      [](const std::string& text) { return ModelCard::from_json(core::Json::parse(text)).to_json().dump(); },
      py::arg("text"), "A card's JSON text when it is one; DataError otherwise.");
  module.def("data_digest", &data_digest, py::arg("data"), "SHA-256 over inputs, responses, runs and groups.");
}

}  // namespace

void bind_evaluation(py::module_& module) {
  bind_scores(module);
  bind_out_of_fold(module);
  bind_contender(module);
  bind_evaluation_results(module);
  bind_evaluate(module);
  bind_fold_fits(module);
  bind_card(module);
}

}  // namespace luban::bindings
