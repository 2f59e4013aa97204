// The history: contents are built and merged here, files are opened as sources of rows.
#include <luban/history/content.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>
#include <luban/history/writer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
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

core::UtcTime utc(std::int64_t count) {
  return core::UtcTime(core::Nanoseconds(count));
}

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
                  const InputArray<double>& value, std::int64_t time) {
  ResponseEvents events;
  events.name = std::move(name);
  events.unit = std::move(unit);
  events.reading = copy_in(reading, "reading");
  events.value = copy_in(value, "value");
  events.time.assign(events.reading.size(), time);
  content.responses.push_back(std::move(events));
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

py::dict quarantine_columns(const Quarantine& quarantine) {
  using namespace py::literals;
  return py::dict("source"_a = quarantine.source, "source_row"_a = quarantine.source_row,
                  "column"_a = quarantine.column, "value"_a = quarantine.value, "reason"_a = quarantine.reason,
                  "scope"_a = quarantine.scope);
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
  py::classh<MergeReport>(module, "MergeReport", "What a merge did.")
      .def_readonly("runs_added", &MergeReport::runs_added)
      .def_readonly("readings_added", &MergeReport::readings_added)
      .def_readonly("values_added", &MergeReport::values_added)
      .def_readonly("values_corrected", &MergeReport::values_corrected)
      .def_readonly("values_unchanged", &MergeReport::values_unchanged)
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
           py::arg("time"))
      .def("set_quarantine", &set_quarantine, py::arg("source_row"), py::arg("column"), py::arg("value"),
           py::arg("reason"), py::arg("scope"));
  module.def(
      "merge",
      [](Content& history, Content addition, const Integers& source_rows) {
        const std::vector<std::int64_t> rows = copy_in(source_rows, "source_rows");
        return long_call(py::none(),
                         [&](const core::CallControl&) { return merge(history, std::move(addition), rows); });
      },
      py::arg("history"), py::arg("addition"), py::arg("source_rows"),
      "Adds one import to a history; see luban::history::merge.");
  module.attr("run_status_names") = run_status_names();
}

std::string write_content(Content& content, const std::string& path, bool replace,
                          std::optional<std::string> expected_digest, const py::object& progress,
                          const std::string& compression, int level) {
  const WriteOptions options{.compression = make_compression(compression, level),
                             .replace = replace,
                             .expected_digest = std::move(expected_digest)};
  return long_call(progress, [&](const core::CallControl& control) { return write(content, path, options, control); });
}

void bind_files(py::module_& module) {
  py::classh<HistoryFile, process::TableSource>(module, "HistoryFile", "An open history, read-only, by readings.")
      .def_property_readonly("path", &HistoryFile::path)
      .def_property_readonly("uuid", &HistoryFile::uuid)
      .def_property_readonly("created_time",
                             [](const HistoryFile& file) { return file.created_time().since_epoch().count(); })
      .def_property_readonly("content_digest", &HistoryFile::content_digest)
      .def_property_readonly("process_versions", &HistoryFile::process_versions)
      .def_property_readonly("provenance", &HistoryFile::provenance)
      .def("quarantine", [](const HistoryFile& file) { return quarantine_columns(file.quarantine()); })
      .def("content", &HistoryFile::content, py::call_guard<py::gil_scoped_release>())
      .def(
          "view",
          [](const HistoryFile& file, process::Grain grain, std::int64_t as_of) {
            return std::const_pointer_cast<process::TableSource>(file.view({.grain = grain, .as_of = utc(as_of)}));
          },
          py::arg("grain"), py::arg("as_of") = core::UtcTime::missing_count,
          "Rows of another grain, or as known at some time.");
  module.def(
      "open",
      [](const std::string& path) {
        return long_call(py::none(), [&](const core::CallControl&) {
          return std::const_pointer_cast<HistoryFile>(HistoryFile::open(path));
        });
      },
      py::arg("path"), "Opens a history file.");
  module.def(
      "in_memory",
      [](const Content& content) {
        return long_call(py::none(), [&](const core::CallControl& control) {
          return std::const_pointer_cast<HistoryFile>(HistoryFile::in_memory(content, control));
        });
      },
      py::arg("content"), "The same file in memory.");
  module.def("write", &write_content, py::arg("content"), py::arg("path"), py::arg("replace") = false,
             py::arg("expected_digest") = py::none(), py::arg("progress") = py::none(),
             py::arg("compression") = "deflate", py::arg("level") = -1,
             "Writes a history file (compression: deflate, zstd, lz4 or none); returns its content digest.");
  py::classh<VerifyReport>(module, "VerifyReport", "What verification found.")
      .def_readonly("path", &VerifyReport::path)
      .def_readonly("content_digest", &VerifyReport::content_digest)
      .def_readonly("runs", &VerifyReport::runs)
      .def_readonly("readings", &VerifyReport::readings)
      .def_readonly("events", &VerifyReport::events)
      .def_readonly("datasets", &VerifyReport::datasets)
      .def_property_readonly("ok", &VerifyReport::ok)
      .def_property_readonly("damages", [](const VerifyReport& report) {
        std::vector<std::pair<std::string, std::string>> out;
        for (const Damage& damage : report.damages) out.emplace_back(damage.object, damage.what);
        return out;
      });
  module.def(
      "verify",
      [](const std::string& path, const py::object& progress) {
        return long_call(progress, [&](const core::CallControl& control) { return verify(path, control); });
      },
      py::arg("path"), py::arg("progress") = py::none(), "Reads every byte of a history file and checks it.");
}

}  // namespace

PYBIND11_MODULE(_history, module) {
  module.doc() = "Private: what luban binds of the HDF5 history.";
  py::module_::import("luban._core");  // Table, TableSource and the errors live there
  bind_content(module);
  bind_files(module);
  bind_history_arrays(module);
}

}  // namespace luban::bindings
