#include <algorithm>
#include <luban/history/detail/block_bounds.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/parallel/arena.hpp>
#include <set>

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
    tree_.datasets.push_back({path, std::move(attributes), data, {}});
  }
  void times(const std::string& path, const std::vector<std::int64_t>& data) {
    dataset(path, std::span<const std::int64_t>(data), {{"kind", std::string("time")}, {"unit", std::string("ns")}});
  }
  /// /GROUP/NAME/value, the attributes on the group.
  void variables(const std::string& under, const process::Table& table, const process::Table& achieved = {}) {
    group(under);
    std::int64_t position = 0;
    for (const auto& column : table.columns()) {
      const std::string path = under + "/" + encode_name(column.info.name);
      group(path, attributes(column.info, position++));
      dataset(path + "/value", view_of(column));
      if (const process::Column* reached = achieved.find(column.info.name); reached != nullptr) {
        dataset(path + "/achieved", view_of(*reached));
      }
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
  /// Gives a dataset the object of an earlier one, which has the same rows.
  void share(const std::string& path, const std::string& other) {
    const auto node = [this](const std::string& name) {
      return std::find_if(tree_.datasets.rbegin(), tree_.datasets.rend(),
                          [&](const DatasetNode& one) { return one.path == name; });
    };
    const auto first = node(other);
    node(path)->same_as = first->same_as.empty() ? other : first->same_as;
  }
  /// A column that the tree owns.
  template <typename T>
  void owned(const std::string& path, std::vector<T> values, Attributes attributes = {}) {
    auto column = std::make_shared<std::vector<T>>(std::move(values));
    dataset(path, std::span<const T>(*column), std::move(attributes));
    tree_.owned.push_back(std::move(column));
  }
  /// One field of each entry as a column that the tree owns.
  template <typename Entry, typename Field>
  void field(const std::string& path, const std::vector<Entry>& entries, Field Entry::*member,
             Attributes attributes = {}) {
    std::vector<Field> column;
    for (const Entry& entry : entries) column.push_back(entry.*member);
    owned(path, std::move(column), std::move(attributes));
  }
  [[nodiscard]] const std::vector<DatasetNode>& datasets() const noexcept { return tree_.datasets; }
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
  builder.variables("/parameters", runs.parameters, runs.achieved);
  builder.variables("/context", runs.context);
  builder.group("/identifiers");
  builder.columns("/identifiers", runs.identifiers);
}

// Each event names its reading, so that files can be joined.
void add_keys(TreeBuilder& builder, const std::string& path, const Content& content, const ResponseEvents& events) {
  const Readings& readings = content.readings;
  if (events.size() > 0 && events.late_run_id.empty()) {
    builder.dataset(path + "/run_id", IndexedText{content.runs.run_id, span_of(readings.run), span_of(events.reading)});
    builder.dataset(path + "/repeat", IndexedInteger{readings.repeat, span_of(events.reading)});
    return;
  }
  std::vector<std::string> run_id;
  std::vector<std::int64_t> repeat;
  std::size_t late = 0;
  for (const std::int64_t reading : events.reading) {
    const auto row = static_cast<std::size_t>(reading);
    run_id.push_back(reading < 0 ? events.late_run_id[late]
                                 : content.runs.run_id[static_cast<std::size_t>(readings.run[row])]);
    repeat.push_back(reading < 0 ? events.late_repeat[late++] : readings.repeat[row]);
  }
  builder.owned(path + "/run_id", std::move(run_id));
  builder.owned(path + "/repeat", std::move(repeat));
}

// What no reading shows: how the latest values can be found without looking at each event.
Attributes event_order(const ResponseEvents& events, std::size_t readings) {
  bool in_order = events.size() == readings;
  bool good = true;
  std::int64_t latest = core::UtcTime::missing_count;
  for (std::size_t i = 0; i < events.size(); ++i) {
    in_order = in_order && events.reading[i] == static_cast<std::int64_t>(i);
    good = good && events.quality[i] != quality_bad;
    latest = std::max(latest, events.time[i]);
  }
  return {{"in_order", std::int64_t{in_order ? 1 : 0}},
          {"all_usable", std::int64_t{good ? 1 : 0}},
          {"latest_time", latest}};
}

void add_traces(TreeBuilder& builder, const std::vector<TraceColumn>& traces) {
  if (traces.empty()) return;
  builder.group("/traces");
  std::int64_t position = 0;
  for (const TraceColumn& trace : traces) {
    const std::string path = "/traces/" + encode_name(trace.name);
    builder.group(path,
                  {{"name", trace.name}, {"unit", trace.unit}, {"position", position++}, {"period_ns", trace.period}});
    builder.dataset(path + "/values", span_of(trace.values));
    builder.dataset(path + "/offsets", span_of(trace.offsets));
    builder.times(path + "/start_time", trace.start_time);
    if (trace.period == 0) builder.times(path + "/times", trace.times);
    builder.dataset(path + "/source", span_of(trace.source));
  }
}

void add_material(TreeBuilder& builder, const Content& content) {
  if (const Genealogy& lots = content.genealogy; lots.size() > 0) {
    builder.group("/genealogy");
    builder.dataset("/genealogy/child_lot", span_of(lots.child_lot));
    builder.dataset("/genealogy/parent_lot", span_of(lots.parent_lot));
    builder.dataset("/genealogy/quantity", span_of(lots.quantity));
    builder.dataset("/genealogy/unit", span_of(lots.unit));
    builder.times("/genealogy/time", lots.time);
    builder.dataset("/genealogy/source", span_of(lots.source));
  }
  if (const Recipes& recipes = content.recipes; recipes.size() > 0) {
    builder.group("/recipes");
    builder.dataset("/recipes/recipe", span_of(recipes.recipe));
    builder.dataset("/recipes/parameter", span_of(recipes.parameter));
    builder.dataset("/recipes/value", span_of(recipes.value));
    builder.dataset("/recipes/category", span_of(recipes.category));
    builder.dataset("/recipes/unit", span_of(recipes.unit));
    builder.dataset("/recipes/source", span_of(recipes.source));
  }
}

// Responses that one device gives together have the same keys, times and qualities: stored once, under several names.
void share_columns(TreeBuilder& builder, const std::vector<ResponseEvents>& responses, std::size_t number) {
  const ResponseEvents& events = responses[number];
  if (events.size() == 0) return;
  const auto path = [](const ResponseEvents& one) { return "/responses/" + encode_name(one.name); };
  const auto share = [&](const char* column, const auto& same) {
    const auto last = responses.begin() + static_cast<std::ptrdiff_t>(number);
    const auto other = std::find_if(responses.begin(), last, same);
    if (other != last) builder.share(path(events) + column, path(*other) + column);
  };
  for (const char* column : {"/reading", "/run_id", "/repeat"}) {
    share(column, [&](const ResponseEvents& one) {
      return one.reading == events.reading && one.late_run_id == events.late_run_id &&
             one.late_repeat == events.late_repeat;
    });
  }
  share("/time", [&](const ResponseEvents& one) { return one.time == events.time; });
  share("/quality", [&](const ResponseEvents& one) { return one.quality == events.quality; });
  share("/source", [&](const ResponseEvents& one) { return one.source == events.source; });
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
  for (std::size_t i = 0; i < content.responses.size(); ++i) {
    const ResponseEvents& events = content.responses[i];
    const std::string path = "/responses/" + encode_name(events.name);
    Attributes attributes = {{"name", events.name}, {"unit", events.unit}, {"position", position++}};
    for (Attribute& entry : event_order(events, readings.size())) attributes.push_back(std::move(entry));
    builder.group(path, std::move(attributes));
    builder.dataset(path + "/reading", span_of(events.reading));
    add_keys(builder, path, content, events);
    builder.dataset(path + "/value", span_of(events.value));
    builder.times(path + "/time", events.time);
    builder.dataset(path + "/quality", span_of(events.quality),
                    {{"categories", std::vector<std::string>{"good", "uncertain", "bad"}}});
    builder.dataset(path + "/source", span_of(events.source));
    share_columns(builder, content.responses, i);
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

// What a reader needs to pass over whole blocks of runs. One block would always be read.
void add_index(TreeBuilder& builder, std::size_t runs) {
  if (runs <= block_rows) return;
  constexpr const char* of_runs[] = {"/runs/run_id",       "/runs/start_time", "/runs/end_time",
                                     "/runs/status",       "/runs/group",      "/runs/equipment",
                                     "/runs/material_lot", "/runs/recipe",     "/readings/run"};
  constexpr const char* under[] = {"/parameters/", "/context/", "/identifiers/"};
  std::vector<DatasetNode> columns = builder.datasets();
  std::erase_if(columns, [&](const DatasetNode& column) {
    const bool named = std::any_of(std::begin(under), std::end(under),
                                   [&](const char* prefix) { return column.path.starts_with(prefix); });
    const bool fixed = std::find(std::begin(of_runs), std::end(of_runs), column.path) != std::end(of_runs);
    return (!named && !fixed) || column.path.ends_with("/achieved");
  });
  std::vector<BoundColumns> bounds(columns.size());
  parallel::for_each_index(columns.size(), [&](std::size_t i) { bounds[i] = block_bounds(columns[i].data); });
  std::set<std::string> groups;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string path = bounds_path(columns[i].path);
    for (std::size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
      if (groups.insert(path.substr(0, slash)).second) {
        builder.group(path.substr(0, slash),
                      slash == 6 ? Attributes{{"block_rows", std::int64_t{block_rows}}} : Attributes{});
      }
    }
    builder.group(path);
    std::visit([&](auto& values) { builder.owned(path + "/low", std::move(values)); }, bounds[i].low);
    std::visit([&](auto& values) { builder.owned(path + "/high", std::move(values)); }, bounds[i].high);
  }
}

}  // namespace

Tree to_tree(const Content& content) {
  const process::Process process = content.current_process();
  TreeBuilder builder(process);
  Attributes root = {{"format", std::string(format_name)},
                     {"version", std::vector<std::int64_t>{format_major, format_minor}},
                     {"uuid", content.uuid},
                     {"created_time", content.created_time},
                     {"process_digest", process.digest()}};
  if (content.segment) {
    root.push_back({"previous_link", content.segment->previous_link});
    root.push_back({"continued_runs", content.segment->continued});
  }
  builder.group("/", std::move(root));
  add_runs(builder, content.runs);
  add_readings(builder, content);
  add_traces(builder, content.traces);
  add_material(builder, content);
  add_index(builder, content.runs.size());
  add_quarantine(builder, content.quarantine);
  add_versions(builder, content);
  return builder.take();
}

}  // namespace luban::history::detail
