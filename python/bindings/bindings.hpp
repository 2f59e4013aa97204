#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

namespace py = pybind11;

// One per module, in data-path order; each stands in the file of the same noun.
void bind_core(py::module_& module);
void bind_process(py::module_& module);
void bind_parallel(py::module_& module);
void bind_features(py::module_& module);
void bind_surrogate(py::module_& module);
void bind_evaluation(py::module_& module);
void bind_recommend(py::module_& module);
void bind_monitor(py::module_& module);
void bind_control(py::module_& module);

}  // namespace luban::bindings
