// Samples with their times: of one file, and of a folder.
#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/detail/chosen_rows.hpp>
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

/// Ascending ranges without empty ones, those that touch as one.
Ranges joined(const Ranges& ranges) {
  Ranges out;
  for (const process::RowRange& range : ranges) {
    if (range.size() > 0) append_range(out, range);
  }
  return out;
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

// Which samples of a channel belong to each of `runs`: none to those whose samples were not known then.
Ranges View::sample_ranges(const std::string& trace, const Ranges& runs) const {
  Ranges with_end;  // run i has the samples from offset i to offset i + 1
  for (const process::RowRange& range : runs) with_end.push_back({range.begin, range.end + 1});
  const auto offsets = load_ranges<std::int64_t>(*file_, trace + "/offsets", with_end);
  const auto source = load_ranges<std::int32_t>(*file_, trace + "/source", runs);
  const auto total = static_cast<std::int64_t>(file_->info(trace + "/values").count);
  if (!std::is_sorted(offsets.begin(), offsets.end()) ||
      (!offsets.empty() && (offsets.front() < 0 || offsets.back() > total))) {
    out_of_range(*file_, trace + "/offsets", offsets.back());
  }
  Ranges samples;
  samples.reserve(source.size());
  auto begin = offsets.begin();
  for (const process::RowRange& range : runs) {
    for (std::size_t i = 0; i < range.size(); ++i, ++begin) {
      const bool known = source[samples.size()] < static_cast<std::int32_t>(imports_);
      samples.push_back({static_cast<std::size_t>(*begin), static_cast<std::size_t>(known ? begin[1] : begin[0])});
    }
    ++begin;  // the end of the range
  }
  return samples;
}

process::Ragged View::samples(const std::string& trace, const Ranges& runs) const {
  const Ranges ranges = sample_ranges(trace, runs);
  process::Ragged out;
  out.values = load_ranges<float>(*file_, trace + "/values", joined(ranges));
  for (const process::RowRange& range : ranges) {
    out.offsets.push_back(out.offsets.back() + static_cast<std::int64_t>(range.size()));
  }
  return out;
}

process::Ragged View::run_samples(const std::string& trace, const Ranges& runs) const {
  const std::vector<StoredTrace> stored = stored_traces(*file_);
  const auto found = std::find_if(stored.begin(), stored.end(), [&](const auto& one) { return one.name == trace; });
  if (found != stored.end()) return samples(found->path, runs);
  process::Ragged none;
  none.offsets.assign(count_rows(runs) + 1, 0);
  return none;
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
  const Ranges samples = sample_ranges(found->path, run_ranges_);
  const Ranges wanted = joined(samples);
  out.samples.values = load_ranges<float>(*file_, found->path + "/values", wanted);
  if (found->period == 0) out.samples.times = load_ranges<std::int64_t>(*file_, found->path + "/times", wanted);
  auto run_id = load_ranges<std::string>(*file_, "/runs/run_id", run_ranges_);
  const auto start = load_ranges<std::int64_t>(*file_, found->path + "/start_time", run_ranges_);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].size() == 0) continue;
    out.run_id.push_back(std::move(run_id[i]));
    out.samples.offsets.push_back(out.samples.offsets.back() + static_cast<std::int64_t>(samples[i].size()));
    out.samples.start_time.push_back(start[i]);
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
