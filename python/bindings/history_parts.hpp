// What the binding files of the history share.
#pragma once

#include <pybind11/pybind11.h>

namespace luban::bindings {

void bind_history_files(pybind11::module_& module);

}  // namespace luban::bindings
