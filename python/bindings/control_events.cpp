// What goes into the mode machine: words, facts of a cycle, requests.
#include <string>
#include <utility>
#include <vector>

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/control/event.hpp>
#include <luban/control/options.hpp>
#include <luban/control/reason.hpp>
#include <luban/control/transition.hpp>

#include "control_parts.hpp"

namespace luban::bindings {
namespace {

using namespace control;

template <typename E, typename Values>
void bind_enum(py::module_& module, const char* title, const char* doc, const Values& values) {
  py::native_enum<E> out(module, title, "enum.Enum", doc);
  for (const E value : values) out.value(std::string(name(value)).c_str(), value);
  out.finalize();
}

void bind_cycle(py::module_& module) {
  const Cycle worst;
  py::classh<Cycle>(module, "Cycle",
                    "One cycle and what is known in it; a fact that nobody states counts as its worst.")
      .def(py::init([](InputQuality inputs, RecommendationState recommendation, std::string recommendation_id,
                       GuardDecision guard, WriteOutcome write, OptimizerState optimizer, GoldenState golden,
                       bool journal_writable, bool plant_connected, bool plant_trip, bool drift,
                       std::vector<std::string> moved) {
             return Cycle{.inputs = inputs,
                          .recommendation = recommendation,
                          .recommendation_id = std::move(recommendation_id),
                          .guard = guard,
                          .write = write,
                          .optimizer = optimizer,
                          .golden = golden,
                          .journal_writable = journal_writable,
                          .plant_connected = plant_connected,
                          .plant_trip = plant_trip,
                          .drift = drift,
                          .moved = std::move(moved)};
           }),
           py::kw_only(), py::arg_v("inputs", worst.inputs, "InputQuality.bad"),
           py::arg_v("recommendation", worst.recommendation, "RecommendationState.none"),
           py::arg("recommendation_id") = worst.recommendation_id,
           py::arg_v("guard", worst.guard, "GuardDecision.none"), py::arg_v("write", worst.write, "WriteOutcome.none"),
           py::arg_v("optimizer", worst.optimizer, "OptimizerState.dead"),
           py::arg_v("golden", worst.golden, "GoldenState.none"), py::arg("journal_writable") = worst.journal_writable,
           py::arg("plant_connected") = worst.plant_connected, py::arg("plant_trip") = worst.plant_trip,
           py::arg("drift") = worst.drift, py::arg("moved") = worst.moved)
      .def_readonly("inputs", &Cycle::inputs)
      .def_readonly("recommendation", &Cycle::recommendation)
      .def_readonly("recommendation_id", &Cycle::recommendation_id)
      .def_readonly("guard", &Cycle::guard)
      .def_readonly("write", &Cycle::write)
      .def_readonly("optimizer", &Cycle::optimizer)
      .def_readonly("golden", &Cycle::golden)
      .def_readonly("journal_writable", &Cycle::journal_writable)
      .def_readonly("plant_connected", &Cycle::plant_connected)
      .def_readonly("plant_trip", &Cycle::plant_trip)
      .def_readonly("drift", &Cycle::drift)
      .def_readonly("moved", &Cycle::moved);
}

}  // namespace

void bind_control_words(py::module_& module) {
  bind_enum<ControlMode>(module, "ControlMode", "How far the loop is closed.", control_modes);
  bind_enum<PersonRole>(module, "PersonRole", "What a person may do.", roles);
  bind_enum<Privilege>(module, "Privilege", "What a person can ask for.", privileges);
  bind_enum<ControlReason>(module, "ControlReason", "Why a mode, a missing write or a refusal is what it is.",
                           reason_codes());
  bind_enum<InputQuality>(module, "InputQuality", "Whether the inputs of a cycle may be used.", input_qualities);
  bind_enum<RecommendationState>(module, "RecommendationState", "Whether there is something to write.",
                                 recommendation_states);
  bind_enum<GuardDecision>(module, "GuardDecision", "What the guard says of what would be written.", guard_decisions);
  bind_enum<WriteOutcome>(module, "WriteOutcome", "What became of the write since the last cycle.", write_outcomes);
  bind_enum<OptimizerState>(module, "OptimizerState", "What the optimizer's counter says.", optimizer_states);
  bind_enum<GoldenState>(module, "GoldenState", "Whether a golden set exists for the present recipe.", golden_states);
  bind_enum<PlantKind>(module, "PlantKind", "What the outputs act on.", plant_kinds);
  bind_enum<WriteKind>(module, "WriteKind", "What may be written.", write_kinds);
  bind_enum<AlarmPriority>(module, "AlarmPriority", "How soon an operator should act.", alarm_priorities);
  bind_enum<EntryKind>(module, "EntryKind", "What an entry for the journal is about.", entry_kinds);
  module.def("least_role", &least_role, py::arg("privilege"), "The least role that holds a privilege.");
  module.def("permitted", &permitted, py::arg("role"), py::arg("privilege"), "Whether a role holds a privilege.");
  module.def("may_lower", &may_lower, py::arg("from_mode"), py::arg("to_mode"),
             "Whether anybody may take the loop from one mode to the other at once.");
}

void bind_control_events(py::module_& module) {
  bind_cycle(module);
  py::classh<RaiseRequest>(module, "RaiseRequest", "A person asks for more authority.")
      .def(py::init([](ControlMode mode, std::string person, PersonRole role, std::string second_person,
                       PersonRole second_role) {
             return RaiseRequest{.mode = mode,
                                 .person = std::move(person),
                                 .role = role,
                                 .second_person = std::move(second_person),
                                 .second_role = second_role};
           }),
           py::kw_only(), py::arg("mode"), py::arg("person"), py::arg("role"), py::arg("second_person") = "",
           py::arg_v("second_role", PersonRole::none, "PersonRole.none"));
  py::classh<LowerRequest>(module, "LowerRequest", "Anybody asks for less authority.")
      .def(py::init([](ControlMode mode, std::string person) {
             return LowerRequest{.mode = mode, .person = std::move(person)};
           }),
           py::kw_only(), py::arg("mode"), py::arg("person") = "");
  py::classh<TripRequest>(module, "TripRequest", "Anybody stops the loop so that it stays stopped.")
      .def(py::init([](std::string person) { return TripRequest{.person = std::move(person)}; }), py::kw_only(),
           py::arg("person") = "");
  py::classh<ResetRequest>(module, "ResetRequest", "A person acknowledges a trip.")
      .def(py::init([](std::string person, PersonRole role) {
             return ResetRequest{.person = std::move(person), .role = role};
           }),
           py::kw_only(), py::arg("person"), py::arg("role"));
  py::classh<ApproveRequest>(module, "ApproveRequest", "A person approves one recommendation that is on offer.")
      .def(py::init([](std::string id, std::string person, PersonRole role) {
             return ApproveRequest{.recommendation_id = std::move(id), .person = std::move(person), .role = role};
           }),
           py::kw_only(), py::arg("recommendation_id"), py::arg("person"), py::arg("role"));
  py::classh<EngageRequest>(module, "EngageRequest", "A person gives a released variable back to the loop.")
      .def(py::init([](std::string variable, std::string person, PersonRole role) {
             return EngageRequest{.variable = std::move(variable), .person = std::move(person), .role = role};
           }),
           py::kw_only(), py::arg("variable"), py::arg("person"), py::arg("role"));
  py::classh<FileRequest>(module, "FileRequest", "A loop file or a command line wishes a mode at the start.")
      .def(py::init([](ControlMode mode) { return FileRequest{.mode = mode}; }), py::kw_only(), py::arg("mode"));
  py::classh<Restarted>(module, "Restarted", "The process that steps the controller was started again.")
      .def(py::init<>());
}

}  // namespace luban::bindings
