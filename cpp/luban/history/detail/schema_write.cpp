#include <luban/history/detail/schema.hpp>

namespace luban::history::detail {
namespace {

const char* kind_name(const process::Variable* variable, process::ColumnKind kind) {
  if (variable != nullptr) {
    switch (variable->kind) {
      case process::VariableKind::continuous:
        return "continuous";
      case process::VariableKind::integer:
        return "integer";
      case process::VariableKind::categorical:
        return "categorical";
      case process::VariableKind::ordinal:
        return "ordinal";
    }
  }
  return kind == process::ColumnKind::float64 ? "number" : "text";
}

ColumnView view_of(const process::Column& column) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.data)) return std::span<const double>(*numbers);
  if (const auto* times = std::get_if<std::vector<std::int64_t>>(&column.data)) {
    return std::span<const std::int64_t>(*times);
  }
  if (const auto* codes = std::get_if<std::vector<std::int32_t>>(&column.data)) {
    return std::span<const std::int32_t>(*codes);
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(&column.data)) {
    return std::span<const std::string>(*texts);
  }
  throw core::DataError({.where = "history.write",
                         .expected = "numbers, codes, times or texts",
                         .received = "ragged samples",
                         .place = "column " + column.info.name,
                         .hint = {}});
}

/// Collects groups and datasets under their paths.
class TreeBuilder {
 public:
  explicit TreeBuilder(const process::Process& process) : process_(process) {}

  void group(const std::string& path, Attributes attributes = {}) {
    tree_.groups.push_back({path, std::move(attributes)});
  }
  void dataset(const std::string& path, ColumnView data, Attributes attributes = {}) {
    tree_.datasets.push_back({path, std::move(attributes), data});
  }
  void times(const std::string& path, const std::vector<std::int64_t>& data) {
    dataset(path, std::span<const std::int64_t>(data), {{"kind", std::string("time")}, {"unit", std::string("ns")}});
  }
  /// /GROUP/NAME/value, the attributes on the group.
  void variables(const std::string& under, const process::Table& table) {
    group(under);
    std::int64_t position = 0;
    for (const auto& column : table.columns()) {
      const std::string path = under + "/" + encode_name(column.info.name);
      group(path, attributes(column.info, position++));
      dataset(path + "/value", view_of(column));
    }
  }
  /// /GROUP/NAME as a dataset that carries its attributes.
  void columns(const std::string& under, const process::Table& table, const std::vector<std::string>& reserved = {}) {
    std::int64_t position = 0;
    for (const auto& column : table.columns()) {
      dataset(under + "/" + encode_name(column.info.name, reserved), view_of(column),
              attributes(column.info, position++));
    }
  }
  /// One field of each entry as a column that the tree owns.
  template <typename Entry, typename Field>
  void field(const std::string& path, const std::vector<Entry>& entries, Field Entry::*member,
             Attributes attributes = {}) {
    auto column = std::make_shared<std::vector<Field>>();
    for (const Entry& entry : entries) column->push_back(entry.*member);
    dataset(path, std::span<const Field>(*column), std::move(attributes));
    tree_.owned.push_back(std::move(column));
  }
  [[nodiscard]] Tree take() { return std::move(tree_); }

 private:
  [[nodiscard]] Attributes attributes(const process::ColumnInfo& info, std::int64_t position) const {
    Attributes attributes = {{"name", info.name},
                             {"unit", info.unit},
                             {"kind", std::string(kind_name(process_.find_variable(info.name), info.kind))},
                             {"position", position}};
    if (info.kind == process::ColumnKind::code) attributes.push_back({"categories", info.categories});
    return attributes;
  }
  const process::Process& process_;
  Tree tree_;
};

template <typename T>
std::span<const T> span_of(const std::vector<T>& values) {
  return values;
}

void add_runs(TreeBuilder& builder, const Runs& runs) {
  builder.group("/runs");
  builder.dataset("/runs/run_id", span_of(runs.run_id));
  builder.times("/runs/start_time", runs.start_time);
  builder.times("/runs/end_time", runs.end_time);
  builder.dataset("/runs/status", span_of(runs.status), {{"categories", run_status_names()}});
  builder.dataset("/runs/group", span_of(runs.group));
  builder.dataset("/runs/equipment", span_of(runs.equipment));
  builder.dataset("/runs/material_lot", span_of(runs.material_lot));
  builder.dataset("/runs/recipe", span_of(runs.recipe));
  builder.dataset("/runs/source", span_of(runs.source));
  builder.variables("/parameters", runs.parameters);
  builder.variables("/context", runs.context);
  builder.group("/identifiers");
  builder.columns("/identifiers", runs.identifiers);
}

void add_readings(TreeBuilder& builder, const Content& content) {
  const Readings& readings = content.readings;
  builder.group("/readings");
  builder.dataset("/readings/run", span_of(readings.run));
  builder.dataset("/readings/repeat", span_of(readings.repeat));
  builder.times("/readings/time", readings.time);
  builder.columns("/readings", readings.noise, reading_columns());
  builder.group("/auxiliary");
  builder.columns("/auxiliary", readings.auxiliary);
  builder.group("/responses");
  std::int64_t position = 0;
  for (const auto& events : content.responses) {
    const std::string path = "/responses/" + encode_name(events.name);
    builder.group(path, {{"name", events.name}, {"unit", events.unit}, {"position", position++}});
    builder.dataset(path + "/reading", span_of(events.reading));
    builder.dataset(path + "/run_id", IndexedText{content.runs.run_id, span_of(readings.run), span_of(events.reading)});
    builder.dataset(path + "/repeat", IndexedInteger{readings.repeat, span_of(events.reading)});
    builder.dataset(path + "/value", span_of(events.value));
    builder.times(path + "/time", events.time);
    builder.dataset(path + "/quality", span_of(events.quality),
                    {{"categories", std::vector<std::string>{"good", "uncertain", "bad"}}});
    builder.dataset(path + "/source", span_of(events.source));
  }
}

void add_quarantine(TreeBuilder& builder, const Quarantine& quarantine) {
  builder.group("/quarantine");
  builder.dataset("/quarantine/source", span_of(quarantine.source));
  builder.dataset("/quarantine/source_row", span_of(quarantine.source_row));
  builder.dataset("/quarantine/column", span_of(quarantine.column));
  builder.dataset("/quarantine/value", span_of(quarantine.value));
  builder.dataset("/quarantine/reason", span_of(quarantine.reason));
  builder.dataset("/quarantine/scope", span_of(quarantine.scope));
}

void add_versions(TreeBuilder& builder, const Content& content) {
  const Attributes time = {{"kind", std::string("time")}, {"unit", std::string("ns")}};
  builder.group("/process");
  builder.field("/process/definition", content.process, &ProcessVersion::definition);
  builder.field("/process/document", content.process, &ProcessVersion::document);
  builder.field("/process/time", content.process, &ProcessVersion::time, time);
  const auto& entries = content.provenance;
  builder.group("/provenance");
  builder.field("/provenance/who", entries, &Provenance::who);
  builder.field("/provenance/what", entries, &Provenance::what);
  builder.field("/provenance/tool", entries, &Provenance::tool);
  builder.field("/provenance/input_name", entries, &Provenance::input_name);
  builder.field("/provenance/input_digest", entries, &Provenance::input_digest);
  builder.field("/provenance/time", entries, &Provenance::time, time);
  builder.field("/provenance/rows", entries, &Provenance::rows);
  builder.field("/provenance/runs", entries, &Provenance::runs);
  builder.field("/provenance/readings", entries, &Provenance::readings);
  builder.field("/provenance/events", entries, &Provenance::events);
  builder.field("/provenance/quarantined", entries, &Provenance::quarantined);
  builder.field("/provenance/previous", entries, &Provenance::previous);
  builder.field("/provenance/link", entries, &Provenance::link);
}

}  // namespace

Tree to_tree(const Content& content) {
  const process::Process process = content.current_process();
  TreeBuilder builder(process);
  builder.group("/", {{"format", std::string(format_name)},
                      {"version", std::vector<std::int64_t>{format_major, format_minor}},
                      {"uuid", content.uuid},
                      {"created_time", content.created_time},
                      {"process_digest", process.digest()}});
  add_runs(builder, content.runs);
  add_readings(builder, content);
  add_quarantine(builder, content.quarantine);
  add_versions(builder, content);
  return builder.take();
}

}  // namespace luban::history::detail
