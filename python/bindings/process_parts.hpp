#pragma once

#include <map>
#include <optional>
#include <string>

#include <luban/process/response.hpp>

#include "bindings.hpp"

namespace luban::bindings {

// The binding of `process` in four files, one per kind of value.
void bind_process_table(py::module_& module);
void bind_process_trial(py::module_& module);
void bind_process_arrow(py::module_& module);

/// A risk measure as in the process file: {name: level}.
using RiskEntry = std::map<std::string, double>;
/// @throws ConfigurationError, naming the measures, unless there is just one of them.
std::optional<process::RiskMeasure> risk_of(const std::optional<RiskEntry>& entry, const std::string& where);

}  // namespace luban::bindings
