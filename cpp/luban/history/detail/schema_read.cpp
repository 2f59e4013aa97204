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
  return events;
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
  content.quarantine = load_quarantine(file);
  content.provenance = load_provenance(file);
  return content;
}

}  // namespace luban::history::detail
