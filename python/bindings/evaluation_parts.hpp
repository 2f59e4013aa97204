#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

namespace py = pybind11;

void bind_scores(py::module_& module);
void bind_out_of_fold(py::module_& module);

}  // namespace luban::bindings
