#pragma once

#include "bindings.hpp"

namespace luban::bindings {

// The binding of `core` in two files: this is the one for files and locks.
void bind_files(py::module_& module);

}  // namespace luban::bindings
