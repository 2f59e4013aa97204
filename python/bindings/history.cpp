// The history: contents are built and merged here; files are in history_files.cpp.
#include <luban/history/content.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "arrays.hpp"
#include "history_parts.hpp"
#include "long_call.hpp"

namespace luban::bindings {
namespace {

using namespace history;
using Integers = InputArray<std::int64_t>;
using Texts = std::vector<std::string>;

/// One import as the arrays of its columns; texts that are the same throughout may be empty.
void set_runs(Content& content, Texts run_id, Texts group, const py::dict& columns, process::Table parameters,
              process::Table context, process::Table identifiers) {
  Runs& runs = content.runs;
  runs.run_id = std::move(run_id);
  runs.group = std::move(group);
  const auto take = [&columns](const char* name, auto& target) {
    if (columns.contains(name)) target = columns[name].cast<std::decay_t<decltype(target)>>();
  };
  take("start_time", runs.start_time);
  take("end_time", runs.end_time);
  take("status", runs.status);
  take("equipment", runs.equipment);
  take("material_lot", runs.material_lot);
  take("recipe", runs.recipe);
  runs.parameters = std::move(parameters);
  runs.context = std::move(context);
  runs.identifiers = std::move(identifiers);
}

void set_readings(Content& content, const Integers& run, const Integers& repeat, const Integers& time,
                  process::Table noise, process::Table auxiliary) {
  content.readings = {.run = copy_in(run, "run"),
                      .repeat = copy_in(repeat, "repeat"),
                      .time = copy_in(time, "time"),
                      .noise = std::move(noise),
                      .auxiliary = std::move(auxiliary)};
}

void add_response(Content& content, std::string name, std::string unit, const Integers& reading,
                  const InputArray<double>& value, std::int64_t time, const InputArray<std::int32_t>& quality) {
  ResponseEvents events;
  events.name = std::move(name);
  events.unit = std::move(unit);
  events.reading = copy_in(reading, "reading");
  events.value = copy_in(value, "value");
  events.time.assign(events.reading.size(), time);
  events.quality = copy_in(quality, "quality");
  content.responses.push_back(std::move(events));
}

void add_trace(Content& content, std::string name, std::string unit, const InputArray<float>& values,
               const Integers& offsets, std::int64_t period, const Integers& start_time, const Integers& times) {
  TraceColumn trace;
  trace.name = std::move(name);
  trace.unit = std::move(unit);
  trace.period = period;
  trace.values = copy_in(values, "values");
  trace.offsets = copy_in(offsets, "offsets");
  trace.start_time = copy_in(start_time, "start_time");
  trace.times = copy_in(times, "times");
  content.traces.push_back(std::move(trace));
}

void set_genealogy(Content& content, Texts child_lot, Texts parent_lot, const InputArray<double>& quantity, Texts unit,
                   const Integers& time) {
  content.genealogy = {.child_lot = std::move(child_lot),
                       .parent_lot = std::move(parent_lot),
                       .quantity = copy_in(quantity, "quantity"),
                       .unit = std::move(unit),
                       .time = copy_in(time, "time"),
                       .source = {}};
}

void set_recipes(Content& content, Texts recipe, Texts parameter, const InputArray<double>& value, Texts category,
                 Texts unit) {
  content.recipes = {.recipe = std::move(recipe),
                     .parameter = std::move(parameter),
                     .value = copy_in(value, "value"),
                     .category = std::move(category),
                     .unit = std::move(unit),
                     .source = {}};
}

void set_quarantine(Content& content, const Integers& source_row, Texts column, Texts value, Texts reason,
                    Texts scope) {
  content.quarantine = {.source = {},
                        .source_row = copy_in(source_row, "source_row"),
                        .column = std::move(column),
                        .value = std::move(value),
                        .reason = std::move(reason),
                        .scope = std::move(scope)};
}

void bind_merge(py::module_& module) {
  py::classh<MergeReport>(module, "MergeReport", "What a merge did.")
      .def_readonly("runs_added", &MergeReport::runs_added)
      .def_readonly("readings_added", &MergeReport::readings_added)
      .def_readonly("values_added", &MergeReport::values_added)
      .def_readonly("values_corrected", &MergeReport::values_corrected)
      .def_readonly("values_unchanged", &MergeReport::values_unchanged)
      .def_readonly("traces_added", &MergeReport::traces_added)
      .def_readonly("material_added", &MergeReport::material_added)
      .def_readonly("quarantined", &MergeReport::quarantined)
      .def_property_readonly("changed", &MergeReport::changed)
      .def_property_readonly("refused_readings",
                             [](const MergeReport& report) { return move_out(report.refused_readings); })
      .def_property_readonly(
          "refused_reasons",
          [](const MergeReport& report) {
            py::list out;
            for (std::size_t i = 0; i < report.refused.size(); ++i) {
              out.append(py::make_tuple(report.refused.column[i], report.refused.reason[i], report.refused.scope[i]));
            }
            return out;
          },
          "Column, reason and scope of what the merge itself refused.");
  module.def(
      "merge",
      [](Content& history, Content& addition, const Integers& source_rows) {
        Content taken = std::exchange(addition, {});
        const std::vector<std::int64_t> rows = copy_in(source_rows, "source_rows");
        return long_call(py::none(), [&](const core::CallControl&) { return merge(history, std::move(taken), rows); });
      },
      py::arg("history"), py::arg("addition"), py::arg("source_rows"),
      "Adds one import to a history; see luban::history::merge. The addition is empty afterwards.");
}

void bind_content(py::module_& module) {
  py::classh<ProcessVersion>(module, "ProcessVersion", "A process definition as it stood at some time.")
      .def(py::init<std::string, std::string, std::int64_t>(), py::arg("definition"), py::arg("document"),
           py::arg("time"))
      .def_readonly("definition", &ProcessVersion::definition)
      .def_readonly("document", &ProcessVersion::document)
      .def_readonly("time", &ProcessVersion::time);
  py::classh<Provenance> provenance(module, "Provenance", "One link of the chain of imports.");
  provenance.def(py::init<>());
  for (const auto& [name, field] : {std::pair{"who", &Provenance::who},
                                    {"what", &Provenance::what},
                                    {"tool", &Provenance::tool},
                                    {"input_name", &Provenance::input_name},
                                    {"input_digest", &Provenance::input_digest}}) {
    provenance.def_readwrite(name, field);
  }
  provenance.def_readwrite("time", &Provenance::time).def_readwrite("rows", &Provenance::rows);
  for (const auto& [name, field] : {std::pair{"runs", &Provenance::runs},
                                    {"readings", &Provenance::readings},
                                    {"events", &Provenance::events},
                                    {"quarantined", &Provenance::quarantined}}) {
    provenance.def_readonly(name, field);
  }
  provenance.def_readonly("previous", &Provenance::previous).def_readonly("link", &Provenance::link);
  py::classh<Content>(module, "Content", "A whole history, or one import, in memory.")
      .def(py::init<>())
      .def_readonly("process", &Content::process)
      .def_readonly("provenance", &Content::provenance)
      .def("add_process", [](Content& content, const ProcessVersion& version) { content.process.push_back(version); })
      .def("add_provenance", [](Content& content, const Provenance& entry) { content.provenance.push_back(entry); })
      .def("set_runs", &set_runs, py::arg("run_id"), py::arg("group"), py::arg("columns"), py::arg("parameters"),
           py::arg("context"), py::arg("identifiers"))
      .def("set_readings", &set_readings, py::arg("run"), py::arg("repeat"), py::arg("time"), py::arg("noise"),
           py::arg("auxiliary"))
      .def("add_response", &add_response, py::arg("name"), py::arg("unit"), py::arg("reading"), py::arg("value"),
           py::arg("time"), py::arg("quality") = InputArray<std::int32_t>(0))
      .def(
          "set_achieved",
          [](Content& content, process::Table achieved) { content.runs.achieved = std::move(achieved); },
          py::arg("achieved"), "What the machine reached: columns named as the parameters, one row per run.")
      .def("add_trace", &add_trace, py::arg("name"), py::arg("unit"), py::arg("values"), py::arg("offsets"),
           py::arg("period_ns"), py::arg("start_time") = Integers(0), py::arg("times") = Integers(0),
           "Samples of one channel: run i owns values[offsets[i]:offsets[i + 1]].")
      .def("set_genealogy", &set_genealogy, py::arg("child_lot"), py::arg("parent_lot"), py::arg("quantity"),
           py::arg("unit"), py::arg("time"))
      .def("set_recipes", &set_recipes, py::arg("recipe"), py::arg("parameter"), py::arg("value"), py::arg("category"),
           py::arg("unit"))
      .def("set_quarantine", &set_quarantine, py::arg("source_row"), py::arg("column"), py::arg("value"),
           py::arg("reason"), py::arg("scope"));
  module.attr("run_status_names") = run_status_names();
}

}  // namespace

PYBIND11_MODULE(_history, module) {
  module.doc() = "Private: what luban binds of the HDF5 history.";
  py::module_::import("luban._core");  // Table, TableSource and the errors live there
  bind_content(module);
  bind_merge(module);
  bind_history_files(module);
  bind_history_arrays(module);
  bind_history_passes(module);
}

}  // namespace luban::bindings
