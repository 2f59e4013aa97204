#pragma once

#include <string>

#include <pybind11/pybind11.h>

#include <luban/process/response.hpp>

namespace luban::bindings {

namespace py = pybind11;

void bind_acquisitions(py::module_& module);
void bind_recommend_arrays(py::module_& module);
void bind_recommend_front(py::module_& module);
void bind_ledger(py::module_& module);

/// @throws ConfigurationError naming the goals.
process::Goal goal_named(const std::string& goal, const std::string& where);

}  // namespace luban::bindings
