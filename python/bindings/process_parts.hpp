#pragma once

#include "bindings.hpp"

namespace luban::bindings {

// The binding of `process` in four files, one per kind of value.
void bind_process_table(py::module_& module);
void bind_process_trial(py::module_& module);
void bind_process_arrow(py::module_& module);

}  // namespace luban::bindings
