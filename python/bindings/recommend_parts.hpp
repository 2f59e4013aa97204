#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

namespace py = pybind11;

void bind_recommend_arrays(py::module_& module);
void bind_recommend_front(py::module_& module);
void bind_ledger(py::module_& module);

}  // namespace luban::bindings
