#include <algorithm>
#include <luban/history/detail/join_contents.hpp>
#include <luban/history/detail/key_hash.hpp>
#include <luban/history/detail/merge_material.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace luban::history::detail {
namespace {

template <typename T>
void extend(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// Row numbers of imports, counted on.
void extend_sources(std::vector<std::int32_t>& to, const std::vector<std::int32_t>& more, std::int32_t before) {
  for (const std::int32_t source : more) to.push_back(source + before);
}

/// The contents so far, and how the next segment is appended. Runs that continue runs from before the first segment
/// are kept aside and come last.
class Joiner {
 public:
  explicit Joiner(Content first) {
    out_ = std::move(first);
    if (!out_.segment) out_.segment.emplace();
    index_runs(0);
  }

  void add(const Content& more) {
    sources_ = static_cast<std::int32_t>(out_.provenance.size());
    readings_before_ = static_cast<std::int64_t>(out_.readings.size());
    const std::size_t runs_before = out_.runs.size();
    place_runs(more);
    append_runs(more, runs_before);
    append_readings(more);
    for (const ResponseEvents& events : more.responses) append_events(events);
    const RunPlaces places{run_target_, runs_before, out_.runs.size(), sources_};
    merge_traces(out_.traces, more.traces, places, [](std::size_t, const std::string&, const std::string&) {});
    merge_genealogy(out_.genealogy, more.genealogy, sources_);
    merge_recipes(out_.recipes, more.recipes, sources_);
    append_quarantine(out_.quarantine, more.quarantine, sources_);
    append_versions(out_.process, more.process);
    extend(out_.provenance, more.provenance);
  }

  /// Puts the runs that continue earlier ones at the end.
  Content take() {
    const auto own = std::count(is_continued_.begin(), is_continued_.end(), char{0});
    const auto total = static_cast<std::ptrdiff_t>(is_continued_.size());
    out_.segment->continued = total - own;
    if (own == total ||
        std::is_partitioned(is_continued_.begin(), is_continued_.end(), [](char c) { return c == 0; })) {
      return std::move(out_);
    }
    std::vector<std::int64_t> order(is_continued_.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_partition(order.begin(), order.end(),
                          [&](std::int64_t run) { return is_continued_[static_cast<std::size_t>(run)] == 0; });
    reorder_runs(order);
    return std::move(out_);
  }

 private:
  void index_runs(std::size_t from);
  void place_runs(const Content& more);
  void append_runs(const Content& more, std::size_t runs_before);
  void append_readings(const Content& more);
  void append_events(const ResponseEvents& events);
  void resolve_late(ResponseEvents& events, const ResponseEvents& more, std::size_t late);
  void reorder_runs(const std::vector<std::int64_t>& order);
  [[nodiscard]] std::int64_t find_reading(const std::string& run_id, std::int64_t repeat);

  Content out_;
  std::vector<char> is_continued_;
  std::unordered_map<std::string, std::int64_t> row_of_;
  std::unordered_map<std::pair<std::int64_t, std::int64_t>, std::int64_t, KeyHash> reading_of_;
  std::size_t indexed_readings_ = 0;
  std::int32_t sources_ = 0;
  std::int64_t readings_before_ = 0;
  std::vector<std::int64_t> run_target_;  // run of the next segment → run of the result
  std::vector<std::int64_t> new_runs_;    // runs of the next segment that are appended
};

void Joiner::index_runs(std::size_t from) {
  const auto continued = static_cast<std::size_t>(out_.segment->continued);
  for (std::size_t i = from; i < out_.runs.size(); ++i) {
    row_of_.emplace(out_.runs.run_id[i], static_cast<std::int64_t>(i));
    if (i >= is_continued_.size()) is_continued_.push_back(static_cast<char>(i + continued >= out_.runs.size()));
  }
}

void Joiner::place_runs(const Content& more) {
  run_target_.clear();
  new_runs_.clear();
  const auto continued = static_cast<std::size_t>(more.segment ? more.segment->continued : 0);
  const std::size_t own = more.runs.size() - std::min(more.runs.size(), continued);
  for (std::size_t i = 0; i < more.runs.size(); ++i) {
    const auto next = static_cast<std::int64_t>(out_.runs.size() + new_runs_.size());
    const auto [entry, is_new] = row_of_.emplace(more.runs.run_id[i], next);
    run_target_.push_back(entry->second);
    if (!is_new) continue;
    new_runs_.push_back(static_cast<std::int64_t>(i));
    is_continued_.push_back(static_cast<char>(i >= own));
  }
}

void Joiner::append_runs(const Content& more, std::size_t runs_before) {
  Runs& to = out_.runs;
  const auto take_new = [&](auto Runs::*member) {
    for (const std::int64_t row : new_runs_) (to.*member).push_back((more.runs.*member)[static_cast<std::size_t>(row)]);
  };
  for (const auto member : {&Runs::run_id, &Runs::group, &Runs::equipment, &Runs::material_lot, &Runs::recipe}) {
    take_new(member);
  }
  for (const auto member : {&Runs::start_time, &Runs::end_time}) take_new(member);
  take_new(&Runs::status);
  for (const std::int64_t row : new_runs_) {
    const std::int32_t source = more.runs.source[static_cast<std::size_t>(row)];
    to.source.push_back(source < 0 ? source : source + sources_);  // below 0: of a segment before the first
  }
  for (const auto member : {&Runs::parameters, &Runs::context, &Runs::identifiers, &Runs::achieved}) {
    widen_categories(to.*member, more.runs.*member);
    to.*member = append(to.*member, runs_before, more.runs.*member, new_runs_);
  }
}

void Joiner::append_readings(const Content& more) {
  Readings& to = out_.readings;
  const std::size_t before = to.size();
  std::vector<std::int64_t> all(more.readings.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  for (const std::int64_t run : more.readings.run) to.run.push_back(run_target_.at(static_cast<std::size_t>(run)));
  extend(to.repeat, more.readings.repeat);
  extend(to.time, more.readings.time);
  for (const auto member : {&Readings::noise, &Readings::auxiliary}) {
    widen_categories(to.*member, more.readings.*member);
    to.*member = append(to.*member, before, more.readings.*member, all);
  }
}

std::int64_t Joiner::find_reading(const std::string& run_id, std::int64_t repeat) {
  for (; indexed_readings_ < out_.readings.size(); ++indexed_readings_) {
    reading_of_.emplace(std::pair(out_.readings.run[indexed_readings_], out_.readings.repeat[indexed_readings_]),
                        static_cast<std::int64_t>(indexed_readings_));
  }
  const auto run = row_of_.find(run_id);
  if (run == row_of_.end()) return -1;
  const auto reading = reading_of_.find({run->second, repeat});
  return reading == reading_of_.end() ? -1 : reading->second;
}

void Joiner::append_events(const ResponseEvents& more) {
  auto found = std::find_if(out_.responses.begin(), out_.responses.end(),
                            [&](const ResponseEvents& events) { return events.name == more.name; });
  if (found == out_.responses.end()) {
    found = out_.responses.insert(found, ResponseEvents());
    found->name = more.name;
    found->unit = more.unit;
  }
  ResponseEvents& to = *found;
  std::size_t late = 0;
  for (const std::int64_t reading : more.reading) {
    if (reading >= 0) {
      to.reading.push_back(reading + readings_before_);
    } else {
      resolve_late(to, more, late++);
    }
  }
  extend(to.value, more.value);
  extend(to.time, more.time);
  extend(to.quality, more.quality);
  extend_sources(to.source, more.source, sources_);
}

void Joiner::resolve_late(ResponseEvents& to, const ResponseEvents& more, std::size_t late) {
  const std::int64_t reading = find_reading(more.late_run_id.at(late), more.late_repeat.at(late));
  to.reading.push_back(reading);
  if (reading >= 0) return;
  to.late_run_id.push_back(more.late_run_id[late]);
  to.late_repeat.push_back(more.late_repeat[late]);
}

void Joiner::reorder_runs(const std::vector<std::int64_t>& order) {
  Runs& runs = out_.runs;
  std::vector<std::int64_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    place[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  const auto permute = [&order](auto& values) {
    std::decay_t<decltype(values)> out;
    for (const std::int64_t row : order) out.push_back(values[static_cast<std::size_t>(row)]);
    values = std::move(out);
  };
  for (auto* column : {&runs.run_id, &runs.group, &runs.equipment, &runs.material_lot, &runs.recipe}) permute(*column);
  permute(runs.start_time);
  permute(runs.end_time);
  permute(runs.status);
  permute(runs.source);
  for (auto* table : {&runs.parameters, &runs.context, &runs.identifiers, &runs.achieved}) {
    std::vector<process::Column> columns;
    for (const process::Column& column : table->columns()) columns.push_back(detail::take(column, order));
    *table = process::Table(std::move(columns));
  }
  for (std::int64_t& run : out_.readings.run) run = place[static_cast<std::size_t>(run)];
  std::vector<TraceColumn> sorted;
  merge_traces(sorted, out_.traces, {place, 0, order.size(), 0},
               [](std::size_t, const std::string&, const std::string&) {});
  out_.traces = std::move(sorted);
}

}  // namespace

Content join_contents(std::vector<Content> segments) {
  Joiner joiner(std::move(segments.front()));
  for (std::size_t k = 1; k < segments.size(); ++k) {
    joiner.add(segments[k]);
    segments[k] = Content();
  }
  return joiner.take();
}

void append_quarantine(Quarantine& to, const Quarantine& more, std::int32_t sources) {
  extend_sources(to.source, more.source, sources);
  extend(to.source_row, more.source_row);
  extend(to.column, more.column);
  extend(to.value, more.value);
  extend(to.reason, more.reason);
  extend(to.scope, more.scope);
}

void append_versions(std::vector<ProcessVersion>& to, const std::vector<ProcessVersion>& more) {
  for (const ProcessVersion& version : more) {
    if (to.empty() || version.definition != to.back().definition || version.document != to.back().document) {
      to.push_back(version);
    }
  }
}

}  // namespace luban::history::detail
