// History files and folders: opened as sources of rows, written, appended to, merged, verified.
#include <luban/history/appender.hpp>
#include <luban/history/compact.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>
#include <luban/history/writer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
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

py::dict quarantine_columns(const Quarantine& quarantine) {
  using namespace py::literals;
  return py::dict("source"_a = quarantine.source, "source_row"_a = quarantine.source_row,
                  "column"_a = quarantine.column, "value"_a = quarantine.value, "reason"_a = quarantine.reason,
                  "scope"_a = quarantine.scope);
}

py::dict genealogy_columns(const Genealogy& lots) {
  using namespace py::literals;
  return py::dict("child_lot"_a = lots.child_lot, "parent_lot"_a = lots.parent_lot,
                  "quantity"_a = move_out(lots.quantity), "unit"_a = lots.unit, "time"_a = move_out(lots.time),
                  "source"_a = lots.source);
}

py::dict recipe_columns(const Recipes& recipes) {
  using namespace py::literals;
  return py::dict("recipe"_a = recipes.recipe, "parameter"_a = recipes.parameter, "value"_a = move_out(recipes.value),
                  "category"_a = recipes.category, "unit"_a = recipes.unit, "source"_a = recipes.source);
}

RunFilter make_filter(std::int64_t since, std::int64_t before, Texts equipment, Texts status, Texts material_lot,
                      Texts recipe, Texts group, Texts run_id, const std::vector<std::pair<std::string, Texts>>& among,
                      const std::vector<std::tuple<std::string, double, double>>& between) {
  RunFilter filter{.since = utc(since),
                   .before = utc(before),
                   .equipment = std::move(equipment),
                   .status = std::move(status),
                   .material_lot = std::move(material_lot),
                   .recipe = std::move(recipe),
                   .group = std::move(group),
                   .run_id = std::move(run_id),
                   .among = {},
                   .between = {}};
  for (const auto& [column, values] : among) filter.among.push_back({column, values});
  for (const auto& [column, low, high] : between) filter.between.push_back({column, low, high});
  return filter;
}

/// Samples of a channel as arrays: run ids, values, offsets, start times, times (empty when regular), period.
py::tuple trace_arrays(const HistorySource& source, const std::string& name, std::int64_t as_of,
                       const RunFilter& filter) {
  TraceRows rows = long_call(py::none(), [&](const core::CallControl&) {
    return source.trace(name, {.grain = process::Grain::runs, .as_of = utc(as_of), .filter = filter});
  });
  TraceColumn& samples = rows.samples;
  return py::make_tuple(rows.run_id, move_out(std::move(samples.values)), move_out(std::move(samples.offsets)),
                        move_out(std::move(samples.start_time)), move_out(std::move(samples.times)), samples.period);
}

void bind_sources(py::module_& module) {
  constexpr std::int64_t missing = core::UtcTime::missing_count;
  py::classh<RunFilter>(module, "RunFilter", "Which runs of a history; see luban::history::RunFilter.")
      .def(py::init(&make_filter), py::arg("since") = missing, py::arg("before") = missing,
           py::arg("equipment") = Texts{}, py::arg("status") = Texts{}, py::arg("material_lot") = Texts{},
           py::arg("recipe") = Texts{}, py::arg("group") = Texts{}, py::arg("run_id") = Texts{},
           py::arg("among") = std::vector<std::pair<std::string, Texts>>{},
           py::arg("between") = std::vector<std::tuple<std::string, double, double>>{})
      .def_property_readonly("empty", &RunFilter::empty);
  py::classh<HistorySource, process::TableSource>(module, "HistorySource", "An open history, read-only, by readings.")
      .def_property_readonly("path", &HistorySource::path)
      .def_property_readonly("uuid", &HistorySource::uuid)
      .def_property_readonly("created_time",
                             [](const HistorySource& source) { return source.created_time().since_epoch().count(); })
      .def_property_readonly("content_digest", &HistorySource::content_digest)
      .def_property_readonly("process_versions", &HistorySource::process_versions)
      .def_property_readonly("latest_version", &HistorySource::latest_version)
      .def_property_readonly("provenance", &HistorySource::provenance)
      .def_property_readonly("input_digests", &HistorySource::input_digests)
      .def_property_readonly("traces",
                             [](const HistorySource& source) {
                               std::vector<std::tuple<std::string, std::string, std::int64_t>> out;
                               for (const TraceInfo& info : source.traces()) {
                                 out.emplace_back(info.name, info.unit, info.period);
                               }
                               return out;
                             })
      .def("trace", &trace_arrays, py::arg("name"), py::arg("as_of") = missing, py::arg("filter") = RunFilter{},
           "Samples of a channel with their times, of the runs that have any.")
      .def("quarantine", [](const HistorySource& source) { return quarantine_columns(source.quarantine()); })
      .def("genealogy", [](const HistorySource& source) { return genealogy_columns(source.genealogy()); })
      .def("recipes", [](const HistorySource& source) { return recipe_columns(source.recipes()); })
      .def("content", &HistorySource::content, py::call_guard<py::gil_scoped_release>())
      .def(
          "view",
          [](const HistorySource& source, process::Grain grain, std::int64_t as_of, const RunFilter& filter) {
            return long_call(py::none(), [&](const core::CallControl&) {
              return std::const_pointer_cast<process::TableSource>(
                  source.view({.grain = grain, .as_of = utc(as_of), .filter = filter}));
            });
          },
          py::arg("grain"), py::arg("as_of") = missing, py::arg("filter") = RunFilter{},
          "Rows of another grain, as known at some time, of some runs.");
  py::classh<HistoryFile, HistorySource>(module, "HistoryFile", "A history in one file, or in memory.");
  py::classh<HistoryFolder, HistorySource>(module, "HistoryFolder", "A history in a folder of segments.")
      .def_property_readonly("segment_count", &HistoryFolder::segment_count);
  module.def(
      "open",
      [](const std::string& path) {
        return long_call(py::none(), [&](const core::CallControl&) {
          return std::const_pointer_cast<HistorySource>(open_history(path));
        });
      },
      py::arg("path"), "Opens a history file or a folder of segments.");
  module.def(
      "in_memory",
      [](const Content& content) {
        return long_call(py::none(), [&](const core::CallControl& control) {
          return std::const_pointer_cast<HistoryFile>(HistoryFile::in_memory(content, control));
        });
      },
      py::arg("content"), "The same file in memory.");
}

std::string write_content(Content& content, const std::string& path, bool replace,
                          std::optional<std::string> expected_digest, const py::object& progress,
                          const std::string& compression, int level, bool proven) {
  const WriteOptions options{.compression = make_compression(compression, level),
                             .replace = replace,
                             .proven = proven,
                             .expected_digest = std::move(expected_digest)};
  return long_call(progress, [&](const core::CallControl& control) { return write(content, path, options, control); });
}

MergeReport append(Appender& appender, Content& addition, const Integers& source_rows, std::int64_t began, bool whole,
                   const py::object& progress) {
  Content taken = std::exchange(addition, {});
  const std::vector<std::int64_t> rows = copy_in(source_rows, "source_rows");
  const AppendOptions options{.began = core::UtcTime(core::Nanoseconds(began)), .whole = whole};
  return long_call(progress, [&](const core::CallControl& control) {
    return appender.append(std::move(taken), rows, options, control);
  });
}

CompactReport compact_folder(const std::string& folder, std::int64_t most_readings, std::int64_t most_bytes,
                             const std::string& head, const std::string& compression, const py::object& progress) {
  const WriteOptions writing{.compression = make_compression(compression)};
  return long_call(progress, [&](const core::CallControl& control) {
    return compact(folder, {.most_readings = most_readings, .most_bytes = most_bytes}, writing, head, control);
  });
}

void bind_writing(py::module_& module) {
  module.def(
      "write", &write_content, py::arg("content"), py::arg("path"), py::arg("replace") = false,
      py::arg("expected_digest") = py::none(), py::arg("progress") = py::none(), py::arg("compression") = "deflate",
      py::arg("level") = -1, py::arg("proven") = WriteOptions().proven,
      "Writes a history file (compression: deflate, zstd, lz4 or none; proven: read back, compared, sealed, synced); "
      "returns its content digest.");
  py::classh<Appender>(module, "Appender", "The one writer of a folder of segments.")
      .def(py::init([](const std::string& folder, const std::string& head, const std::string& compression, int level) {
             return std::make_unique<Appender>(folder,
                                               WriteOptions{.compression = make_compression(compression, level)}, head);
           }),
           py::arg("folder"), py::arg("head") = "", py::arg("compression") = "deflate", py::arg("level") = -1)
      .def(
          "begin",
          [](Appender& appender, Content content, const py::object& progress) {
            long_call(progress, [&](const core::CallControl& control) { appender.begin(std::move(content), control); });
          },
          py::arg("content"), py::arg("progress") = py::none(),
          "Takes a whole history with all its imports as the first segment; when it returns, it is on the disk.")
      .def("append", &append, py::arg("addition"), py::arg("source_rows"),
           py::arg("began") = core::UtcTime::missing_count, py::arg("whole") = false, py::arg("progress") = py::none(),
           "Adds one import, or a piece of one; when it returns, it is on the disk. The addition is empty afterwards.")
      .def("close", &Appender::close, "Lets go of the lock.")
      .def("history", [](Appender& appender) { return std::const_pointer_cast<HistoryFolder>(appender.history()); });
  py::classh<CompactReport>(module, "CompactReport", "What a compaction did.")
      .def_readonly("segments_before", &CompactReport::segments_before)
      .def_readonly("segments_after", &CompactReport::segments_after)
      .def_readonly("bytes_before", &CompactReport::bytes_before)
      .def_readonly("bytes_after", &CompactReport::bytes_after)
      .def_readonly("files_left", &CompactReport::files_left)
      .def_readonly("content_digest", &CompactReport::content_digest);
  const CompactOptions defaults;
  module.def("compact", &compact_folder, py::arg("folder"), py::arg("most_readings") = defaults.most_readings,
             py::arg("most_bytes") = defaults.most_bytes, py::arg("head") = "", py::arg("compression") = "deflate",
             py::arg("progress") = py::none(), "Merges neighbouring segments of a folder.");
}

/// Reports quote what was found in files, and that need not be UTF-8.
py::str readable(const std::string& bytes) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "replace"));
}

void bind_verify(py::module_& module) {
  py::classh<VerifyReport>(module, "VerifyReport", "What verification found.")
      .def_readonly("path", &VerifyReport::path)
      .def_readonly("content_digest", &VerifyReport::content_digest)
      .def_readonly("runs", &VerifyReport::runs)
      .def_readonly("readings", &VerifyReport::readings)
      .def_readonly("events", &VerifyReport::events)
      .def_readonly("datasets", &VerifyReport::datasets)
      .def_readonly("segments", &VerifyReport::segments)
      .def_property_readonly("notes",
                             [](const VerifyReport& report) {
                               py::list out;
                               for (const std::string& note : report.notes) out.append(readable(note));
                               return out;
                             })
      .def_property_readonly("ok", &VerifyReport::ok)
      .def_property_readonly("damages", [](const VerifyReport& report) {
        py::list out;
        for (const Damage& damage : report.damages) {
          out.append(py::make_tuple(readable(damage.object), readable(damage.what)));
        }
        return out;
      });
  module.def(
      "verify",
      [](const std::string& path, const py::object& progress, const std::string& head) {
        return long_call(progress, [&](const core::CallControl& control) { return verify(path, control, head); });
      },
      py::arg("path"), py::arg("progress") = py::none(), py::arg("head") = "",
      "Reads every byte of a history and checks it.");
}

}  // namespace

void bind_history_files(py::module_& module) {
  bind_sources(module);
  bind_writing(module);
  bind_verify(module);
}

}  // namespace luban::bindings
