// Training: options and reports as values, fits as long calls. No torch type crosses this border.
#include <luban/evaluation/cross_validation.hpp>
#include <luban/training/ensemble_training.hpp>
#include <luban/training/neural_ensemble_fit.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "long_call.hpp"

namespace luban::bindings {
namespace {

using namespace training;

core::Nanoseconds nanoseconds_of(double seconds) {
  return std::chrono::duration_cast<core::Nanoseconds>(std::chrono::duration<double>(seconds));
}

CheckpointOptions checkpoint_of(const std::filesystem::path& folder, double every_s) {
  return {.folder = folder, .every = nanoseconds_of(every_s)};
}

void bind_options(py::module_& module) {
  using Options = NeuralEnsembleOptions;
  const Options d;
  py::classh<Options>(module, "NeuralEnsembleOptions", "How an ensemble of networks is trained.")
      .def(py::init([](int members, std::vector<int> hidden, int epochs, int minibatch, double learning_rate,
                       double weight_decay, double validation_share, int patience, double beta, std::string precision,
                       std::string device, int threads) {
             return Options{.members = members,
                            .hidden = std::move(hidden),
                            .epochs = epochs,
                            .minibatch = minibatch,
                            .learning_rate = learning_rate,
                            .weight_decay = weight_decay,
                            .validation_share = validation_share,
                            .patience = patience,
                            .beta = beta,
                            .precision = std::move(precision),
                            .device = std::move(device),
                            .threads = threads};
           }),
           py::kw_only(), py::arg("members") = d.members, py::arg("hidden") = d.hidden, py::arg("epochs") = d.epochs,
           py::arg("minibatch") = d.minibatch, py::arg("learning_rate") = d.learning_rate,
           py::arg("weight_decay") = d.weight_decay, py::arg("validation_share") = d.validation_share,
           py::arg("patience") = d.patience, py::arg("beta") = d.beta, py::arg("precision") = d.precision,
           py::arg("device") = d.device, py::arg("threads") = d.threads)
      .def_readonly("members", &Options::members)
      .def_readonly("hidden", &Options::hidden)
      .def_readonly("epochs", &Options::epochs)
      .def_readonly("minibatch", &Options::minibatch)
      .def_readonly("learning_rate", &Options::learning_rate)
      .def_readonly("weight_decay", &Options::weight_decay)
      .def_readonly("validation_share", &Options::validation_share)
      .def_readonly("patience", &Options::patience)
      .def_readonly("beta", &Options::beta)
      .def_readonly("precision", &Options::precision)
      .def_readonly("device", &Options::device)
      .def_readonly("threads", &Options::threads);
}

void bind_fit(py::module_& module) {
  py::classh<MemberReport>(module, "MemberReport", "What became of one member.")
      .def_readonly("epochs", &MemberReport::epochs)
      .def_readonly("best_epoch", &MemberReport::best_epoch)
      .def_readonly("validation_log_density", &MemberReport::validation_log_density)
      .def_readonly("validation_groups", &MemberReport::validation_groups);
  py::classh<NeuralEnsembleFit>(module, "NeuralEnsembleFit", "A trained ensemble and how it came about.")
      .def_property_readonly(
          "ensemble",
          [](const NeuralEnsembleFit& fit) { return std::const_pointer_cast<surrogate::NeuralEnsemble>(fit.ensemble); })
      .def_readonly("reports", &NeuralEnsembleFit::reports);
  module.def(
      "fit_neural_ensemble",
      [](const features::Dataset& data, const NeuralEnsembleOptions& options, std::uint64_t seed,
         const std::filesystem::path& checkpoint, double every_s, const py::object& progress) {
        return long_call(progress, [&](const core::CallControl& control) {
          return fit_neural_ensemble(data, options, core::RandomKey(seed), control, checkpoint_of(checkpoint, every_s));
        });
      },
      py::arg("data"), py::arg("options") = NeuralEnsembleOptions{}, py::kw_only(), py::arg("seed"),
      py::arg("checkpoint") = std::filesystem::path(), py::arg("every_s") = 60.0, py::arg("progress") = py::none());
  module.def(
      "contender",
      [](std::string name, const NeuralEnsembleOptions& options, const std::filesystem::path& checkpoint,
         double every_s) {
        const CheckpointOptions keep = checkpoint_of(checkpoint, every_s);
        return evaluation::Contender{.name = std::move(name),
                                     .make = [options, keep](const features::Dataset& data, core::RandomKey key,
                                                             const core::CallControl& control) {
                                       core::CallControl quiet = control;  // folds report for themselves
                                       quiet.progress = nullptr;
                                       return fit_neural_ensemble(data, options, key, quiet, keep).ensemble;
                                     }};
      },
      py::arg("name"), py::arg("options"), py::kw_only(), py::arg("checkpoint") = std::filesystem::path(),
      py::arg("every_s") = 60.0, "Networks as a contender of an evaluation.");
}

void bind_pieces(py::module_& module) {
  py::classh<EnsembleTraining>(module, "EnsembleTraining", "The training of one ensemble, member by member.")
      .def(py::init([](const features::Dataset& data, const NeuralEnsembleOptions& options, std::uint64_t key) {
             return std::make_shared<EnsembleTraining>(data, options, core::RandomKey(key));
           }),
           py::arg("data"), py::arg("options"), py::kw_only(), py::arg("key"))
      .def_property_readonly("members", &EnsembleTraining::members)
      .def("file_name", &EnsembleTraining::file_name, py::arg("member"), "Name of its file in a checkpoint folder.")
      .def("finished", &EnsembleTraining::finished, py::arg("member"), py::arg("folder"));
  module.def(
      "train_networks",
      [](const std::vector<std::pair<std::shared_ptr<EnsembleTraining>, int>>& units,
         const std::filesystem::path& checkpoint, double every_s, std::optional<double> pause_after_s, int threads,
         const py::object& progress) {
        std::optional<core::Nanoseconds> pause_after;
        if (pause_after_s) pause_after = nanoseconds_of(*pause_after_s);
        std::vector<NetworkUnit> work;
        for (const auto& [training, member] : units) work.push_back({.training = training, .member = member});
        long_call(progress, [&](const core::CallControl& control) {
          train_networks(work, checkpoint_of(checkpoint, every_s), threads, control, pause_after);
        });
      },
      py::arg("units"), py::kw_only(), py::arg("checkpoint"), py::arg("every_s") = 60.0,
      py::arg("pause_after_s") = py::none(), py::arg("threads") = 0, py::arg("progress") = py::none());
}

}  // namespace
}  // namespace luban::bindings

PYBIND11_MODULE(_training, module) {
  namespace py = pybind11;
  module.doc() = "Private: neural surrogates (LibTorch). torch is imported first, so that its libraries are found.";
  py::module_::import("luban._core");
  luban::bindings::bind_options(module);
  luban::bindings::bind_fit(module);
  luban::bindings::bind_pieces(module);
}
