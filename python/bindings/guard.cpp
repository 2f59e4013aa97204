// The guard and its answers. A setpoint has no constructor here and cannot be copied or pickled.
#include <luban/guard/guard.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include "guard_parts.hpp"

namespace luban::bindings {
namespace {

using namespace guard;
using process::NamedValue;

py::object number_or_none(double value) {
  return std::isnan(value) ? py::object(py::none()) : py::object(py::float_(value));
}

py::dict finding_dict(const GuardFinding& finding) {
  using namespace py::literals;
  return py::dict("reason"_a = py::cast(finding.reason).attr("name"),
                  "subject"_a = py::cast(finding.subject).attr("name"), "name"_a = finding.name,
                  "observed"_a = number_or_none(finding.observed), "limit"_a = number_or_none(finding.limit),
                  "unit"_a = finding.unit);
}

py::dict verdict_dict(const Verdict& verdict) {
  using namespace py::literals;
  py::list findings;
  for (const GuardFinding& finding : verdict.findings) findings.append(finding_dict(finding));
  return py::dict("decision"_a = py::cast(verdict.decision).attr("name"), "findings"_a = findings);
}

py::dict setpoint_dict(const Setpoint& setpoint) {
  using namespace py::literals;
  py::dict values;
  py::dict expected;
  py::dict units;
  for (const NamedValue& item : setpoint.values()) {
    values[py::str(item.name)] = item.value;
    units[py::str(item.name)] = item.unit;
  }
  for (const NamedValue& item : setpoint.expected()) expected[py::str(item.name)] = item.value;
  return py::dict("command_id"_a = setpoint.command_id(), "cycle"_a = setpoint.cycle(),
                  "sequence"_a = setpoint.sequence(), "deadline_ns"_a = setpoint.deadline().since_start().count(),
                  "values"_a = values, "expected"_a = expected, "units"_a = units);
}

void bind_codes(py::module_& module) {
  py::native_enum<Decision>(module, "Decision", "enum.Enum", "What becomes of a proposal.")
      .value("accept", Decision::accept)
      .value("clamp", Decision::clamp)
      .value("hold", Decision::hold)
      .value("reject", Decision::reject)
      .finalize();
  py::native_enum<Subject>(module, "Subject", "enum.Enum", "What a finding is about.")
      .value("request", Subject::request)
      .value("input", Subject::input)
      .value("context", Subject::context)
      .value("output", Subject::output)
      .value("proposal", Subject::proposal)
      .value("setpoint", Subject::setpoint)
      .finalize();
  py::native_enum<Reason>(module, "Reason", "enum.Enum", "Why, grouped by check in the order of the checks.")
      .value("stale", Reason::stale)
      .value("bad_quality", Reason::bad_quality)
      .value("uncertain_quality", Reason::uncertain_quality)
      .value("stuck", Reason::stuck)
      .value("skewed", Reason::skewed)
      .value("unknown_name", Reason::unknown_name)
      .value("missing", Reason::missing)
      .value("given_twice", Reason::given_twice)
      .value("wrong_kind", Reason::wrong_kind)
      .value("wrong_unit", Reason::wrong_unit)
      .value("not_finite", Reason::not_finite)
      .value("outside_instrument_range", Reason::outside_instrument_range)
      .value("unknown_category", Reason::unknown_category)
      .value("far_outside", Reason::far_outside)
      .value("time_reversed", Reason::time_reversed)
      .value("deadline_passed", Reason::deadline_passed)
      .value("sequence_not_increasing", Reason::sequence_not_increasing)
      .value("far_from_training", Reason::far_from_training)
      .value("combination_unseen", Reason::combination_unseen)
      .value("changed_by_others", Reason::changed_by_others)
      .value("within_dwell", Reason::within_dwell)
      .value("no_golden_set", Reason::no_golden_set)
      .value("below_low", Reason::below_low)
      .value("above_high", Reason::above_high)
      .value("too_fast", Reason::too_fast)
      .value("constraint_broken", Reason::constraint_broken)
      .value("not_whole", Reason::not_whole)
      .value("held", Reason::held)
      .value("returning", Reason::returning)
      .value("no_admissible_move", Reason::no_admissible_move)
      .value("category_with_clamp", Reason::category_with_clamp)
      .value("within_deadband", Reason::within_deadband)
      .finalize();
}

void bind_answers(py::module_& module) {
  py::classh<GuardFinding>(module, "GuardFinding", "One thing that a check found: codes and numbers.")
      .def_readonly("reason", &GuardFinding::reason)
      .def_readonly("subject", &GuardFinding::subject)
      .def_readonly("name", &GuardFinding::name)
      .def_readonly("observed", &GuardFinding::observed)
      .def_readonly("limit", &GuardFinding::limit)
      .def_readonly("unit", &GuardFinding::unit)
      .def("to_dict", &finding_dict);
  py::classh<Verdict>(module, "Verdict", "The decision and everything that the deciding check found.")
      .def_readonly("decision", &Verdict::decision)
      .def_readonly("findings", &Verdict::findings)
      .def(
          "sentences",
          [](const Verdict& verdict, const std::string& language) {
            const py::object words = py::module_::import("luban.guard").attr("sentences_of");
            return words(verdict, language).cast<std::vector<std::string>>();
          },
          py::arg("language") = "en", "What was decided and why, in complete sentences: language \"en\" or \"zh\".")
      .def("to_dict", &verdict_dict);
  const auto refuse = [](const py::args&, const py::kwargs&) -> py::object {
    throw py::type_error("setpoints come from Guard.judge and Guard.fallback alone; they are not copied or pickled");
  };
  py::classh<Setpoint>(module, "Setpoint", "Values that passed the guard and may be written until the deadline.",
                       py::is_final())
      .def_static("__new__", refuse)
      .def("__copy__", refuse)
      .def("__deepcopy__", refuse)
      .def("__reduce_ex__", refuse)
      .def_property_readonly("values", &Setpoint::values)
      .def_property_readonly("expected", &Setpoint::expected)
      .def_property_readonly("cycle", &Setpoint::cycle)
      .def_property_readonly("sequence", &Setpoint::sequence)
      .def_property_readonly("deadline_ns",
                             [](const Setpoint& setpoint) { return setpoint.deadline().since_start().count(); })
      .def_property_readonly("command_id", &Setpoint::command_id)
      .def("to_dict", &setpoint_dict);
  py::classh<Judgement>(module, "Judgement", "The guard's answer.", py::is_final())
      .def_static("__new__", refuse)
      .def_property_readonly("verdict", [](const Judgement& judgement) { return judgement.verdict; })
      .def_property_readonly("setpoint", [](const Judgement& judgement) { return judgement.setpoint; });
}

}  // namespace

void bind_guard(py::module_& module) {
  bind_codes(module);
  bind_answers(module);
  bind_guard_request(module);
  module.def("envelope_digest", &digest_of, py::arg("envelope"), "SHA-256 of an envelope's canonical JSON.");
  py::classh<Guard>(module, "Guard", "Judges proposals for one process.")
      .def(py::init([](const process::Process& process, const process::TrainingEnvelope& envelope,
                       const std::string& envelope_digest,
                       const GuardOptions& options) { return Guard(process, envelope, envelope_digest, options); }),
           py::arg("process"), py::arg("envelope"), py::arg("envelope_digest"), py::arg("options"))
      .def("judge", &Guard::judge, py::arg("request"), "A verdict, and a setpoint when it is accept or clamp.")
      .def("fallback", &Guard::fallback, py::arg("golden"), py::arg("request"),
           "One move towards the most specific golden set of the request's context.")
      .def_property_readonly("options", &Guard::options)
      .def_property_readonly("envelope_digest", &Guard::envelope_digest)
      .def_property_readonly("novelty_threshold", &Guard::novelty_threshold);
}

}  // namespace luban::bindings
