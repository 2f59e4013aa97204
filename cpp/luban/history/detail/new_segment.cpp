#include <algorithm>
#include <luban/history/detail/join_contents.hpp>
#include <luban/history/detail/new_segment.hpp>
#include <luban/history/detail/placement.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <utility>

namespace luban::history::detail {
namespace {

using Rows = std::vector<std::int64_t>;
using Offsets = std::vector<std::vector<std::int64_t>>;

Offsets sample_offsets(const std::vector<TraceColumn>& traces) {
  Offsets offsets;
  for (const TraceColumn& trace : traces) offsets.push_back(trace.offsets);
  return offsets;
}

bool had_samples(const Offsets& before, std::size_t trace, std::size_t run) {
  if (trace >= before.size() || run + 1 >= before[trace].size()) return false;
  return before[trace][run + 1] > before[trace][run];
}

/// Known runs that got readings or samples.
Rows continued_runs(const Content& known, const Offsets& before, const Readings& added, const Placement& placed) {
  std::vector<char> touched(placed.stored_runs, 0);
  for (const std::int64_t reading : placed.new_readings) {
    const auto run = static_cast<std::size_t>(
        placed.run_target[static_cast<std::size_t>(added.run[static_cast<std::size_t>(reading)])]);
    if (run < placed.stored_runs) touched[run] = 1;
  }
  for (std::size_t t = 0; t < known.traces.size(); ++t) {
    const auto& offsets = known.traces[t].offsets;
    for (std::size_t run = 0; run < placed.stored_runs; ++run) {
      if (!had_samples(before, t, run) && offsets[run + 1] > offsets[run]) touched[run] = 1;
    }
  }
  Rows rows;
  for (std::size_t run = 0; run < touched.size(); ++run) {
    if (touched[run] != 0) rows.push_back(static_cast<std::int64_t>(run));
  }
  return rows;
}

/// `rows` of a column; all of them in their order are taken as they are.
template <typename T>
std::vector<T> taken(std::vector<T>&& values, const std::vector<std::int64_t>& rows) {
  if (rows.size() == values.size()) return std::move(values);  // rows ascend
  std::vector<T> out;
  out.reserve(rows.size());
  for (const std::int64_t row : rows) out.push_back(std::move(values[static_cast<std::size_t>(row)]));
  return out;
}

/// `rows` of what was added, then `more` rows of what was known.
template <typename T>
std::vector<T> joined(std::vector<T>&& added, const Rows& rows, const std::vector<T>& known, const Rows& more) {
  std::vector<T> out = taken(std::move(added), rows);
  for (const std::int64_t row : more) out.push_back(known[static_cast<std::size_t>(row)]);
  return out;
}

process::Table rows_of(const process::Table& table, const Rows& rows) {
  std::vector<process::Column> columns;
  for (const process::Column& column : table.columns()) columns.push_back(take(column, rows));
  return process::Table(std::move(columns));
}

process::Table taken(process::Table&& table, const Rows& rows) {
  return table.columns().empty() || table.row_count() == rows.size() ? std::move(table) : rows_of(table, rows);
}

process::Table joined(process::Table&& added, const Rows& rows, const process::Table& known, const Rows& more) {
  process::Table out = taken(std::move(added), rows);
  if (more.empty()) return out;
  process::Table last = rows_of(known, more);
  widen_categories(last, out);
  Rows all(more.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  return append(out, rows.size(), last, all);
}

Runs runs_of(const Excerpt& known, Runs&& added, const Placement& placed, const Rows& continued) {
  const Runs& before = known.content.runs;
  const Rows& rows = placed.new_runs;
  Runs out;
  out.start_time = joined(std::move(added.start_time), rows, before.start_time, continued);
  out.end_time = joined(std::move(added.end_time), rows, before.end_time, continued);
  out.status = joined(std::move(added.status), rows, before.status, continued);
  out.group = joined(std::move(added.group), rows, before.group, continued);
  out.equipment = joined(std::move(added.equipment), rows, before.equipment, continued);
  out.material_lot = joined(std::move(added.material_lot), rows, before.material_lot, continued);
  out.recipe = joined(std::move(added.recipe), rows, before.recipe, continued);
  out.source.assign(rows.size(), 0);
  for (const std::int64_t run : continued) out.source.push_back(-2 - known.source[static_cast<std::size_t>(run)]);
  for (const auto member : {&Runs::parameters, &Runs::context, &Runs::identifiers, &Runs::achieved}) {
    out.*member = joined(std::move(added.*member), rows, before.*member, continued);
  }
  out.run_id = joined(std::move(added.run_id), rows, before.run_id, continued);
  return out;
}

/// Run of the excerpt or behind it → row of the segment.
std::vector<std::int64_t> places_of(const Placement& placed, const Rows& continued) {
  std::vector<std::int64_t> place(placed.stored_runs + placed.new_runs.size(), -1);
  for (std::size_t i = 0; i < placed.new_runs.size(); ++i) place[placed.stored_runs + i] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < continued.size(); ++i) {
    place[static_cast<std::size_t>(continued[i])] = static_cast<std::int64_t>(placed.new_runs.size() + i);
  }
  return place;
}

Readings readings_of(Readings&& added, const Placement& placed, const Rows& continued) {
  const std::vector<std::int64_t> place = places_of(placed, continued);
  const Rows& rows = placed.new_readings;
  Readings out;
  out.run = taken(std::move(added.run), rows);
  for (std::int64_t& run : out.run) {
    run = place[static_cast<std::size_t>(placed.run_target[static_cast<std::size_t>(run)])];
  }
  out.repeat = taken(std::move(added.repeat), rows);
  out.time = taken(std::move(added.time), rows);
  out.noise = taken(std::move(added.noise), rows);
  out.auxiliary = taken(std::move(added.auxiliary), rows);
  return out;
}

/// Events for known readings get their keys.
void name_late(ResponseEvents& events, const Content& known) {
  const auto stored = static_cast<std::int64_t>(known.readings.size());
  for (std::int64_t& reading : events.reading) {
    if (reading >= stored) {
      reading -= stored;
      continue;
    }
    const auto row = static_cast<std::size_t>(reading);
    events.late_run_id.push_back(known.runs.run_id[static_cast<std::size_t>(known.readings.run[row])]);
    events.late_repeat.push_back(known.readings.repeat[row]);
    reading = -1;
  }
  events.source.clear();
}

/// Samples that are new, of the runs of the segment: `rows` of the excerpt as it is now.
TraceColumn samples_of(const TraceColumn& all, const Offsets& before, std::size_t trace, const Rows& rows) {
  TraceColumn out{all.name, all.unit, all.period, {}, {0}, {}, {}, {}};
  for (const std::int64_t row : rows) {
    const auto run = static_cast<std::size_t>(row);
    const bool known = had_samples(before, trace, run);
    if (!known) {
      const auto begin = all.offsets[run];
      const auto end = all.offsets[run + 1];
      out.values.insert(out.values.end(), all.values.begin() + begin, all.values.begin() + end);
      if (all.period == 0) out.times.insert(out.times.end(), all.times.begin() + begin, all.times.begin() + end);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.values.size()));
    out.start_time.push_back(known ? core::UtcTime::missing_count : all.start_time[run]);
  }
  return out;
}

}  // namespace

NewSegment new_segment(Excerpt known, Content addition, const std::vector<std::int64_t>& source_rows) {
  Content& before = known.content;
  const Offsets samples = sample_offsets(before.traces);
  Placement placed = place(before, addition, source_rows, {.own_readings = std::move(known.own)});
  NewSegment made;
  made.report = std::move(placed.report);
  if (!made.report.changed()) return made;
  Content& out = made.content;
  out.uuid = before.uuid;
  out.created_time = before.created_time;
  append_versions(before.process, {addition.process.back()});
  out.process = {before.process.back()};
  out.provenance = {import_after(before, addition, made.report)};
  const Rows continued = continued_runs(before, samples, addition.readings, placed);
  out.segment = SegmentPlace{out.provenance.back().previous, static_cast<std::int64_t>(continued.size())};
  Rows of_excerpt(placed.new_runs.size());
  for (std::size_t i = 0; i < of_excerpt.size(); ++i) {
    of_excerpt[i] = static_cast<std::int64_t>(placed.stored_runs + i);
  }
  of_excerpt.insert(of_excerpt.end(), continued.begin(), continued.end());
  for (std::size_t t = 0; t < before.traces.size(); ++t) {
    out.traces.push_back(samples_of(before.traces[t], samples, t, of_excerpt));
  }
  out.runs = runs_of(known, std::move(addition.runs), placed, continued);
  out.readings = readings_of(std::move(addition.readings), placed, continued);
  out.responses = std::move(addition.responses);
  for (ResponseEvents& events : out.responses) name_late(events, before);
  out.genealogy = std::move(before.genealogy);
  out.genealogy.source.clear();
  out.recipes = std::move(before.recipes);
  out.recipes.source.clear();
  out.quarantine = std::move(addition.quarantine);
  append_quarantine(out.quarantine, made.report.refused, 0);
  return made;  // sources that are left empty: everything is of the one import
}

}  // namespace luban::history::detail
