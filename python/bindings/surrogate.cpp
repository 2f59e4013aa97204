// Surrogates are immutable and shared; matrices go in and out as copies. Long calls run without the GIL.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/linear_model.hpp>
#include <luban/surrogate/neural_ensemble.hpp>
#include <luban/surrogate/noise_average.hpp>
#include <luban/surrogate/presets.hpp>
#include <luban/surrogate/simd.hpp>

#include "bindings.hpp"
#include "long_call.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {
namespace {

using namespace surrogate;

void bind_options_and_report(py::module_& module) {
  const GaussianProcessOptions defaults;
  py::classh<GaussianProcessOptions>(module, "GaussianProcessOptions", "How a Gaussian process is fitted.")
      .def(py::init([](std::string preset, int starts, int max_iterations, bool robust, int threads,
                       std::vector<Eigen::VectorXd> warm_starts, const std::optional<Preset>& model, bool extra_noise) {
             return GaussianProcessOptions{.preset = model ? model->name : std::move(preset),
                                           .starts = starts,
                                           .max_iterations = max_iterations,
                                           .robust = robust,
                                           .threads = threads,
                                           .warm_starts = std::move(warm_starts),
                                           .model = model ? std::optional(model->model) : std::nullopt,
                                           .extra_noise = extra_noise};
           }),
           py::kw_only(), py::arg("preset") = defaults.preset, py::arg("starts") = defaults.starts,
           py::arg("max_iterations") = defaults.max_iterations, py::arg("robust") = defaults.robust,
           py::arg("threads") = defaults.threads, py::arg("warm_starts") = defaults.warm_starts,
           py::arg("model") = py::none(), py::arg("extra_noise") = defaults.extra_noise)
      .def_readwrite("preset", &GaussianProcessOptions::preset)
      .def_readwrite("starts", &GaussianProcessOptions::starts)
      .def_readwrite("max_iterations", &GaussianProcessOptions::max_iterations)
      .def_readwrite("robust", &GaussianProcessOptions::robust)
      .def_readwrite("threads", &GaussianProcessOptions::threads)
      .def_readwrite("warm_starts", &GaussianProcessOptions::warm_starts)
      .def_property_readonly(
          "model",
          [](const GaussianProcessOptions& self) {
            return self.model ? std::optional(Preset{self.preset, {}, *self.model}) : std::nullopt;
          },
          "The preset given as data, None where `preset` names one.")
      .def_readwrite("extra_noise", &GaussianProcessOptions::extra_noise);
  py::classh<FitReport>(module, "FitReport", "What a fit did, for one response.")
      .def_readonly("log_posterior", &FitReport::log_posterior)
      .def_readonly("log_likelihood", &FitReport::log_likelihood)
      .def_readonly("evaluations", &FitReport::evaluations)
      .def_readonly("starts_converged", &FitReport::starts_converged)
      .def_readonly("jitter", &FitReport::jitter)
      .def_readonly("degraded", &FitReport::degraded)
      .def_readonly("readings", &FitReport::readings)
      .def_readonly("points", &FitReport::points)
      .def_readonly("runs", &FitReport::runs)
      .def_readonly("gross_errors", &FitReport::gross_errors)
      .def_readonly("set_aside", &FitReport::set_aside)
      .def_property_readonly("hyperparameters", [](const FitReport& r) -> Eigen::VectorXd { return r.hyperparameters; })
      .def_readonly("hyperparameter_names", &FitReport::hyperparameter_names);
}

void bind_gaussian_process(py::module_& module) {
  py::classh<GaussianProcess, Surrogate> process(module, "GaussianProcess",
                                                 "Exact Gaussian process, three levels of noise.");
  process
      .def_static(
          "fit",
          [](const features::Dataset& data, const GaussianProcessOptions& options, std::uint64_t seed,
             const py::object& progress) {
            auto fitted = long_call(progress, [&](const core::CallControl& control) {
              return GaussianProcess::fit(data, options, core::RandomKey(seed), control);
            });
            return std::const_pointer_cast<GaussianProcess>(fitted);  // Python knows no const; nothing mutates it
          },
          py::arg("data"), py::arg("options") = GaussianProcessOptions{}, py::kw_only(), py::arg("seed"),
          py::arg("progress") = py::none())
      .def(
          "prior",
          [](const GaussianProcess& self, const Eigen::MatrixXd& X, bool gradients, bool joint) {
            const py::gil_scoped_release without_gil;
            return self.prior(X, {.gradients = gradients, .joint = joint});
          },
          py::arg("X"), py::kw_only(), py::arg("gradients") = PosteriorRequest{}.gradients,
          py::arg("joint") = PosteriorRequest{}.joint, "What the hyperparameters say about X (q, p) before any data.")
      .def_property_readonly("reports", &GaussianProcess::reports)
      .def_property_readonly("preset", &GaussianProcess::preset)
      .def("between_sd", &GaussianProcess::between_sd, py::arg("response"))
      .def("between_points_sd", &GaussianProcess::between_points_sd, py::arg("response"))
      .def("within_sd", &GaussianProcess::within_sd, py::arg("response"))
      .def("write", &GaussianProcess::write, py::arg("artefact"), "Adds tensors and metadata to an artefact.")
      .def_static(
          "read",
          [](const Artefact& artefact) {
            const py::gil_scoped_release without_gil;
            return std::const_pointer_cast<GaussianProcess>(GaussianProcess::read(artefact));
          },
          py::arg("artefact"));
  bind_streaming(module, process);
}

void bind_neural_ensemble(py::module_& module) {
  py::classh<NeuralEnsemble, Surrogate>(module, "NeuralEnsemble",
                                        "Ensemble of residual networks, evaluated without torch.")
      .def_property_readonly("member_count", [](const NeuralEnsemble& self) { return self.members().size(); })
      .def_property_readonly(
          "between_share", [](const NeuralEnsemble& self) -> Eigen::VectorXd { return self.scaling().between_share; },
          "(m) share of the noise variance that the readings of a run have in common")
      .def(
          "only",
          [](const NeuralEnsemble& self, const std::vector<Eigen::Index>& responses) {
            return std::const_pointer_cast<Surrogate>(self.only(responses));
          },
          py::arg("responses"))
      .def("write", &NeuralEnsemble::write, py::arg("artefact"), "Adds tensors and metadata to an artefact.")
      .def_static(
          "read",
          [](const Artefact& artefact) {
            const py::gil_scoped_release without_gil;
            return std::const_pointer_cast<NeuralEnsemble>(NeuralEnsemble::read(artefact));
          },
          py::arg("artefact"));
}

void bind_others(py::module_& module) {
  py::classh<NoiseLevels>(module, "NoiseLevels", "Joint levels of the noise variables and how often each was observed.")
      .def(py::init([](Eigen::MatrixXd levels, Eigen::VectorXd weights) {
             return NoiseLevels{std::move(levels), std::move(weights)};
           }),
           py::arg("levels"), py::arg("weights"))
      .def_property_readonly("levels", [](const NoiseLevels& n) -> Eigen::MatrixXd { return n.levels; })
      .def_property_readonly("weights", [](const NoiseLevels& n) -> Eigen::VectorXd { return n.weights; });
  module.def("observed_noise_levels", &observed_noise_levels, py::arg("data"), py::arg("context"),
             py::arg("min_runs") = 10);
  py::classh<AveragedSurrogate, Surrogate>(module, "AveragedSurrogate", "A surrogate's average over noise variables.")
      .def(py::init([](const std::shared_ptr<Surrogate>& surrogate, NoiseLevels levels) {
             return std::make_shared<AveragedSurrogate>(surrogate, std::move(levels));
           }),
           py::arg("surrogate"), py::arg("levels"))
      .def_property_readonly("levels", &AveragedSurrogate::levels);
  module.def(
      "fit_trivial",
      [](const features::Dataset& data) { return std::const_pointer_cast<Surrogate>(fit_trivial(data)); },
      py::arg("data"));
  module.def(
      "fit_ridge",
      [](const features::Dataset& data, bool quadratic) {
        return std::const_pointer_cast<Surrogate>(fit_ridge(data, {.quadratic = quadratic}));
      },
      py::arg("data"), py::kw_only(), py::arg("quadratic") = RidgeOptions{}.quadratic);
  module.def("simd_level", [] { return std::string(name(simd_level())); });
  module.def("available_simd_levels", [] {
    std::vector<std::string> out;
    for (const SimdLevel level : available_simd_levels()) out.emplace_back(name(level));
    return out;
  });
}

}  // namespace

void bind_surrogate(py::module_& module) {
  bind_posterior(module);
  bind_artefact(module);
  bind_presets(module);
  bind_options_and_report(module);
  bind_gaussian_process(module);
  bind_local(module);
  bind_neural_ensemble(module);
  bind_others(module);
  bind_corrected(module);
  bind_transforms(module);
}

}  // namespace luban::bindings
