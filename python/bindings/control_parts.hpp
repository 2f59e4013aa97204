#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

namespace py = pybind11;

void bind_control_words(py::module_& module);
void bind_control_events(py::module_& module);

}  // namespace luban::bindings
