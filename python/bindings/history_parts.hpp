// The parts of _history, one file each.
#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

void bind_history_files(pybind11::module_& module);
void bind_history_arrays(pybind11::module_& module);
void bind_history_passes(pybind11::module_& module);

}  // namespace luban::bindings
