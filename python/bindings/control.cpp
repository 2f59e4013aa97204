// What comes out of the mode machine. Leave to write is only handed through: Python cannot make it either.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/chrono.h>
#include <pybind11/stl.h>

#include <luban/control/controller.hpp>

#include "bindings.hpp"
#include "control_parts.hpp"

namespace luban::bindings {
namespace {

using namespace control;

void bind_options(py::module_& module) {
  py::classh<ControlledVariable>(module, "ControlledVariable", "One output of the loop.")
      .def(py::init([](std::string name, bool critical) {
             return ControlledVariable{.name = std::move(name), .critical = critical};
           }),
           py::arg("name"), py::kw_only(), py::arg("critical") = ControlledVariable{}.critical)
      .def_readonly("name", &ControlledVariable::name)
      .def_readonly("critical", &ControlledVariable::critical);
  const ControlPlan plan;
  py::classh<ControlPlan>(module, "ControlPlan", "What is controlled; fixed while the process runs.")
      .def(py::init([](std::vector<ControlledVariable> variables, PlantKind plant, core::Nanoseconds cycle,
                       std::string model) {
             ControlPlan out{
                 .plant = plant, .cycle = cycle, .variables = std::move(variables), .model = std::move(model)};
             out.validate();
             return out;
           }),
           py::arg("variables"), py::kw_only(), py::arg_v("plant", plan.plant, "PlantKind.real"),
           py::arg("cycle") = plan.cycle, py::arg("model") = plan.model)
      .def_readonly("plant", &ControlPlan::plant)
      .def_readonly("cycle", &ControlPlan::cycle)
      .def_readonly("variables", &ControlPlan::variables)
      .def_readonly("model", &ControlPlan::model);
  const ControlOptions defaults;
  py::classh<ControlOptions>(module, "ControlOptions", "When authority is given and when it is taken away.")
      .def(py::init([](core::Nanoseconds dwell, int missed_cycles, int troubled_cycles, int hold_cycles,
                       int failed_writes_to_hold, int failed_writes_to_trip, std::int64_t shadow_cycles) {
             const ControlOptions out{.dwell = dwell,
                                      .missed_cycles = missed_cycles,
                                      .troubled_cycles = troubled_cycles,
                                      .hold_cycles = hold_cycles,
                                      .failed_writes_to_hold = failed_writes_to_hold,
                                      .failed_writes_to_trip = failed_writes_to_trip,
                                      .shadow_cycles = shadow_cycles};
             out.validate();
             return out;
           }),
           py::kw_only(), py::arg("dwell") = defaults.dwell, py::arg("missed_cycles") = defaults.missed_cycles,
           py::arg("troubled_cycles") = defaults.troubled_cycles, py::arg("hold_cycles") = defaults.hold_cycles,
           py::arg("failed_writes_to_hold") = defaults.failed_writes_to_hold,
           py::arg("failed_writes_to_trip") = defaults.failed_writes_to_trip,
           py::arg("shadow_cycles") = defaults.shadow_cycles)
      .def_readonly("dwell", &ControlOptions::dwell)
      .def_readonly("missed_cycles", &ControlOptions::missed_cycles)
      .def_readonly("troubled_cycles", &ControlOptions::troubled_cycles)
      .def_readonly("hold_cycles", &ControlOptions::hold_cycles)
      .def_readonly("failed_writes_to_hold", &ControlOptions::failed_writes_to_hold)
      .def_readonly("failed_writes_to_trip", &ControlOptions::failed_writes_to_trip)
      .def_readonly("shadow_cycles", &ControlOptions::shadow_cycles);
}

void bind_decision(py::module_& module) {
  py::classh<ControlAlarm>(module, "ControlAlarm", "Something an operator should act on; raised once.")
      .def_readonly("reason", &ControlAlarm::reason)
      .def_readonly("priority", &ControlAlarm::priority);
  py::classh<ControlEntry>(module, "ControlEntry", "What must be recorded of a step; `write` before the write.")
      .def_readonly("kind", &ControlEntry::kind)
      .def_readonly("number", &ControlEntry::number)
      .def("to_json", [](const ControlEntry& entry) { return entry.to_json().dump(); });
  py::classh<ControlDecision>(module, "ControlDecision", "What one event leads to.")
      .def_readonly("before", &ControlDecision::before)
      .def_readonly("requested", &ControlDecision::requested)
      .def_readonly("achieved", &ControlDecision::achieved)
      .def_readonly("requested_reasons", &ControlDecision::requested_reasons)
      .def_readonly("achieved_reasons", &ControlDecision::achieved_reasons)
      .def_readonly("accepted", &ControlDecision::accepted)
      .def_readonly("refusal_reasons", &ControlDecision::refusal_reasons)
      .def_readonly("write", &ControlDecision::write)
      .def_readonly("no_write_reasons", &ControlDecision::no_write_reasons)
      .def_readonly("released", &ControlDecision::released)
      .def_readonly("alarms", &ControlDecision::alarms)
      .def_readonly("entries", &ControlDecision::entries);
}

void bind_state(py::module_& module) {
  py::classh<ControllerState>(module, "ControllerState", "All that a controller remembers.")
      .def(py::init<>())
      .def_static("from_text", &ControllerState::from_text, py::arg("text"),
                  "The state that to_text() wrote; IntegrityError for anything else.")
      .def("to_text", &ControllerState::to_text)
      .def("to_json", [](const ControllerState& state) { return state.to_json().dump(); })
      .def_readonly("requested", &ControllerState::requested)
      .def_readonly("achieved", &ControllerState::achieved)
      .def_readonly("released", &ControllerState::released)
      .def_readonly("offered", &ControllerState::offered)
      .def_readonly("approved", &ControllerState::approved)
      .def_readonly("shadow_cycles", &ControllerState::shadow_cycles)
      .def_readonly("unmet", &ControllerState::unmet)
      .def("__eq__", [](const ControllerState& a, const ControllerState& b) { return a == b; });
  module.def(
      "control_transition",
      [](const ControlPlan& plan, const ControlOptions& options, const ControllerState& state, const Event& event,
         std::int64_t elapsed) {
        Transition out = transition(plan, options, state, event, core::Nanoseconds(elapsed));
        return std::pair(std::move(out.state), std::move(out.decision));
      },
      py::arg("plan"), py::arg("options"), py::arg("state"), py::arg("event"), py::kw_only(), py::arg("elapsed"),
      "The mode machine as a function: the next state and what it decides; `elapsed` nanoseconds since the last "
      "cycle.");
  module.def("damaged_state", &damaged_state, py::arg("plan"), "The state of a loop whose kept state cannot be read.");
}

void bind_controller(py::module_& module) {
  py::classh<WritePermission>(module, "WritePermission", "Leave to write in one cycle; only a Controller makes one.")
      .def_property_readonly("kind", &WritePermission::kind)
      .def_property_readonly("recommendation_id", &WritePermission::recommendation_id)
      .def_property_readonly("released", &WritePermission::released)
      .def_property_readonly("entry", &WritePermission::entry);
  py::classh<ControlActions>(module, "ControlActions", "What the caller does after an event.")
      .def_readonly("decision", &ControlActions::decision)
      .def_readonly("permission", &ControlActions::permission);
  py::classh<Controller>(module, "Controller", "The mode machine with the state it keeps.")
      .def(py::init<ControlPlan, ControlOptions>(), py::arg("plan"),
           py::arg_v("options", ControlOptions{}, "ControlOptions()"))
      .def_static(
          "restored",
          [](const py::bytes& text, const ControlPlan& plan, const ControlOptions& options) {
            return std::make_unique<Controller>(Controller::restored(std::string(text), plan, options));
          },
          py::arg("state_text"), py::arg("plan"), py::arg_v("options", ControlOptions{}, "ControlOptions()"),
          "A loop that ran before, from its kept state; tripped when that cannot be read.")
      .def(
          "step",
          [](Controller& controller, const Event& event, std::int64_t now) {
            return controller.step(event, core::Nanoseconds(now));
          },
          py::arg("event"), py::kw_only(), py::arg("now"), "`now`: nanoseconds of a monotonic clock.")
      .def("redeem", &Controller::redeem, py::arg("permission"), py::kw_only(), py::arg("journaled"),
           "Whether the write may go out now; true once. `journaled`: number of the last entry that is synced.")
      .def_property_readonly("latest", &Controller::latest, py::return_value_policy::copy)
      .def_property_readonly("state", &Controller::state, py::return_value_policy::copy)
      .def_property_readonly("plan", &Controller::plan, py::return_value_policy::copy)
      .def_property_readonly("options", &Controller::options, py::return_value_policy::copy)
      .def_property_readonly("damage",
                             [](const Controller& controller) {
                               const std::string& text = controller.damage();  // quotes what was found: any bytes
                               return py::reinterpret_steal<py::str>(
                                   PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace"));
                             })
      .def_property_readonly("state_text", &Controller::state_text);
}

}  // namespace

void bind_control(py::module_& module) {
  bind_control_words(module);
  bind_control_events(module);
  bind_options(module);
  bind_decision(module);
  bind_state(module);
  bind_controller(module);
}

}  // namespace luban::bindings
