#include <algorithm>
#include <luban/history/detail/schema.hpp>

namespace luban::history::detail {
namespace {

process::Table load_table(const TreeFile& file, const std::string& group) {
  process::Table table;
  for (const StoredColumn& column : stored_columns(file, group)) {
    table.add(as_column(column.info, file.read(column.path)));
  }
  return table;
}

Runs load_runs(const TreeFile& file) {
  Runs runs;
  runs.run_id = load<std::string>(file, "/runs/run_id");
  runs.start_time = load<std::int64_t>(file, "/runs/start_time");
  runs.end_time = load<std::int64_t>(file, "/runs/end_time");
  runs.status = load<std::int32_t>(file, "/runs/status");
  runs.group = load<std::string>(file, "/runs/group");
  runs.equipment = load<std::string>(file, "/runs/equipment");
  runs.material_lot = load<std::string>(file, "/runs/material_lot");
  runs.recipe = load<std::string>(file, "/runs/recipe");
  runs.source = load<std::int32_t>(file, "/runs/source");
  runs.parameters = load_table(file, "/parameters");
  runs.context = load_table(file, "/context");
  runs.identifiers = load_table(file, "/identifiers");
  for (const StoredColumn& column : stored_columns(file, "/parameters")) {
    const std::string reached = achieved_path(column);
    if (file.has(reached)) runs.achieved.add(as_column(column.info, file.read(reached)));
  }
  return runs;
}

Readings load_readings(const TreeFile& file) {
  Readings readings;
  readings.run = load<std::int64_t>(file, "/readings/run");
  readings.repeat = load<std::int64_t>(file, "/readings/repeat");
  readings.time = load<std::int64_t>(file, "/readings/time");
  readings.noise = load_table(file, "/readings");
  readings.auxiliary = load_table(file, "/auxiliary");
  return readings;
}

ResponseEvents load_events(const TreeFile& file, const StoredColumn& response) {
  ResponseEvents events;
  events.name = response.info.name;
  events.unit = response.info.unit;
  events.reading = load<std::int64_t>(file, response.path + "/reading");
  events.value = load<double>(file, response.path + "/value");
  events.time = load<std::int64_t>(file, response.path + "/time");
  events.quality = load<std::int32_t>(file, response.path + "/quality");
  events.source = load<std::int32_t>(file, response.path + "/source");
  if (std::find(events.reading.begin(), events.reading.end(), -1) == events.reading.end()) return events;
  const auto run_id = load<std::string>(file, response.path + "/run_id");
  const auto repeat = load<std::int64_t>(file, response.path + "/repeat");
  for (std::size_t i = 0; i < events.reading.size() && i < run_id.size() && i < repeat.size(); ++i) {
    if (events.reading[i] >= 0) continue;
    events.late_run_id.push_back(run_id[i]);
    events.late_repeat.push_back(repeat[i]);
  }
  return events;
}

TraceColumn load_trace(const TreeFile& file, const StoredTrace& stored) {
  TraceColumn trace;
  trace.name = stored.name;
  trace.unit = stored.unit;
  trace.period = stored.period;
  trace.values = load<float>(file, stored.path + "/values");
  trace.offsets = load<std::int64_t>(file, stored.path + "/offsets");
  trace.start_time = load<std::int64_t>(file, stored.path + "/start_time");
  if (stored.period == 0) trace.times = load<std::int64_t>(file, stored.path + "/times");
  trace.source = load<std::int32_t>(file, stored.path + "/source");
  return trace;
}

/// Sets one member of every entry from a column; the first column decides how many entries there are.
template <typename Entry, typename Field>
void fill(const TreeFile& file, const std::string& path, std::vector<Entry>& entries, Field Entry::*member) {
  std::vector<Field> values = load<Field>(file, path);
  if (entries.empty()) entries.resize(values.size());
  if (values.size() != entries.size()) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = std::to_string(entries.size()) + " rows as in the columns beside it",
                                .received = std::to_string(values.size()),
                                .place = file.path() + ", " + path,
                                .hint = {}});
  }
  for (std::size_t i = 0; i < values.size(); ++i) entries[i].*member = std::move(values[i]);
}

process::ColumnInfo stored_info(const Attributes& attributes, StoredKind kind, const std::string& path) {
  process::ColumnInfo info;
  info.name = text_attribute(attributes, "name");
  info.unit = text_attribute(attributes, "unit");
  if (info.name.empty()) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = "an attribute `name`",
                                .received = "none",
                                .place = path,
                                .hint = "every named column carries its whole name"});
  }
  switch (kind) {
    case StoredKind::float64:
      info.kind = process::ColumnKind::float64;
      break;
    case StoredKind::int64:
      info.kind = process::ColumnKind::time;
      break;
    case StoredKind::int32: {
      info.kind = process::ColumnKind::code;
      const AttributeValue* value = find(attributes, "categories");
      if (const auto* names = value != nullptr ? std::get_if<std::vector<std::string>>(value) : nullptr) {
        info.categories = *names;
      }
      break;
    }
    case StoredKind::float32:
      throw core::IntegrityError({.where = "history.read",
                                  .expected = "a column of float64, int64, int32 or text",
                                  .received = "float32, which only samples of traces have",
                                  .place = path,
                                  .hint = "the file was not written by this format's rules"});
    default:
      info.kind = process::ColumnKind::string;
  }
  return info;
}

}  // namespace

void require_history(const TreeFile& file) {
  const Attributes& root = file.groups().at("/");
  if (text_attribute(root, "format") != format_name) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "a production history (root attribute format = \"luban-history\")",
                                .received = "an HDF5 file of another kind",
                                .place = file.path(),
                                .hint = "read its tables with pandas and make a history with History.from_frame"});
  }
  const AttributeValue* value = find(root, "version");
  const auto* version = value != nullptr ? std::get_if<std::vector<std::int64_t>>(value) : nullptr;
  if (version == nullptr || version->size() != 2 || version->front() < 1) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "a root attribute version = [major, minor]",
                                .received = "none that can be read",
                                .place = file.path(),
                                .hint = "the file is damaged; restore it from a copy or import again"});
  }
  if (version->front() > format_major) {
    throw core::VersionError({.where = "history.open",
                              .expected = "format version " + std::to_string(format_major) + ".x",
                              .received = std::to_string(version->front()) + "." + std::to_string(version->back()),
                              .place = file.path(),
                              .hint = "the file was written by a newer luban; update this one"});
  }
}

std::vector<StoredColumn> stored_columns(const TreeFile& file, const std::string& group) {
  std::vector<StoredColumn> columns;
  const std::string prefix = group + "/";
  const auto directly_under = [&](const std::string& path) {
    return path.size() > prefix.size() && path.compare(0, prefix.size(), prefix) == 0 &&
           path.find('/', prefix.size()) == std::string::npos;
  };
  for (const auto& [path, attributes] : file.groups()) {
    if (!directly_under(path)) continue;
    const std::string data = path + "/value";
    // A response is its group: the value column is one of seven.
    columns.push_back({stored_info(attributes, file.info(data).kind, file.path() + ", " + path),
                       group == "/responses" ? path : data, integer_attribute(attributes, "position")});
  }
  for (const auto& [path, info] : file.datasets()) {
    if (!directly_under(path) || find(info.attributes, "name") == nullptr) continue;
    columns.push_back({stored_info(info.attributes, info.kind, file.path() + ", " + path), path,
                       integer_attribute(info.attributes, "position")});
  }
  std::stable_sort(columns.begin(), columns.end(),
                   [](const auto& a, const auto& b) { return a.position < b.position; });
  return columns;
}

std::optional<SegmentPlace> segment_place(const TreeFile& file) {
  const Attributes& root = file.groups().at("/");
  if (find(root, "previous_link") == nullptr) return std::nullopt;
  return SegmentPlace{.previous_link = text_attribute(root, "previous_link"),
                      .continued = integer_attribute(root, "continued_runs")};
}

std::vector<StoredTrace> stored_traces(const TreeFile& file) {
  std::vector<StoredTrace> traces;
  constexpr std::string_view prefix = "/traces/";
  for (const auto& [path, attributes] : file.groups()) {
    if (path.compare(0, prefix.size(), prefix) != 0 || path.find('/', prefix.size()) != std::string::npos) continue;
    traces.push_back({.name = text_attribute(attributes, "name"),
                      .unit = text_attribute(attributes, "unit"),
                      .path = path,
                      .period = integer_attribute(attributes, "period_ns"),
                      .position = integer_attribute(attributes, "position")});
    static_cast<void>(file.info(path + "/values"));  // a trace without values is damage, said here
  }
  std::stable_sort(traces.begin(), traces.end(), [](const auto& a, const auto& b) { return a.position < b.position; });
  return traces;
}

std::string achieved_path(const StoredColumn& parameter) {
  return parameter.path.substr(0, parameter.path.rfind('/')) + "/achieved";
}

void out_of_range(const TreeFile& file, const std::string& path, std::int64_t value) {
  throw core::IntegrityError({.where = "history.read",
                              .expected = "rows that exist",
                              .received = std::to_string(value),
                              .place = file.path() + ", " + path,
                              .hint = "`luban verify` lists everything that is wrong with the file"});
}

process::Column as_column(const process::ColumnInfo& info, ColumnData data) {
  if (auto* numbers = std::get_if<std::vector<double>>(&data)) {
    return process::Column::float64(info.name, info.unit, std::move(*numbers));
  }
  if (auto* times = std::get_if<std::vector<std::int64_t>>(&data)) {
    return process::Column::time(info.name, std::move(*times));
  }
  if (auto* codes = std::get_if<std::vector<std::int32_t>>(&data)) {
    return process::Column::code(info.name, info.categories, std::move(*codes));
  }
  if (std::holds_alternative<std::vector<float>>(data)) {  // samples of traces alone are of this type
    throw core::IntegrityError({.where = "history.read",
                                .expected = "a column of float64, int64, int32 or text",
                                .received = std::string(name(StoredKind::float32)),
                                .place = info.name,
                                .hint = "the file was not written by this format's rules"});
  }
  process::Column texts = process::Column::string(info.name, std::get<std::vector<std::string>>(std::move(data)));
  texts.info.unit = info.unit;
  return texts;
}

std::vector<ProcessVersion> load_process(const TreeFile& file) {
  std::vector<ProcessVersion> versions;
  fill(file, "/process/definition", versions, &ProcessVersion::definition);
  fill(file, "/process/document", versions, &ProcessVersion::document);
  fill(file, "/process/time", versions, &ProcessVersion::time);
  return versions;
}

std::vector<Provenance> load_provenance(const TreeFile& file) {
  std::vector<Provenance> entries;
  fill(file, "/provenance/who", entries, &Provenance::who);
  fill(file, "/provenance/what", entries, &Provenance::what);
  fill(file, "/provenance/tool", entries, &Provenance::tool);
  fill(file, "/provenance/input_name", entries, &Provenance::input_name);
  fill(file, "/provenance/input_digest", entries, &Provenance::input_digest);
  fill(file, "/provenance/time", entries, &Provenance::time);
  fill(file, "/provenance/rows", entries, &Provenance::rows);
  fill(file, "/provenance/runs", entries, &Provenance::runs);
  fill(file, "/provenance/readings", entries, &Provenance::readings);
  fill(file, "/provenance/events", entries, &Provenance::events);
  fill(file, "/provenance/quarantined", entries, &Provenance::quarantined);
  fill(file, "/provenance/previous", entries, &Provenance::previous);
  fill(file, "/provenance/link", entries, &Provenance::link);
  return entries;
}

Quarantine load_quarantine(const TreeFile& file) {
  return {.source = load<std::int32_t>(file, "/quarantine/source"),
          .source_row = load<std::int64_t>(file, "/quarantine/source_row"),
          .column = load<std::string>(file, "/quarantine/column"),
          .value = load<std::string>(file, "/quarantine/value"),
          .reason = load<std::string>(file, "/quarantine/reason"),
          .scope = load<std::string>(file, "/quarantine/scope")};
}

Genealogy load_genealogy(const TreeFile& file) {
  if (!file.has("/genealogy/child_lot")) return {};
  return {.child_lot = load<std::string>(file, "/genealogy/child_lot"),
          .parent_lot = load<std::string>(file, "/genealogy/parent_lot"),
          .quantity = load<double>(file, "/genealogy/quantity"),
          .unit = load<std::string>(file, "/genealogy/unit"),
          .time = load<std::int64_t>(file, "/genealogy/time"),
          .source = load<std::int32_t>(file, "/genealogy/source")};
}

Recipes load_recipes(const TreeFile& file) {
  if (!file.has("/recipes/recipe")) return {};
  return {.recipe = load<std::string>(file, "/recipes/recipe"),
          .parameter = load<std::string>(file, "/recipes/parameter"),
          .value = load<double>(file, "/recipes/value"),
          .category = load<std::string>(file, "/recipes/category"),
          .unit = load<std::string>(file, "/recipes/unit"),
          .source = load<std::int32_t>(file, "/recipes/source")};
}

void require_consistent(Content& content, const std::string& path) {
  try {
    content.normalise();
  } catch (const core::DataError& error) {
    throw core::IntegrityError({.where = "history.content",
                                .expected = error.detail().expected,
                                .received = error.detail().received,
                                .place = path + ", " + error.detail().place,
                                .hint = "`luban verify` lists everything that is wrong"});
  }
}

Content load_content(const TreeFile& file) {
  require_history(file);
  Content content;
  const Attributes& root = file.groups().at("/");
  content.uuid = text_attribute(root, "uuid");
  content.created_time = integer_attribute(root, "created_time");
  content.process = load_process(file);
  content.runs = load_runs(file);
  content.readings = load_readings(file);
  for (const StoredColumn& response : stored_columns(file, "/responses")) {
    content.responses.push_back(load_events(file, response));
  }
  for (const StoredTrace& trace : stored_traces(file)) content.traces.push_back(load_trace(file, trace));
  content.genealogy = load_genealogy(file);
  content.recipes = load_recipes(file);
  content.quarantine = load_quarantine(file);
  content.provenance = load_provenance(file);
  content.segment = segment_place(file);
  return content;
}

}  // namespace luban::history::detail
