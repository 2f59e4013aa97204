#pragma once

#include "bindings.hpp"

namespace luban::bindings {

// The binding of `guard` in two files: the guard with its answers, and what it is told.
void bind_guard_request(py::module_& module);

}  // namespace luban::bindings
