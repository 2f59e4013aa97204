#include <algorithm>
#include <cmath>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/detail/view.hpp>

namespace luban::history::detail {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Rows [begin, end) of an int64, int32 or float64 column. @throws IntegrityError when it is of another type.
template <typename T>
std::vector<T> load_rows(const TreeFile& file, const std::string& path, process::RowRange rows) {
  ColumnData data = file.read(path, rows.begin, rows.end);
  if (auto* values = std::get_if<std::vector<T>>(&data)) return std::move(*values);
  throw core::IntegrityError({.where = "history.read",
                              .expected = "another type of column",
                              .received = std::string(name(file.info(path).kind)),
                              .place = file.path() + ", " + path,
                              .hint = "the file was not written by this format's rules"});
}

[[noreturn]] void out_of_range(const TreeFile& file, const std::string& path, std::int64_t value) {
  throw core::IntegrityError({.where = "history.read",
                              .expected = "rows that exist",
                              .received = std::to_string(value),
                              .place = file.path() + ", " + path,
                              .hint = "`luban verify` lists everything that is wrong with the file"});
}

ColumnData gather(const ColumnData& data, const std::vector<std::int64_t>& rows, std::int64_t first) {
  return std::visit(
      [&](const auto& values) -> ColumnData {
        std::decay_t<decltype(values)> taken;
        taken.reserve(rows.size());
        for (const std::int64_t row : rows) taken.push_back(values[static_cast<std::size_t>(row - first)]);
        return taken;
      },
      data);
}

std::vector<process::RowRange> aligned_blocks(process::RowRange rows) {
  std::vector<process::RowRange> blocks;
  for (std::size_t begin = rows.begin; begin < rows.end;) {
    const std::size_t end = std::min(rows.end, (begin / block_rows + 1) * block_rows);
    blocks.push_back({begin, end});
    begin = end;
  }
  return blocks;
}

}  // namespace

View::View(std::shared_ptr<const TreeFile> file, const std::vector<Provenance>& provenance, const ViewOptions& options)
    : file_(std::move(file)), options_(options), columns_(view_columns(*file_, provenance, options.grain)) {
  readings_ = file_->info("/readings/run").count;
  runs_ = file_->info("/runs/run_id").count;
  if (!options_.as_of.missing()) {
    // Rows are only ever appended, import after import: what was known then is a beginning of what is known now.
    std::int64_t runs = 0;
    std::int64_t readings = 0;
    for (const Provenance& entry : provenance) {
      if (entry.time > options_.as_of.since_epoch().count()) break;
      runs += entry.runs;
      readings += entry.readings;
    }
    runs_ = std::min(runs_, static_cast<std::size_t>(runs));
    readings_ = std::min(readings_, static_cast<std::size_t>(readings));
  }
  rows_ = options_.grain == process::Grain::runs ? runs_ : readings_;
}

std::vector<process::ColumnInfo> View::schema() const {
  std::vector<process::ColumnInfo> infos;
  for (const ViewColumn& column : columns_) infos.push_back(column.info);
  return infos;
}

std::vector<process::RowRange> View::blocks() const {
  return aligned_blocks({0, rows_});
}

const ViewColumn& View::column(const std::string& name) const {
  const auto found =
      std::find_if(columns_.begin(), columns_.end(), [&](const ViewColumn& c) { return c.info.name == name; });
  if (found != columns_.end()) return *found;
  std::vector<std::string> known;
  for (const ViewColumn& c : columns_) known.push_back(c.info.name);
  throw core::DataError({.where = "history.read",
                         .expected = "a column of the history",
                         .received = core::quoted(name),
                         .place = file_->path(),
                         .hint = core::nearest_hint(name, known)});
}

void View::require_rows(process::RowRange rows) const {
  if (rows.begin <= rows.end && rows.end <= rows_) return;
  throw core::DataError({.where = "history.read",
                         .expected = "rows within 0 and " + std::to_string(rows_),
                         .received = std::to_string(rows.begin) + " to " + std::to_string(rows.end),
                         .place = file_->path(),
                         .hint = {}});
}

std::optional<std::string> View::direct_dataset(const ViewColumn& column) const {
  const bool readings = options_.grain == process::Grain::readings;
  if (column.origin == Origin::reading || (column.origin == Origin::run && !readings)) return column.path;
  if (column.origin == Origin::response && readings && latest_events(column.path) == nullptr) {
    return column.path + "/value";
  }
  return std::nullopt;
}

process::Table View::read(const std::vector<std::string>& columns, process::RowRange rows) const {
  require_rows(rows);
  std::vector<const ViewColumn*> wanted;
  for (const std::string& name : columns) wanted.push_back(&column(name));
  std::vector<std::int64_t> run_rows;
  const bool needs_runs =
      std::any_of(wanted.begin(), wanted.end(), [](const ViewColumn* c) { return c->origin == Origin::run; });
  if (options_.grain == process::Grain::readings && needs_runs) {
    run_rows = load_rows<std::int64_t>(*file_, "/readings/run", rows);
    const auto total = static_cast<std::int64_t>(file_->info("/runs/run_id").count);
    for (const std::int64_t run : run_rows) {
      if (run < 0 || run >= total) out_of_range(*file_, "/readings/run", run);
    }
  }
  // What lies in the file as it is wanted is read in one pass.
  std::vector<ColumnRequest> requests;
  for (const ViewColumn* column : wanted) {
    if (auto dataset = direct_dataset(*column)) requests.push_back({std::move(*dataset), rows.begin, rows.end});
  }
  std::vector<ColumnData> direct = file_->read_many(requests);
  auto next = direct.begin();
  process::Table table;
  for (const ViewColumn* column : wanted) {
    table.add(direct_dataset(*column) ? as_column(column->info, std::move(*next++))
                                      : read_column(*column, rows, run_rows));
  }
  return table;
}

std::vector<bool> View::read_into(std::span<const ColumnMemory> columns, process::RowRange rows) const {
  require_rows(rows);
  std::vector<ColumnTarget> targets;
  std::vector<bool> filled;
  std::vector<const ColumnMemory*> codes;
  for (const ColumnMemory& memory : columns) {
    const ViewColumn& known = column(memory.column);
    const std::optional<std::string> dataset = direct_dataset(known);
    const StoredKind stored = dataset ? file_->info(*dataset).kind : StoredKind::other;
    const bool fits = (known.info.kind == process::ColumnKind::float64 && stored == StoredKind::float64) ||
                      (known.info.kind == process::ColumnKind::time && stored == StoredKind::int64) ||
                      (known.info.kind == process::ColumnKind::code && stored == StoredKind::int32);
    filled.push_back(fits);
    if (!fits) continue;
    targets.push_back({*dataset, rows.begin, rows.end, memory.bytes});
    if (stored == StoredKind::int32) codes.push_back(&memory);
  }
  file_->read_into(targets);
  for (const ColumnMemory* memory : codes) {
    const auto count = static_cast<std::int32_t>(column(memory->column).info.categories.size());
    const std::span<const std::int32_t> values(reinterpret_cast<const std::int32_t*>(memory->bytes.data()),
                                               rows.size());
    for (const std::int32_t code : values) {
      if (code < -1 || code >= count) out_of_range(*file_, memory->column, code);
    }
  }
  return filled;
}

process::Column View::read_column(const ViewColumn& column, process::RowRange rows,
                                  const std::vector<std::int64_t>& run_rows) const {
  switch (column.origin) {
    case Origin::run: {
      if (options_.grain == process::Grain::runs) {
        return as_column(column.info, file_->read(column.path, rows.begin, rows.end));
      }
      if (run_rows.empty()) return as_column(column.info, file_->read(column.path, 0, 0));
      const auto [low, high] = std::minmax_element(run_rows.begin(), run_rows.end());
      const ColumnData data =
          file_->read(column.path, static_cast<std::size_t>(*low), static_cast<std::size_t>(*high) + 1);
      return as_column(column.info, gather(data, run_rows, *low));
    }
    case Origin::reading:
      return as_column(column.info, file_->read(column.path, rows.begin, rows.end));
    case Origin::repeat: {
      const auto stored = load_rows<std::int64_t>(*file_, column.path, rows);
      return process::Column::float64(column.info.name, column.info.unit,
                                      std::vector<double>(stored.begin(), stored.end()));
    }
    case Origin::run_count: {
      const std::vector<double> counts = run_counts();
      return process::Column::float64(column.info.name, column.info.unit,
                                      {counts.begin() + static_cast<std::ptrdiff_t>(rows.begin),
                                       counts.begin() + static_cast<std::ptrdiff_t>(rows.end)});
    }
    case Origin::response:
      break;
  }
  if (options_.grain == process::Grain::readings) {
    return process::Column::float64(column.info.name, column.info.unit, read_response(column, rows));
  }
  const std::vector<double> means = run_means(column);
  return process::Column::float64(
      column.info.name, column.info.unit,
      {means.begin() + static_cast<std::ptrdiff_t>(rows.begin), means.begin() + static_cast<std::ptrdiff_t>(rows.end)});
}

std::vector<double> View::read_response(const ViewColumn& column, process::RowRange rows) const {
  const std::shared_ptr<const Index> latest = latest_events(column.path);
  const std::string path = column.path + "/value";
  if (latest == nullptr) return load_rows<double>(*file_, path, rows);
  // Wanted events in stored order, so that each chunk is fetched once.
  std::vector<std::pair<std::int64_t, std::size_t>> wanted;
  for (std::size_t row = rows.begin; row < rows.end; ++row) {
    if ((*latest)[row] >= 0) wanted.emplace_back((*latest)[row], row - rows.begin);
  }
  std::sort(wanted.begin(), wanted.end());
  std::vector<double> values(rows.size(), none);
  const std::size_t events = file_->info(path).count;
  for (std::size_t i = 0; i < wanted.size();) {
    const std::size_t begin = static_cast<std::size_t>(wanted[i].first) / block_rows * block_rows;
    const std::size_t end = std::min(events, begin + block_rows);
    const auto block = load_rows<double>(*file_, path, {begin, end});
    for (; i < wanted.size() && static_cast<std::size_t>(wanted[i].first) < end; ++i) {
      values[wanted[i].second] = block[static_cast<std::size_t>(wanted[i].first) - begin];
    }
  }
  return values;
}

std::shared_ptr<const View::Index> View::latest_events(const std::string& response) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = latest_.find(response); known != latest_.end()) return known->second;
  }
  auto found = find_latest_events(response);  // two threads may do it twice; both find the same
  const std::lock_guard lock(mutex_);
  return latest_.emplace(response, std::move(found)).first->second;
}

std::shared_ptr<const View::Index> View::find_latest_events(const std::string& response) const {
  auto latest = std::make_shared<Index>(readings_, -1);
  const std::size_t events = file_->info(response + "/reading").count;
  const auto total = static_cast<std::int64_t>(file_->info("/readings/run").count);
  bool in_order = events == readings_;
  for (const process::RowRange block : aligned_blocks({0, events})) {
    const auto reading = load_rows<std::int64_t>(*file_, response + "/reading", block);
    const auto quality = load_rows<std::int32_t>(*file_, response + "/quality", block);
    const auto time = load_rows<std::int64_t>(*file_, response + "/time", block);
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto event = static_cast<std::int64_t>(block.begin + i);
      if (reading[i] < 0 || reading[i] >= total) out_of_range(*file_, response + "/reading", reading[i]);
      const bool known = options_.as_of.missing() || time[i] <= options_.as_of.since_epoch().count();
      const bool counts = known && quality[i] != quality_bad && static_cast<std::size_t>(reading[i]) < readings_;
      in_order = in_order && counts && reading[i] == event;
      if (counts) (*latest)[static_cast<std::size_t>(reading[i])] = event;
    }
  }
  return in_order ? nullptr : latest;
}

std::vector<double> View::run_counts() const {
  std::vector<double> counts(runs_, 0.0);
  for (const process::RowRange block : aligned_blocks({0, readings_})) {
    for (const std::int64_t run : load_rows<std::int64_t>(*file_, "/readings/run", block)) {
      if (run < 0 || static_cast<std::size_t>(run) >= runs_) out_of_range(*file_, "/readings/run", run);
      counts[static_cast<std::size_t>(run)] += 1.0;
    }
  }
  return counts;
}

std::vector<double> View::run_means(const ViewColumn& column) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = means_.find(column.path); known != means_.end()) return known->second;
  }
  std::vector<double> sums(runs_, 0.0);
  std::vector<std::int64_t> counts(runs_, 0);
  for (const process::RowRange block : aligned_blocks({0, readings_})) {
    const auto runs = load_rows<std::int64_t>(*file_, "/readings/run", block);
    const auto values = read_response(column, block);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs[i] < 0 || static_cast<std::size_t>(runs[i]) >= runs_) out_of_range(*file_, "/readings/run", runs[i]);
      if (std::isnan(values[i])) continue;
      sums[static_cast<std::size_t>(runs[i])] += values[i];
      ++counts[static_cast<std::size_t>(runs[i])];
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i)
    sums[i] = counts[i] > 0 ? sums[i] / static_cast<double>(counts[i]) : none;
  const std::lock_guard lock(mutex_);
  return means_.emplace(column.path, std::move(sums)).first->second;
}

}  // namespace luban::history::detail
