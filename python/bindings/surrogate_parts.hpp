#pragma once

#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::bindings {

namespace py = pybind11;

void bind_posterior(py::module_& module);
void bind_artefact(py::module_& module);
void bind_corrected(py::module_& module);
void bind_transforms(py::module_& module);
void bind_presets(py::module_& module);
void bind_local(py::module_& module);
void bind_streaming(py::module_& module, py::classh<surrogate::GaussianProcess, surrogate::Surrogate>& process);

/// How named options make a Gaussian process; of transformed responses where transforms (one, or one each) are named.
[[nodiscard]] surrogate::SurrogateFactory gaussian_process_factory(const surrogate::GaussianProcessOptions& options);
[[nodiscard]] surrogate::SurrogateFactory gaussian_process_factory(const surrogate::GaussianProcessOptions& options,
                                                                   std::vector<std::string> transforms);

}  // namespace luban::bindings
