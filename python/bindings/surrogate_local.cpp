// Local Gaussian processes, for many points; processes of responses that have something in common.
#include <cstdint>
#include <memory>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/stl.h>

#include <luban/surrogate/gaussian_process.hpp>

#include "bindings.hpp"
#include "long_call.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {

using namespace surrogate;

void bind_local(py::module_& module) {
  const LocalGaussianProcessOptions defaults;
  py::classh<LocalGaussianProcessOptions>(module, "LocalGaussianProcessOptions", "How a local process is fitted.")
      .def(py::init([](const GaussianProcessOptions& process, Eigen::Index neighbours, Eigen::Index learned_from) {
             return LocalGaussianProcessOptions{
                 .process = process, .neighbours = neighbours, .learned_from = learned_from};
           }),
           py::kw_only(), py::arg_v("process", defaults.process, "GaussianProcessOptions()"),
           py::arg("neighbours") = defaults.neighbours, py::arg("learned_from") = defaults.learned_from)
      .def_readwrite("process", &LocalGaussianProcessOptions::process)
      .def_readwrite("neighbours", &LocalGaussianProcessOptions::neighbours)
      .def_readwrite("learned_from", &LocalGaussianProcessOptions::learned_from);
  py::classh<LocalGaussianProcess, Surrogate>(module, "LocalGaussianProcess",
                                              "Gaussian process whose answers come from the nearest means alone.")
      .def_static(
          "fit",
          [](const features::Dataset& data, const LocalGaussianProcessOptions& options, std::uint64_t seed,
             const py::object& progress) {
            auto fitted = long_call(progress, [&](const core::CallControl& control) {
              return LocalGaussianProcess::fit(data, options, core::RandomKey(seed), control);
            });
            return std::const_pointer_cast<LocalGaussianProcess>(fitted);  // Python knows no const; nothing mutates it
          },
          py::arg("data"), py::arg_v("options", defaults, "LocalGaussianProcessOptions()"), py::kw_only(),
          py::arg("seed"), py::arg("progress") = py::none())
      .def_property_readonly("reports", &LocalGaussianProcess::reports)
      .def_property_readonly("neighbours", &LocalGaussianProcess::neighbours)
      .def(
          "only",
          [](const LocalGaussianProcess& self, const std::vector<Eigen::Index>& responses) {
            return std::const_pointer_cast<Surrogate>(self.only(responses));
          },
          py::arg("responses"))
      .def("write", &LocalGaussianProcess::write, py::arg("artefact"), "Adds tensors and metadata to an artefact.")
      .def_static(
          "read",
          [](const Artefact& artefact) {
            const py::gil_scoped_release without_gil;
            return std::const_pointer_cast<LocalGaussianProcess>(LocalGaussianProcess::read(artefact));
          },
          py::arg("artefact"));
  py::classh<CorrelatedResponses, Surrogate>(module, "CorrelatedResponses",
                                             "One Gaussian process of several responses that have something in common.")
      .def_static(
          "fit",
          [](const features::Dataset& data, const GaussianProcessOptions& options, std::uint64_t seed,
             const py::object& progress) {
            auto fitted = long_call(progress, [&](const core::CallControl& control) {
              return CorrelatedResponses::fit(data, options, core::RandomKey(seed), control);
            });
            return std::const_pointer_cast<CorrelatedResponses>(fitted);
          },
          py::arg("data"), py::arg_v("options", GaussianProcessOptions{}, "GaussianProcessOptions()"), py::kw_only(),
          py::arg("seed"), py::arg("progress") = py::none())
      .def_property_readonly("report", &CorrelatedResponses::report)
      .def("correlations", &CorrelatedResponses::correlations, "(m, m) of the responses' courses, as learned.")
      .def("write", &CorrelatedResponses::write, py::arg("artefact"), "Adds tensors and metadata to an artefact.")
      .def_static(
          "read",
          [](const Artefact& artefact) {
            const py::gil_scoped_release without_gil;
            return std::const_pointer_cast<CorrelatedResponses>(CorrelatedResponses::read(artefact));
          },
          py::arg("artefact"));
}

}  // namespace luban::bindings
