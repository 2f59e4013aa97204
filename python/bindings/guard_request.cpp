// What the guard is told: its options, and the request that one judgement rests on.
#include <luban/guard/request.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include <luban/guard/options.hpp>
#include <luban/process/envelope.hpp>

#include "guard_parts.hpp"

namespace luban::bindings {
namespace {

using namespace guard;
using core::Nanoseconds;
using process::NamedValue;
using process::Value;

constexpr double infinity = std::numeric_limits<double>::infinity();

Nanoseconds from_seconds(double value) {
  return std::chrono::round<Nanoseconds>(std::chrono::duration<double>(value));
}

double to_seconds(Nanoseconds value) {
  return std::chrono::duration<double>(value).count();
}

core::MonotonicTime monotonic(std::int64_t count) {
  return core::MonotonicTime(Nanoseconds(count));
}

void bind_options(py::module_& module) {
  py::classh<InputRule>(module, "InputRule", "What is expected of one input beyond being fresh, good and finite.")
      .def(py::init([](std::string name, std::string unit, double low, double high, double stuck_after_s,
                       bool accept_uncertain) {
             return InputRule{.name = std::move(name),
                              .unit = std::move(unit),
                              .low = low,
                              .high = high,
                              .stuck_after = from_seconds(stuck_after_s),
                              .accept_uncertain = accept_uncertain};
           }),
           py::arg("name"), py::kw_only(), py::arg("unit") = "", py::arg("low") = -infinity, py::arg("high") = infinity,
           py::arg("stuck_after_s") = 0.0, py::arg("accept_uncertain") = false)
      .def_readonly("name", &InputRule::name)
      .def_readonly("unit", &InputRule::unit)
      .def_readonly("low", &InputRule::low)
      .def_readonly("high", &InputRule::high)
      .def_property_readonly("stuck_after_s", [](const InputRule& rule) { return to_seconds(rule.stuck_after); })
      .def_readonly("accept_uncertain", &InputRule::accept_uncertain);
  const GuardOptions defaults;
  py::classh<GuardOptions>(module, "GuardOptions", "How strict the guard is.")
      .def(py::init([](double novelty, double dwell_s, double max_input_age_s, double max_output_age_s,
                       double max_skew_s, double deadband, std::map<std::string, double> parameter_deadband,
                       double written_tolerance, bool accept_uncertain, bool return_to_limits,
                       std::vector<InputRule> inputs) {
             return GuardOptions{.novelty = novelty,
                                 .dwell = from_seconds(dwell_s),
                                 .max_input_age = from_seconds(max_input_age_s),
                                 .max_output_age = from_seconds(max_output_age_s),
                                 .max_skew = from_seconds(max_skew_s),
                                 .deadband = deadband,
                                 .parameter_deadband = std::move(parameter_deadband),
                                 .written_tolerance = written_tolerance,
                                 .accept_uncertain = accept_uncertain,
                                 .return_to_limits = return_to_limits,
                                 .inputs = std::move(inputs)};
           }),
           py::kw_only(), py::arg("novelty") = defaults.novelty, py::arg("dwell_s") = to_seconds(defaults.dwell),
           py::arg("max_input_age_s") = to_seconds(defaults.max_input_age),
           py::arg("max_output_age_s") = to_seconds(defaults.max_output_age),
           py::arg("max_skew_s") = to_seconds(defaults.max_skew), py::arg("deadband") = defaults.deadband,
           py::arg("parameter_deadband") = std::map<std::string, double>{},
           py::arg("written_tolerance") = defaults.written_tolerance,
           py::arg("accept_uncertain") = defaults.accept_uncertain,
           py::arg("return_to_limits") = defaults.return_to_limits, py::arg("inputs") = std::vector<InputRule>{})
      .def_readonly("novelty", &GuardOptions::novelty)
      .def_property_readonly("dwell_s", [](const GuardOptions& options) { return to_seconds(options.dwell); })
      .def_property_readonly("max_input_age_s",
                             [](const GuardOptions& options) { return to_seconds(options.max_input_age); })
      .def_property_readonly("max_output_age_s",
                             [](const GuardOptions& options) { return to_seconds(options.max_output_age); })
      .def_property_readonly("max_skew_s", [](const GuardOptions& options) { return to_seconds(options.max_skew); })
      .def_readonly("deadband", &GuardOptions::deadband)
      .def_readonly("parameter_deadband", &GuardOptions::parameter_deadband)
      .def_readonly("written_tolerance", &GuardOptions::written_tolerance)
      .def_readonly("accept_uncertain", &GuardOptions::accept_uncertain)
      .def_readonly("return_to_limits", &GuardOptions::return_to_limits)
      .def_readonly("inputs", &GuardOptions::inputs);
}

void bind_request(py::module_& module) {
  py::classh<JudgedInput>(module, "JudgedInput", "A value from the plant that the proposal rests on.")
      .def(py::init([](std::string name, double value, std::string unit, std::uint32_t status, std::int64_t age,
                       std::int64_t unchanged) {
             JudgedInput out{.name = std::move(name), .value = {}, .age = Nanoseconds(age)};
             out.value.value = value;
             out.value.unit = std::move(unit);
             out.value.status = status;
             out.unchanged = Nanoseconds(unchanged);
             return out;
           }),
           py::arg("name"), py::arg("value"), py::arg("unit"), py::kw_only(), py::arg("status") = 0, py::arg("age_ns"),
           py::arg("unchanged_ns") = 0);
  py::classh<ConfirmedOutput>(module, "ConfirmedOutput", "A parameter as last read back from the plant.")
      .def(py::init([](std::string name, Value value, std::string unit, std::uint32_t status, std::int64_t age,
                       std::optional<Value> written, bool held) {
             return ConfirmedOutput{
                 .value = {.name = std::move(name), .value = std::move(value), .unit = std::move(unit)},
                 .status = status,
                 .age = Nanoseconds(age),
                 .written = std::move(written),
                 .held = held};
           }),
           py::arg("name"), py::arg("value"), py::arg("unit"), py::kw_only(), py::arg("status") = 0, py::arg("age_ns"),
           py::arg("written") = py::none(), py::arg("held") = false);
  py::classh<GuardRequest>(module, "GuardRequest", "Everything that one judgement rests on; times are monotonic.")
      .def(py::init([](std::int64_t cycle, std::int64_t now, std::int64_t deadline, std::int64_t sequence,
                       std::int64_t last_sequence, std::int64_t last_move, std::vector<ConfirmedOutput> outputs,
                       process::Recipe proposal, std::vector<JudgedInput> inputs, std::vector<NamedValue> context) {
             return GuardRequest{.cycle = cycle,
                                 .now = monotonic(now),
                                 .deadline = monotonic(deadline),
                                 .sequence = sequence,
                                 .last_sequence = last_sequence,
                                 .proposal = std::move(proposal),
                                 .inputs = std::move(inputs),
                                 .outputs = std::move(outputs),
                                 .last_move = monotonic(last_move),
                                 .context = std::move(context)};
           }),
           py::kw_only(), py::arg("cycle"), py::arg("now_ns"), py::arg("deadline_ns"), py::arg("sequence"),
           py::arg("last_sequence"), py::arg("last_move_ns"), py::arg("outputs"),
           py::arg_v("proposal", process::Recipe{}, "Recipe([])"), py::arg("inputs") = std::vector<JudgedInput>{},
           py::arg("context") = std::vector<NamedValue>{});
}

void bind_golden(py::module_& module) {
  py::classh<process::GoldenSet>(module, "GoldenSet", "Settings that are known to work for a context.")
      .def(py::init([](process::Recipe recipe, std::vector<NamedValue> context, std::string source) {
             return process::GoldenSet{
                 .context = std::move(context), .recipe = std::move(recipe), .source = std::move(source)};
           }),
           py::arg("recipe"), py::arg("context") = std::vector<NamedValue>{}, py::arg("source") = "")
      .def_readonly("context", &process::GoldenSet::context)
      .def_readonly("recipe", &process::GoldenSet::recipe)
      .def_readonly("source", &process::GoldenSet::source);
}

}  // namespace

void bind_guard_request(py::module_& module) {
  bind_options(module);
  bind_request(module);
  bind_golden(module);
}

}  // namespace luban::bindings
