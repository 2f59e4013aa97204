// Samples with their times: of one file, and of a folder.
#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/detail/folder_view.hpp>
#include <luban/history/detail/view.hpp>
#include <unordered_set>

namespace luban::history::detail {
namespace {

/// Appends the samples of run `i` of `from`.
void take_run(TraceRows& to, const TraceRows& from, std::size_t i) {
  const auto begin = from.samples.offsets[i];
  const auto end = from.samples.offsets[i + 1];
  to.run_id.push_back(from.run_id[i]);
  to.samples.values.insert(to.samples.values.end(), from.samples.values.begin() + begin,
                           from.samples.values.begin() + end);
  if (!from.samples.times.empty()) {
    to.samples.times.insert(to.samples.times.end(), from.samples.times.begin() + begin,
                            from.samples.times.begin() + end);
  }
  to.samples.offsets.push_back(static_cast<std::int64_t>(to.samples.values.size()));
  to.samples.start_time.push_back(from.samples.start_time[i]);
}

}  // namespace

void require_trace(const std::vector<TraceInfo>& known, const std::string& name, const std::string& place) {
  std::vector<std::string> names;
  for (const TraceInfo& info : known) names.push_back(info.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  throw core::DataError({.where = "history.trace",
                         .expected = "a trace of the history",
                         .received = core::quoted(name),
                         .place = place,
                         .hint = core::nearest_hint(name, names)});
}

TraceRows View::trace_rows(const std::string& name) const {
  const std::vector<StoredTrace> stored = stored_traces(*file_);
  const auto found = std::find_if(stored.begin(), stored.end(), [&](const auto& one) { return one.name == name; });
  TraceRows out;
  out.samples.name = name;
  out.samples.offsets = {0};
  if (found == stored.end()) return out;
  out.samples.unit = found->unit;
  out.samples.period = found->period;
  for (const process::RowRange& range : run_ranges_) {
    TraceRows all;
    all.run_id = load<std::string>(*file_, "/runs/run_id", range.begin, range.end);
    all.samples.start_time = load<std::int64_t>(*file_, found->path + "/start_time", range.begin, range.end);
    const auto source = load<std::int32_t>(*file_, found->path + "/source", range.begin, range.end);
    all.samples.offsets = load<std::int64_t>(*file_, found->path + "/offsets", range.begin, range.end + 1);
    const std::int64_t first = all.samples.offsets.front();
    const std::int64_t last = all.samples.offsets.back();
    const auto total = static_cast<std::int64_t>(file_->info(found->path + "/values").count);
    if (!std::is_sorted(all.samples.offsets.begin(), all.samples.offsets.end()) || first < 0 || last > total) {
      out_of_range(*file_, found->path + "/offsets", last);
    }
    const auto begin = static_cast<std::size_t>(first);
    const auto end = static_cast<std::size_t>(last);
    all.samples.values = load<float>(*file_, found->path + "/values", begin, end);
    if (found->period == 0) all.samples.times = load<std::int64_t>(*file_, found->path + "/times", begin, end);
    for (std::int64_t& offset : all.samples.offsets) offset -= first;
    for (std::size_t i = 0; i < source.size(); ++i) {
      const bool has = all.samples.offsets[i + 1] > all.samples.offsets[i];
      if (has && source[i] < static_cast<std::int32_t>(imports_)) take_run(out, all, i);
    }
  }
  return out;
}

TraceRows FolderView::trace_rows(const std::string& name) const {
  TraceRows out;
  out.samples.name = name;
  out.samples.offsets = {0};
  std::unordered_set<std::string> seen;
  for (const Part& part : parts_) {
    const auto& columns = files_->manifest().segments[part.segment].columns;
    const bool has = std::any_of(columns.begin(), columns.end(), [&](const SegmentColumn& column) {
      return column.path.starts_with("/traces/") && column.info.name == name;
    });
    if (!has) continue;
    const TraceRows own = view(part)->trace_rows(name);
    if (out.samples.unit.empty()) out.samples.unit = own.samples.unit;
    out.samples.period = own.samples.period;
    for (std::size_t i = 0; i < own.run_id.size(); ++i) {
      if (seen.insert(own.run_id[i]).second) take_run(out, own, i);
    }
  }
  return out;
}

}  // namespace luban::history::detail
