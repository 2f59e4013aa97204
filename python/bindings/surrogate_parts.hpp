#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

namespace py = pybind11;

void bind_posterior(py::module_& module);
void bind_artefact(py::module_& module);
void bind_corrected(py::module_& module);

}  // namespace luban::bindings
