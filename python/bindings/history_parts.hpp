#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

// The parts of _history, one file each.
void bind_history_arrays(pybind11::module_& module);

}  // namespace luban::bindings
