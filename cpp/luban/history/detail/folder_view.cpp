#include <algorithm>
#include <array>
#include <iterator>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/detail/folder_view.hpp>
#include <luban/history/detail/missing_value.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <utility>

namespace luban::history::detail {
namespace {

constexpr std::size_t most_views = 200;

/// Place of a column among the groups of columns of a view.
std::size_t rank(const ViewColumn& column) {
  static constexpr std::array<const char*, 10> groups = {
      "/runs/run_id", "/readings/repeat", "/readings/time", "/parameters/", "/context/",
      "/readings/",   "/identifiers/",    "/responses/",    "/auxiliary/",  "/traces/"};
  if (column.path.ends_with("/achieved")) return 2 * 3 + 1;  // after the parameters
  if (column.origin == Origin::run_count) return 2 * 8 + 1;
  const auto found =
      std::find_if(groups.begin(), groups.end(), [&](const char* group) { return column.path.starts_with(group); });
  return 2 * static_cast<std::size_t>(found - groups.begin());
}

Origin origin_of(const std::string& path) {
  if (path.starts_with("/responses/")) return Origin::response;
  if (path.starts_with("/traces/")) return Origin::trace;
  return path.starts_with("/auxiliary/") ? Origin::reading : Origin::run;
}

/// A column of nothing.
process::Column missing_column(const process::ColumnInfo& info, std::size_t rows) {
  process::Column out{info, {}};
  switch (info.kind) {
    case process::ColumnKind::float64:
      out.data = std::vector<double>(rows, missing_value<double>());
      break;
    case process::ColumnKind::time:
      out.data = std::vector<std::int64_t>(rows, missing_value<std::int64_t>());
      break;
    case process::ColumnKind::code:
      out.data = std::vector<std::int32_t>(rows, missing_value<std::int32_t>());
      break;
    case process::ColumnKind::string:
      out.data = std::vector<std::string>(rows);
      break;
    case process::ColumnKind::ragged_float32:
      out.data = process::Ragged{{}, std::vector<std::int64_t>(rows + 1, 0)};
      break;
  }
  return out;
}

/// A segment's column as the whole history has it: more categories, or texts where other segments hold texts.
process::Column fitted(process::Column column, const process::ColumnInfo& info) {
  if (column.info.kind != info.kind && info.kind == process::ColumnKind::string) column = as_text(column);
  const std::vector<std::string>& own = column.info.categories;
  const bool begins =
      own.size() <= info.categories.size() && std::equal(own.begin(), own.end(), info.categories.begin());
  if (column.info.kind != info.kind || !begins) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = "a column of the same kind and categories in every segment",
                                .received = "another",
                                .place = "column " + core::quoted(info.name),
                                .hint = "`luban verify` says what is wrong with the folder"});
  }
  column.info = info;
  return column;
}

/// The newest segment that brought rows or values: one of lots and recipes alone has no columns of the process.
std::size_t newest_of_rows(const FolderManifest& manifest) {
  for (std::size_t k = manifest.segments.size(); k-- > 0;) {
    const SegmentEntry& entry = manifest.segments[k];
    if (entry.runs > 0 || entry.continued > 0 || entry.readings > 0 || entry.events > 0) return k;
  }
  return manifest.segments.size() - 1;
}

std::vector<std::string> source_names(const FolderManifest& manifest) {
  std::vector<std::string> names;
  for (const SegmentEntry& entry : manifest.segments) {
    for (const SegmentImport& import : entry.imports) names.push_back(import.input);
  }
  return numbered(std::move(names));
}

using Names = std::vector<std::string>;

/// Those of these ascending names of runs that a segment may have.
std::pair<Names::const_iterator, Names::const_iterator> wanted_of(const Names& ascending, const SegmentEntry& entry) {
  const auto first = std::lower_bound(ascending.begin(), ascending.end(), entry.first_run_id);
  return {first, std::upper_bound(first, ascending.end(), entry.last_run_id)};
}

}  // namespace

bool SharedJoin::needed() const {
  const auto& segments = files_->manifest().segments;
  return std::any_of(segments.begin(), segments.end(),
                     [](const SegmentEntry& entry) { return !entry.late.empty() || entry.continued > 0; });
}

bool SharedJoin::has_late() const {
  const auto& segments = files_->manifest().segments;
  return std::any_of(segments.begin(), segments.end(), [](const SegmentEntry& entry) { return !entry.late.empty(); });
}

const KeyJoin& SharedJoin::get() const {
  std::call_once(made_, [this] { join_ = std::make_unique<const KeyJoin>(*files_); });
  return *join_;
}

FolderView::FolderView(std::shared_ptr<const SegmentFiles> files, std::shared_ptr<const SharedJoin> join,
                       const ViewOptions& options)
    : files_(std::move(files)), join_(std::move(join)), options_(options), sources_(source_names(files_->manifest())) {
  wanted_ = std::exchange(options_.filter.run_id, {});
  std::sort(wanted_.begin(), wanted_.end());
  make_columns();
  require_known_columns();
  choose_parts();
}

void FolderView::require_known_columns() const {
  if (!is_filtered()) return;
  std::vector<process::ColumnInfo> known;
  for (const ViewColumn& column : columns_) {
    const bool of_runs = column.path.starts_with("/parameters/") || column.path.starts_with("/context/") ||
                         column.path.starts_with("/identifiers/");
    if (of_runs && !column.path.ends_with("/achieved")) known.push_back(column.info);
  }
  require_filter(options_.filter, known, files_->folder().string());
}

bool FolderView::may_match(const SegmentEntry& entry) const {
  const RunFilter& filter = options_.filter;
  if (!filter.since.missing() && entry.last_start < filter.since.since_epoch().count()) return false;
  if (!filter.before.missing() && entry.first_start >= filter.before.since_epoch().count()) return false;
  if (wanted_.empty()) return true;
  const auto [first, last] = wanted_of(wanted_, entry);
  return first != last;
}

void FolderView::choose_parts() {
  std::size_t sources = 0;
  bool known = true;  // what was known then is a beginning of what is known now
  for (std::size_t k = 0; k < files_->size() && known; ++k) {
    const SegmentEntry& entry = files_->manifest().segments[k];
    std::int64_t runs = 0;
    std::int64_t readings = 0;
    bool any = false;
    for (const SegmentImport& import : entry.imports) {
      known = known && (options_.as_of.missing() || import.time <= options_.as_of.since_epoch().count());
      if (!known) break;
      any = true;
      runs += import.runs;
      readings += import.readings;
    }
    Part part{k, rows_, static_cast<std::size_t>(options_.grain == process::Grain::runs ? runs : readings), sources};
    sources += entry.imports.size();
    if (is_filtered()) part.rows = may_match(entry) ? view(part)->row_count() : 0;
    // A segment of late events or more readings alone has no rows of its own at the grain of runs.
    if (part.rows > 0 || (any && entry.continued > 0 && may_match(entry))) parts_.push_back(part);
    rows_ += part.rows;
  }
}

std::shared_ptr<const View> FolderView::view(const Part& part) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = views_.find(part.segment); known != views_.end()) return known->second;
  }
  const auto opened = files_->open(part.segment);
  ViewPlace place{sources_, static_cast<std::int32_t>(part.sources), {}};
  if (join_->has_late()) place.late = join_->get().late_values(part.segment, options_.as_of);
  ViewOptions options = options_;
  const auto [first, last] = wanted_of(wanted_, files_->manifest().segments[part.segment]);
  // Of many thousand names few are of this segment; no name at all would choose every run.
  options.filter.run_id = first == last ? wanted_ : Names(first, last);
  auto made = std::make_shared<const View>(opened->file, opened->provenance, options, std::move(place));
  const std::lock_guard lock(mutex_);
  if (views_.size() >= most_views) views_.erase(views_.begin());
  return views_.emplace(part.segment, std::move(made)).first->second;
}

// Columns that every segment of rows has are those of the newest one, whose categories are the longest; of the others
// the list of segments says which there are.
void FolderView::make_columns() {
  const auto newest = files_->open(newest_of_rows(files_->manifest()));
  columns_ = view_columns(*newest->file, sources_, options_.grain);
  std::erase_if(columns_, [](const ViewColumn& column) {
    return column.path.ends_with("/achieved") || column.path.starts_with("/identifiers/") ||
           column.path.starts_with("/auxiliary/") || column.path.starts_with("/responses/") ||
           column.path.starts_with("/traces/");
  });
  const bool readings = options_.grain == process::Grain::readings;
  for (const SegmentEntry& entry : files_->manifest().segments) {
    for (const SegmentColumn& more : entry.columns) {
      ViewColumn column{more.info, origin_of(more.path), more.path};
      if (readings ? column.origin == Origin::trace : column.origin == Origin::reading) continue;
      const auto known = std::find_if(columns_.begin(), columns_.end(),
                                      [&](const ViewColumn& c) { return c.info.name == more.info.name; });
      if (known == columns_.end()) {
        columns_.push_back(std::move(column));
      } else if (known->path == more.path && known->info.kind != more.info.kind) {
        known->info.kind = process::ColumnKind::string;
      } else if (known->path == more.path && known->info.categories.size() < more.info.categories.size()) {
        known->info.categories = more.info.categories;
      }
    }
  }
  std::vector<ResponsePlace> responses;
  for (const ViewColumn& column : columns_) {
    if (column.origin == Origin::response) responses.emplace_back(column.info.name, column.path);
  }
  if (readings) add_unlisted(columns_, responses);
  std::stable_sort(columns_.begin(), columns_.end(),
                   [](const ViewColumn& a, const ViewColumn& b) { return rank(a) < rank(b); });
}

std::vector<process::ColumnInfo> FolderView::schema() const {
  return listed(columns_);
}

std::vector<process::RowRange> FolderView::blocks() const {
  std::vector<process::RowRange> blocks;
  for (const Part& part : parts_) {
    const Ranges own = !is_filtered() ? aligned_blocks({0, part.rows}) : Ranges(view(part)->blocks());
    for (const process::RowRange& block : own) blocks.push_back({part.first + block.begin, part.first + block.end});
  }
  return blocks;
}

bool FolderView::is_computed(const ViewColumn& column) const noexcept {
  return options_.grain == process::Grain::runs &&
         (column.origin == Origin::response || column.origin == Origin::run_count || column.origin == Origin::trace);
}

process::Table FolderView::read(const std::vector<std::string>& names, process::RowRange rows) const {
  require_rows(rows, rows_, files_->folder().string());
  std::vector<const ViewColumn*> stored, made;
  for (const std::string& name : names) {
    const ViewColumn& wanted = find_column(columns_, name, files_->folder().string());
    (is_computed(wanted) ? made : stored).push_back(&wanted);
  }
  std::vector<process::Table> tables;
  for (const Part& part : parts_) {
    const std::size_t begin = std::max(rows.begin, part.first);
    const std::size_t end = std::min(rows.end, part.first + part.rows);
    if (begin < end) tables.push_back(read_part(part, stored, {begin - part.first, end - part.first}));
  }
  process::Table found;
  if (!tables.empty()) {
    found = concatenate(std::move(tables));
  } else {
    for (const ViewColumn* wanted : stored) found.add(missing_column(wanted->info, 0));
  }
  if (made.empty()) return found;
  process::Table out;  // in the order asked for
  for (const std::string& name : names) {
    const process::Column* ready = found.find(name);
    out.add(ready != nullptr ? *ready : derived(find_column(columns_, name, files_->folder().string()), rows));
  }
  return out;
}

// A column counts as filled only when every segment could fill its part.
std::vector<bool> FolderView::read_into(std::span<const ColumnMemory> columns, process::RowRange rows) const {
  require_rows(rows, rows_, files_->folder().string());
  std::vector<bool> filled;
  std::vector<const ViewColumn*> found;
  for (const ColumnMemory& memory : columns) {
    const ViewColumn& wanted = find_column(columns_, memory.column, files_->folder().string());
    found.push_back(&wanted);
    filled.push_back(rows.size() > 0 && wanted.path != "/runs/source" && !is_computed(wanted));
  }
  for (const Part& part : parts_) {
    const std::size_t begin = std::max(rows.begin, part.first);
    const std::size_t end = std::min(rows.end, part.first + part.rows);
    if (begin >= end) continue;
    const auto own = view(part);
    std::vector<ColumnMemory> memories;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      filled[i] = filled[i] && own->has(*found[i]);
      if (!filled[i]) continue;
      const std::size_t size = columns[i].bytes.size() / rows.size();
      memories.push_back(
          {columns[i].column, columns[i].bytes.subspan((begin - rows.begin) * size, (end - begin) * size)});
      places.push_back(i);
    }
    const std::vector<bool> done = own->read_into(memories, {begin - part.first, end - part.first});
    for (std::size_t k = 0; k < places.size(); ++k) filled[places[k]] = done[k];
  }
  return filled;
}

process::Table FolderView::read_part(const Part& part, const std::vector<const ViewColumn*>& columns,
                                     process::RowRange rows) const {
  const auto own = view(part);
  std::vector<std::string> there;
  for (const ViewColumn* wanted : columns) {
    if (own->has(*wanted)) there.push_back(wanted->info.name);
  }
  const process::Table stored = own->read(there, rows);
  process::Table out;
  for (const ViewColumn* wanted : columns) {
    const process::Column* column = stored.find(wanted->info.name);
    out.add(column != nullptr ? fitted(*column, wanted->info) : missing_column(wanted->info, rows.size()));
  }
  return out;
}

}  // namespace luban::history::detail
