#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/detail/view.hpp>
#include <set>

namespace luban::history::detail {
namespace {

constexpr const char* always_ours[] = {"run_id", "repeat", "reading_time"};

process::ColumnInfo info_of(std::string name, process::ColumnKind kind, std::vector<std::string> categories = {}) {
  return {.name = std::move(name), .unit = {}, .kind = kind, .categories = std::move(categories)};
}

class ColumnList {
 public:
  explicit ColumnList(const TreeFile& file) : file_(file) {}

  void add(ViewColumn column) {
    if (names_.insert(column.info.name).second) columns_.push_back(std::move(column));
  }
  void add_stored(const std::string& group, Origin origin) {
    for (StoredColumn& stored : stored_columns(file_, group)) {
      const bool hidden =
          std::find(std::begin(always_ours), std::end(always_ours), stored.info.name) != std::end(always_ours);
      if (!hidden) add({std::move(stored.info), origin, std::move(stored.path)});
    }
  }
  /// What the machine reached for a parameter, under the parameter's name and `.achieved`.
  void add_achieved() {
    for (StoredColumn& stored : stored_columns(file_, "/parameters")) {
      std::string path = achieved_path(stored);
      if (!file_.has(path)) continue;
      stored.info.name += ".achieved";
      add({std::move(stored.info), Origin::run, std::move(path)});
    }
  }
  void add_traces() {
    for (StoredTrace& trace : stored_traces(file_)) {
      process::ColumnInfo info = info_of(trace.name, process::ColumnKind::ragged_float32);
      info.unit = trace.unit;
      add({std::move(info), Origin::trace, trace.path});
    }
  }
  void add_run(const char* name, process::ColumnKind kind) {
    const std::string path = std::string("/runs/") + name;
    std::vector<std::string> categories;
    if (kind == process::ColumnKind::code) {
      const AttributeValue* value = find(file_.info(path).attributes, "categories");
      if (const auto* texts = value != nullptr ? std::get_if<std::vector<std::string>>(value) : nullptr) {
        categories = *texts;
      }
    }
    add({info_of(name, kind, std::move(categories)), Origin::run, path});
  }
  /// Which import brought a run: the input's name, numbered where two inputs share it.
  void add_source(const std::vector<std::string>& names) {
    add({info_of("source", process::ColumnKind::code, names), Origin::run, "/runs/source"});
  }
  /// The columns of runs under their paths.
  void add_by_path(const char* name, process::ColumnKind kind, std::vector<std::string> categories = {}) {
    const std::string path = std::string("/runs/") + name;
    columns_.push_back({info_of(path, kind, std::move(categories)), Origin::run, path, false});
  }
  [[nodiscard]] std::vector<ViewColumn> take() { return std::move(columns_); }

 private:
  const TreeFile& file_;
  std::vector<ViewColumn> columns_;
  std::set<std::string> names_;
};

}  // namespace

std::string stated_name(const std::string& response) {
  return "/responses/" + response + "/value";
}

std::string quality_name(const std::string& response) {
  return "/responses/" + response + "/quality";
}

void add_unlisted(std::vector<ViewColumn>& columns, const std::vector<ResponsePlace>& responses) {
  const std::vector<std::string> words = {"good", "uncertain", "bad"};
  std::set<std::string> ours;
  for (const auto& [name, path] : responses) ours.insert({quality_name(name), stated_name(name)});
  std::erase_if(columns, [&](const ViewColumn& column) { return ours.count(column.info.name) != 0; });
  std::set<std::string> taken;
  for (const ViewColumn& column : columns) taken.insert(column.info.name);
  for (const auto& [name, path] : responses) {
    const auto add = [&, &name = name, &path = path](process::ColumnInfo info, Origin origin) {
      if (taken.insert(info.name).second) columns.push_back({std::move(info), origin, path, false, name});
    };
    add(info_of(name + ".quality", process::ColumnKind::code, words), Origin::quality);
    add(info_of(quality_name(name), process::ColumnKind::code, words), Origin::quality);
    add(info_of(stated_name(name), process::ColumnKind::float64), Origin::stated);
  }
}

std::vector<std::string> numbered(std::vector<std::string> names) {
  std::set<std::string> taken;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!taken.insert(names[i]).second) names[i] += " #" + std::to_string(i + 1);
    taken.insert(names[i]);
  }
  return names;
}

std::vector<std::string> input_names(const std::vector<Provenance>& provenance) {
  std::vector<std::string> names;
  for (const Provenance& entry : provenance) names.push_back(entry.input_name);
  return names;
}

std::vector<ViewColumn> view_columns(const TreeFile& file, const std::vector<std::string>& sources,
                                     process::Grain grain) {
  const bool readings = grain == process::Grain::readings;
  ColumnList list(file);
  list.add_run("run_id", process::ColumnKind::string);
  if (readings) {
    list.add({info_of("repeat", process::ColumnKind::float64), Origin::repeat, "/readings/repeat"});
    list.add({info_of("reading_time", process::ColumnKind::time), Origin::reading, "/readings/time"});
  }
  list.add_stored("/parameters", Origin::run);
  list.add_achieved();
  list.add_stored("/context", Origin::run);
  if (readings) list.add_stored("/readings", Origin::reading);
  list.add_stored("/identifiers", Origin::run);
  list.add_stored("/responses", Origin::response);
  if (readings) {
    list.add_stored("/auxiliary", Origin::reading);
  } else {
    list.add({info_of("readings", process::ColumnKind::float64), Origin::run_count, ""});
    list.add_traces();
  }
  for (const char* name : {"start_time", "end_time"}) list.add_run(name, process::ColumnKind::time);
  list.add_run("status", process::ColumnKind::code);
  for (const char* name : {"group", "equipment", "material_lot", "recipe"}) {
    list.add_run(name, process::ColumnKind::string);
  }
  list.add_source(sources);
  list.add_by_path("source", process::ColumnKind::code, sources);
  for (const char* name : {"start_time", "end_time"}) list.add_by_path(name, process::ColumnKind::time);
  list.add_by_path("status", process::ColumnKind::code, run_status_names());
  for (const char* name : {"group", "equipment", "material_lot", "recipe"}) {
    list.add_by_path(name, process::ColumnKind::string);
  }
  std::vector<ViewColumn> columns = list.take();
  if (!readings) return columns;
  std::vector<ResponsePlace> responses;
  for (const StoredColumn& stored : stored_columns(file, "/responses")) {
    responses.emplace_back(stored.info.name, stored.path);
  }
  add_unlisted(columns, responses);
  return columns;
}

std::vector<process::ColumnInfo> listed(const std::vector<ViewColumn>& columns) {
  std::vector<process::ColumnInfo> infos;
  for (const ViewColumn& column : columns) {
    if (column.listed) infos.push_back(column.info);
  }
  return infos;
}

const ViewColumn& find_column(const std::vector<ViewColumn>& columns, const std::string& name,
                              const std::string& place) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const ViewColumn& c) { return c.info.name == name; });
  if (found != columns.end()) return *found;
  std::vector<std::string> known;
  for (const process::ColumnInfo& info : listed(columns)) known.push_back(info.name);
  throw core::DataError({.where = "history.read",
                         .expected = "a column of the history",
                         .received = core::quoted(name),
                         .place = place,
                         .hint = core::nearest_hint(name, known)});
}

void require_rows(process::RowRange rows, std::size_t count, const std::string& place) {
  if (rows.begin <= rows.end && rows.end <= count) return;
  throw core::DataError({.where = "history.read",
                         .expected = "rows within 0 and " + std::to_string(count),
                         .received = std::to_string(rows.begin) + " to " + std::to_string(rows.end),
                         .place = place,
                         .hint = {}});
}

}  // namespace luban::history::detail
