#include <algorithm>
#include <limits>
#include <luban/history/detail/table_rows.hpp>
#include <luban/history/detail/view.hpp>

namespace luban::history::detail {
namespace {

template <typename T>
std::vector<T> load_rows(const TreeFile& file, const std::string& path, process::RowRange rows) {
  return load<T>(file, path, rows.begin, rows.end);
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

bool consecutive(const std::vector<std::int64_t>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != rows.front() + static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

Ranges within(const Ranges& ranges, process::RowRange rows) {
  Ranges out;
  for (const process::RowRange& range : ranges) {
    const std::size_t begin = std::max(range.begin, rows.begin);
    const std::size_t end = std::min(range.end, rows.end);
    if (begin < end) out.push_back({begin, end});
  }
  return out;
}

Ranges whole(std::size_t rows) {
  return rows > 0 ? Ranges{{0, rows}} : Ranges{};
}

}  // namespace

View::View(std::shared_ptr<const TreeFile> file, const std::vector<Provenance>& provenance, const ViewOptions& options,
           ViewPlace place)
    : file_(std::move(file)), options_(options), place_(std::move(place)) {
  if (place_.sources.empty()) place_.sources = numbered(input_names(provenance));
  columns_ = view_columns(*file_, place_.sources, options.grain);
  std::vector<ResponsePlace> added;
  for (const auto& [name, values] : place_.late) {  // responses of which the file itself has no event
    if (has(name)) continue;
    columns_.push_back({{.name = name, .unit = {}, .kind = process::ColumnKind::float64, .categories = {}},
                        Origin::response,
                        no_path,
                        false});
    added.emplace_back(name, no_path);
  }
  if (options.grain == process::Grain::readings) add_unlisted(columns_, added);
  const std::optional<SegmentPlace> segment = segment_place(*file_);
  is_segment_ = segment.has_value();
  // Memory is taken for so many rows, before any is read.
  for (const char* const counted : {"/runs/run_id", "/readings/run"}) file_->require_readable(counted);
  const std::size_t all_runs = file_->info("/runs/run_id").count;
  const auto continued = static_cast<std::size_t>(std::max<std::int64_t>(0, segment ? segment->continued : 0));
  std::size_t own_runs = all_runs - std::min(all_runs, continued);
  const process::RowRange tail{own_runs, all_runs};
  readings_ = file_->info("/readings/run").count;
  imports_ = provenance.size();
  if (!options_.as_of.missing()) {
    // Rows are only ever appended, import after import: what was known then is a beginning of what is known now.
    std::int64_t known_runs = 0;
    std::int64_t known_readings = 0;
    imports_ = 0;
    for (const Provenance& entry : provenance) {
      if (entry.time > options_.as_of.since_epoch().count()) break;
      ++imports_;
      known_runs += entry.runs;
      known_readings += entry.readings;
    }
    own_runs = std::min(own_runs, static_cast<std::size_t>(known_runs));
    readings_ = std::min(readings_, static_cast<std::size_t>(known_readings));
  }
  const Ranges selected = select_runs(*file_, options_.filter, all_runs);
  run_ranges_ = within(selected, {0, own_runs});
  own_rows_ = count_rows(run_ranges_);
  for (const process::RowRange& range : within(selected, tail)) run_ranges_.push_back(range);
  reading_ranges_ = options_.filter.empty() ? whole(readings_) : select_readings(*file_, run_ranges_, readings_);
  rows_ = options_.grain == process::Grain::runs ? own_rows_ : count_rows(reading_ranges_);
}

std::vector<process::ColumnInfo> View::schema() const {
  return listed(columns_);
}

std::vector<process::RowRange> View::blocks() const {
  const Ranges& ranges = options_.grain == process::Grain::runs ? run_ranges_ : reading_ranges_;
  std::vector<process::RowRange> blocks;
  std::size_t before = 0;
  for (const Piece& piece : pieces(ranges, {0, rows_})) {
    for (const process::RowRange& block : aligned_blocks(piece.span)) {
      std::size_t count = 0;
      for (const process::RowRange& part : piece.parts) {
        const std::size_t begin = std::max(block.begin, piece.span.begin + part.begin);
        const std::size_t end = std::min(block.end, piece.span.begin + part.end);
        if (begin < end) count += end - begin;
      }
      if (count > 0) blocks.push_back({before, before + count});
      before += count;
    }
  }
  return blocks;
}

bool View::has(const std::string& name) const noexcept {
  return std::any_of(columns_.begin(), columns_.end(), [&](const ViewColumn& c) { return c.info.name == name; });
}

bool View::has(const ViewColumn& column) const noexcept {
  return std::any_of(columns_.begin(), columns_.end(),
                     [&](const ViewColumn& c) { return c.info.name == column.info.name && c.origin == column.origin; });
}

std::optional<std::string> View::direct_dataset(const ViewColumn& column) const {
  const bool readings = options_.grain == process::Grain::readings;
  if (column.path == "/runs/source") return std::nullopt;  // numbers are counted on over segments
  if (column.origin == Origin::reading || (column.origin == Origin::run && !readings)) return column.path;
  const bool late = place_.late.count(column.info.name) != 0;
  if (column.origin == Origin::response && readings && !late && latest_events(column.path) == nullptr) {
    return column.path + "/value";
  }
  return std::nullopt;
}

process::Table View::read(const std::vector<std::string>& columns, process::RowRange rows) const {
  require_rows(rows, rows_, file_->path());
  const std::vector<Piece> wanted =
      pieces(options_.grain == process::Grain::runs ? run_ranges_ : reading_ranges_, rows);
  if (wanted.empty()) return read_span(columns, {0, 0});
  std::vector<process::Table> tables;
  for (const Piece& piece : wanted) tables.push_back(read_piece(columns, piece));
  return concatenate(std::move(tables));
}

process::Table View::read_piece(const std::vector<std::string>& columns, const Piece& piece) const {
  if (piece.parts.size() == 1) return read_span(columns, piece.span);
  std::vector<std::string> others;
  for (const std::string& name : columns) {
    if (find_column(columns_, name, file_->path()).origin != Origin::trace) others.push_back(name);
  }
  process::Table rest = take_ranges(read_span(others, piece.span), piece.parts);
  if (others.size() == columns.size()) return rest;
  // Samples of runs that were not chosen may be many: they are not read.
  Ranges rows;
  for (const process::RowRange& part : piece.parts) {
    rows.push_back({piece.span.begin + part.begin, piece.span.begin + part.end});
  }
  process::Table table;
  for (const std::string& name : columns) {
    const ViewColumn& column = find_column(columns_, name, file_->path());
    table.add(column.origin == Origin::trace
                  ? process::Column::ragged(column.info.name, column.info.unit, samples(column.path, rows))
                  : rest.at(name));
  }
  return table;
}

process::Table View::read_span(const std::vector<std::string>& columns, process::RowRange span) const {
  std::vector<const ViewColumn*> wanted;
  for (const std::string& name : columns) wanted.push_back(&find_column(columns_, name, file_->path()));
  Index run_rows;
  const bool needs_runs =
      std::any_of(wanted.begin(), wanted.end(), [](const ViewColumn* c) { return c->origin == Origin::run; });
  if (options_.grain == process::Grain::readings && needs_runs) {
    run_rows = load_rows<std::int64_t>(*file_, "/readings/run", span);
    const auto total = static_cast<std::int64_t>(file_->info("/runs/run_id").count);
    for (const std::int64_t run : run_rows) {
      if (run < 0 || run >= total) out_of_range(*file_, "/readings/run", run);
    }
  }
  // What lies in the file as it is wanted is read in one pass.
  std::vector<std::optional<std::string>> dataset;
  std::vector<ColumnRequest> requests;
  for (const ViewColumn* column : wanted) {
    dataset.push_back(direct_dataset(*column));
    if (dataset.back()) requests.push_back({*dataset.back(), span.begin, span.end});
  }
  std::vector<ColumnData> direct = file_->read_many(requests);
  auto next = direct.begin();
  process::Table table;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    table.add(dataset[i] ? as_column(wanted[i]->info, std::move(*next++)) : read_column(*wanted[i], span, run_rows));
  }
  return table;
}

std::vector<bool> View::read_into(std::span<const ColumnMemory> columns, process::RowRange rows) const {
  require_rows(rows, rows_, file_->path());
  const std::vector<Piece> wanted =
      pieces(options_.grain == process::Grain::runs ? run_ranges_ : reading_ranges_, rows);
  const bool scattered =
      std::any_of(wanted.begin(), wanted.end(), [](const Piece& piece) { return piece.parts.size() != 1; });
  if (scattered) return std::vector<bool>(columns.size(), false);
  std::vector<ColumnTarget> targets;
  std::vector<bool> filled;
  std::vector<const ColumnMemory*> codes;
  for (const ColumnMemory& memory : columns) {
    const ViewColumn& known = find_column(columns_, memory.column, file_->path());
    const std::optional<std::string> dataset = direct_dataset(known);
    const StoredKind stored = dataset ? file_->info(*dataset).kind : StoredKind::other;
    const bool fits = (known.info.kind == process::ColumnKind::float64 && stored == StoredKind::float64) ||
                      (known.info.kind == process::ColumnKind::time && stored == StoredKind::int64) ||
                      (known.info.kind == process::ColumnKind::code && stored == StoredKind::int32);
    filled.push_back(fits);
    if (!fits) continue;
    std::size_t before = 0;
    for (const Piece& piece : wanted) {
      const std::size_t bytes = piece.span.size() * number_size(stored);
      targets.push_back({*dataset, piece.span.begin, piece.span.end, memory.bytes.subspan(before, bytes)});
      before += bytes;
    }
    if (stored == StoredKind::int32) codes.push_back(&memory);
  }
  file_->read_into(targets);
  for (const ColumnMemory* memory : codes) {
    const auto count =
        static_cast<std::int32_t>(find_column(columns_, memory->column, file_->path()).info.categories.size());
    const std::span<const std::int32_t> values(reinterpret_cast<const std::int32_t*>(memory->bytes.data()),
                                               rows.size());
    for (const std::int32_t code : values) {
      if (code < -1 || code >= count) out_of_range(*file_, memory->column, code);
    }
  }
  return filled;
}

process::Column View::read_column(const ViewColumn& column, process::RowRange span, const Index& run_rows) const {
  switch (column.origin) {
    case Origin::run:
      return read_run_column(column, span, run_rows);
    case Origin::reading:
      return as_column(column.info, file_->read(column.path, span.begin, span.end));
    case Origin::trace:
      return read_trace(column, span);
    case Origin::repeat: {
      const auto stored = load_rows<std::int64_t>(*file_, column.path, span);
      return process::Column::float64(column.info.name, column.info.unit,
                                      std::vector<double>(stored.begin(), stored.end()));
    }
    case Origin::response:
      if (options_.grain == process::Grain::readings) {
        return process::Column::float64(column.info.name, column.info.unit, read_response(column, span));
      }
      break;
    case Origin::quality:
      return process::Column::code(column.info.name, column.info.categories, read_quality(column, span));
    case Origin::stated:
      return process::Column::float64(column.info.name, column.info.unit, read_stated(column, span));
    case Origin::run_count:
      break;
  }
  // Computed for the chosen runs, in their order; the span counts rows of the file.
  const std::vector<double> values = derived(column);
  std::vector<double> out(span.size(), std::numeric_limits<double>::quiet_NaN());
  std::size_t before = 0;
  for (const process::RowRange& range : run_ranges_) {
    for (std::size_t row = std::max(range.begin, span.begin); row < std::min(range.end, span.end); ++row) {
      out[row - span.begin] = values[before + (row - range.begin)];
    }
    before += range.size();
  }
  return process::Column::float64(column.info.name, column.info.unit, std::move(out));
}

process::Column View::read_run_column(const ViewColumn& column, process::RowRange span, const Index& run_rows) const {
  if (options_.grain == process::Grain::runs) {
    return as_column(column.info, whole_history(column.path, file_->read(column.path, span.begin, span.end)));
  }
  if (run_rows.empty()) return as_column(column.info, file_->read(column.path, 0, 0));
  const auto [low, high] = std::minmax_element(run_rows.begin(), run_rows.end());
  ColumnData data = whole_history(
      column.path, file_->read(column.path, static_cast<std::size_t>(*low), static_cast<std::size_t>(*high) + 1));
  if (consecutive(run_rows)) return as_column(column.info, std::move(data));
  return as_column(column.info, gather(data, run_rows, *low));
}

// Numbers of imports are of the file; a run that an earlier segment has bears −2 less its number in the history.
ColumnData View::whole_history(const std::string& path, ColumnData data) const {
  auto* codes = path == "/runs/source" ? std::get_if<std::vector<std::int32_t>>(&data) : nullptr;
  if (codes == nullptr) return data;
  for (std::int32_t& code : *codes) {
    code = code >= 0 ? code + place_.first_source : -2 - code;
    if (code < 0 || static_cast<std::size_t>(code) >= place_.sources.size()) out_of_range(*file_, path, code);
  }
  return data;
}

process::Column View::read_trace(const ViewColumn& column, process::RowRange span) const {
  process::Ragged found = span.size() > 0 ? samples(column.path, {span}) : process::Ragged();
  return process::Column::ragged(column.info.name, column.info.unit, std::move(found));
}

}  // namespace luban::history::detail
