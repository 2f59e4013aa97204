#include <algorithm>
#include <cmath>
#include <luban/history/detail/excerpt.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace luban::history::detail {
namespace {

using Rows = std::vector<std::int64_t>;

std::vector<std::string> names_of(const process::Table& table) {
  std::vector<std::string> names;
  for (const process::Column& column : table.columns()) names.push_back(column.info.name);
  return names;
}

/// The columns that a source has, of those asked for.
std::vector<std::string> present(const process::TableSource& source, std::vector<std::string> names) {
  std::unordered_set<std::string> there;
  for (const process::ColumnInfo& info : source.schema()) there.insert(info.name);
  std::erase_if(names, [&](const std::string& name) { return there.count(name) == 0; });
  return names;
}

process::Table columns_of(const process::Table& table, const std::vector<std::string>& names) {
  std::vector<process::Column> columns;
  for (const std::string& name : names) {
    if (const process::Column* column = table.find(name); column != nullptr) columns.push_back(*column);
  }
  return process::Table(std::move(columns));
}

void take_runs(Excerpt& excerpt, const HistorySource& history, const RunFilter& filter, const Content& addition) {
  const auto view = history.view({.grain = process::Grain::runs, .as_of = {}, .filter = filter});
  const process::Process process = addition.current_process();
  std::vector<std::string> achieved;
  for (const process::Parameter& parameter : process.parameters()) achieved.push_back(parameter.name + ".achieved");
  const std::vector<std::string> reached = present(*view, std::move(achieved));
  const auto identifiers = present(*view, process.definition().identifiers);
  const auto inputs = present(*view, names_of(addition.runs.parameters));
  const auto context = present(*view, names_of(addition.runs.context));
  std::vector<std::string> traces;
  for (const TraceColumn& trace : addition.traces) traces.push_back(trace.name);
  const auto channels = present(*view, std::move(traces));
  std::vector<std::string> wanted = {"run_id", "/runs/source"};
  for (const char* name : {"start_time", "end_time", "status", "group", "equipment", "material_lot", "recipe"}) {
    wanted.push_back(std::string("/runs/") + name);
  }
  for (const auto* names : {&inputs, &context, &channels, &identifiers, &reached}) {
    wanted.insert(wanted.end(), names->begin(), names->end());
  }
  const process::Table table = view->read(wanted, {0, view->row_count()});
  Content& content = excerpt.content;
  content.runs.run_id = table.strings("run_id");
  content.runs.start_time = table.times("/runs/start_time");
  content.runs.end_time = table.times("/runs/end_time");
  content.runs.status = table.codes("/runs/status");
  content.runs.group = table.strings("/runs/group");
  content.runs.equipment = table.strings("/runs/equipment");
  content.runs.material_lot = table.strings("/runs/material_lot");
  content.runs.recipe = table.strings("/runs/recipe");
  content.runs.identifiers = columns_of(table, identifiers);
  for (const std::string& name : reached) {
    process::Column column = table.at(name);
    column.info.name.resize(name.size() - std::string_view(".achieved").size());
    content.runs.achieved.add(std::move(column));
  }
  content.runs.parameters = columns_of(table, inputs);
  content.runs.context = columns_of(table, context);
  for (const TraceColumn& trace : addition.traces) {
    const process::Column* stored = table.find(trace.name);
    if (stored == nullptr) continue;
    const auto& samples = std::get<process::Ragged>(stored->data);
    TraceColumn copy{trace.name, trace.unit, trace.period, samples.values, samples.offsets, {}, {}, {}};
    if (copy.period == 0) copy.times.assign(copy.values.size(), core::UtcTime::missing_count);
    content.traces.push_back(std::move(copy));
  }
  const std::string& digest = addition.provenance.front().input_digest;
  const std::vector<std::string> digests = history.input_digests();
  for (const std::int32_t source : table.codes("/runs/source")) {
    excerpt.source.push_back(source);
    excerpt.same_import.push_back(static_cast<char>(digests.at(static_cast<std::size_t>(source)) == digest));
  }
}

void take_readings(Content& content, const HistorySource& history, const RunFilter& filter, const Content& addition) {
  const auto view = history.view({.grain = process::Grain::readings, .as_of = {}, .filter = filter});
  const auto noise = present(*view, names_of(addition.readings.noise));
  const auto auxiliary = present(*view, names_of(addition.readings.auxiliary));
  std::vector<std::string> measured;
  for (const ResponseEvents& events : addition.responses) measured.push_back(events.name);
  const auto responses = present(*view, std::move(measured));
  std::vector<std::string> wanted = {"run_id", "repeat"};
  for (const auto* names : {&noise, &auxiliary, &responses}) wanted.insert(wanted.end(), names->begin(), names->end());
  const process::Table table = view->read(wanted, {0, view->row_count()});
  std::unordered_map<std::string_view, std::int64_t> row;
  for (std::size_t i = 0; i < content.runs.size(); ++i) row[content.runs.run_id[i]] = static_cast<std::int64_t>(i);
  for (const std::string& id : table.strings("run_id")) content.readings.run.push_back(row.at(id));
  for (const double repeat : table.numbers("repeat"))
    content.readings.repeat.push_back(static_cast<std::int64_t>(repeat));
  content.readings.noise = columns_of(table, noise);
  content.readings.auxiliary = columns_of(table, auxiliary);
  for (const ResponseEvents& events : addition.responses) {
    ResponseEvents known;
    known.name = events.name;
    known.unit = events.unit;
    if (table.find(events.name) != nullptr) {
      const std::vector<double>& values = table.numbers(events.name);
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) continue;
        known.reading.push_back(static_cast<std::int64_t>(i));
        known.value.push_back(values[i]);
      }
    }
    content.responses.push_back(std::move(known));
  }
}

process::Table rows_of(const process::Table& table, const Rows& rows) {
  std::vector<process::Column> columns;
  for (const process::Column& column : table.columns()) columns.push_back(take(column, rows));
  return process::Table(std::move(columns));
}

template <typename T>
std::vector<T> rows_of(const std::vector<T>& values, const Rows& rows) {
  std::vector<T> out;
  out.reserve(rows.size());
  for (const std::int64_t row : rows) out.push_back(values[static_cast<std::size_t>(row)]);
  return out;
}

template <typename T>
std::vector<T> tail(const std::vector<T>& values, std::size_t first) {
  return {values.begin() + static_cast<std::ptrdiff_t>(std::min(first, values.size())), values.end()};
}

/// Runs that the excerpt had and that got something.
Rows continued_runs(const Content& merged, const Sizes& before) {
  std::vector<char> touched(before.runs, 0);
  for (std::size_t i = before.readings; i < merged.readings.size(); ++i) {
    const auto run = static_cast<std::size_t>(merged.readings.run[i]);
    if (run < before.runs) touched[run] = 1;
  }
  for (std::size_t t = 0; t < merged.traces.size(); ++t) {
    const auto& offsets = merged.traces[t].offsets;
    for (std::size_t run = 0; run < before.runs; ++run) {
      const std::int64_t had = t < before.samples.size() ? before.samples[t][run + 1] - before.samples[t][run] : 0;
      if (had == 0 && offsets[run + 1] > offsets[run]) touched[run] = 1;
    }
  }
  Rows rows;
  for (std::size_t run = 0; run < before.runs; ++run) {
    if (touched[run] != 0) rows.push_back(static_cast<std::int64_t>(run));
  }
  return rows;
}

ResponseEvents added_events(const Content& merged, const ResponseEvents& all, std::size_t first, const Sizes& before) {
  ResponseEvents events;
  events.name = all.name;
  events.unit = all.unit;
  events.value = tail(all.value, first);
  events.time = tail(all.time, first);
  events.quality = tail(all.quality, first);
  for (std::size_t i = first; i < all.size(); ++i) {
    const auto reading = static_cast<std::size_t>(all.reading[i]);
    if (reading >= before.readings) {
      events.reading.push_back(static_cast<std::int64_t>(reading - before.readings));
      continue;
    }
    events.reading.push_back(-1);
    events.late_run_id.push_back(merged.runs.run_id[static_cast<std::size_t>(merged.readings.run[reading])]);
    events.late_repeat.push_back(merged.readings.repeat[reading]);
  }
  return events;
}

TraceColumn added_samples(const TraceColumn& all, const std::vector<std::int64_t>* had, const Rows& rows,
                          std::size_t known) {
  TraceColumn out{all.name, all.unit, all.period, {}, {0}, {}, {}, {}};
  for (const std::int64_t row : rows) {
    const auto run = static_cast<std::size_t>(row);
    const bool before = had != nullptr && run < known && (*had)[run + 1] > (*had)[run];
    if (!before) {
      const auto begin = all.offsets[run];
      const auto end = all.offsets[run + 1];
      out.values.insert(out.values.end(), all.values.begin() + begin, all.values.begin() + end);
      if (all.period == 0) out.times.insert(out.times.end(), all.times.begin() + begin, all.times.begin() + end);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.values.size()));
    out.start_time.push_back(before ? core::UtcTime::missing_count : all.start_time[run]);
  }
  return out;
}

}  // namespace

Excerpt make_excerpt(const HistorySource& history, const Content& addition) {
  Excerpt excerpt;
  Content& content = excerpt.content;
  content.uuid = history.uuid();
  content.created_time = history.created_time().since_epoch().count();
  content.process = {history.latest_version()};
  content.provenance = {history.latest_import()};
  RunFilter filter;
  filter.run_id = addition.runs.run_id;
  std::sort(filter.run_id.begin(), filter.run_id.end());
  if (!filter.run_id.empty()) {
    take_runs(excerpt, history, filter, addition);
    if (content.runs.size() > 0) take_readings(content, history, filter, addition);
  }
  for (const ResponseEvents& events : addition.responses) {
    const bool known = std::any_of(content.responses.begin(), content.responses.end(),
                                   [&](const ResponseEvents& one) { return one.name == events.name; });
    if (known) continue;
    content.responses.emplace_back();
    content.responses.back().name = events.name;
    content.responses.back().unit = events.unit;
  }
  content.normalise();
  return excerpt;
}

Sizes::Sizes(const Content& content)
    : runs(content.runs.size()),
      readings(content.readings.size()),
      genealogy(content.genealogy.size()),
      recipes(content.recipes.size()),
      quarantine(content.quarantine.size()) {
  for (const ResponseEvents& response : content.responses) events.push_back(response.size());
  for (const TraceColumn& trace : content.traces) samples.push_back(trace.offsets);
}

Content added(const Content& merged, const Sizes& before, const std::vector<std::int32_t>& source) {
  Content out;
  out.uuid = merged.uuid;
  out.created_time = merged.created_time;
  out.process = {merged.process.back()};
  out.provenance = {merged.provenance.back()};
  const Rows continued = continued_runs(merged, before);
  out.segment = SegmentPlace{merged.provenance.back().previous, static_cast<std::int64_t>(continued.size())};
  Rows runs(merged.runs.size() - before.runs);
  std::iota(runs.begin(), runs.end(), static_cast<std::int64_t>(before.runs));
  runs.insert(runs.end(), continued.begin(), continued.end());
  out.runs.run_id = rows_of(merged.runs.run_id, runs);
  out.runs.start_time = rows_of(merged.runs.start_time, runs);
  out.runs.end_time = rows_of(merged.runs.end_time, runs);
  out.runs.status = rows_of(merged.runs.status, runs);
  out.runs.source.assign(runs.size() - continued.size(), 0);
  for (const std::int64_t run : continued) out.runs.source.push_back(-2 - source[static_cast<std::size_t>(run)]);
  out.runs.group = rows_of(merged.runs.group, runs);
  out.runs.equipment = rows_of(merged.runs.equipment, runs);
  out.runs.material_lot = rows_of(merged.runs.material_lot, runs);
  out.runs.recipe = rows_of(merged.runs.recipe, runs);
  out.runs.parameters = rows_of(merged.runs.parameters, runs);
  out.runs.context = rows_of(merged.runs.context, runs);
  out.runs.identifiers = rows_of(merged.runs.identifiers, runs);
  out.runs.achieved = rows_of(merged.runs.achieved, runs);
  std::unordered_map<std::int64_t, std::int64_t> place;
  for (std::size_t i = 0; i < runs.size(); ++i) place[runs[i]] = static_cast<std::int64_t>(i);
  Rows readings(merged.readings.size() - before.readings);
  std::iota(readings.begin(), readings.end(), static_cast<std::int64_t>(before.readings));
  for (const std::int64_t row : readings) {
    out.readings.run.push_back(place.at(merged.readings.run[static_cast<std::size_t>(row)]));
  }
  out.readings.repeat = rows_of(merged.readings.repeat, readings);
  out.readings.time = rows_of(merged.readings.time, readings);
  out.readings.noise = rows_of(merged.readings.noise, readings);
  out.readings.auxiliary = rows_of(merged.readings.auxiliary, readings);
  for (std::size_t i = 0; i < merged.responses.size(); ++i) {
    const std::size_t first = i < before.events.size() ? before.events[i] : 0;
    out.responses.push_back(added_events(merged, merged.responses[i], first, before));
  }
  for (std::size_t t = 0; t < merged.traces.size(); ++t) {
    const auto* had = t < before.samples.size() ? &before.samples[t] : nullptr;
    out.traces.push_back(added_samples(merged.traces[t], had, runs, before.runs));
  }
  const auto& lots = merged.genealogy;
  out.genealogy = {tail(lots.child_lot, before.genealogy), tail(lots.parent_lot, before.genealogy),
                   tail(lots.quantity, before.genealogy),  tail(lots.unit, before.genealogy),
                   tail(lots.time, before.genealogy),      {}};
  const auto& recipes = merged.recipes;
  out.recipes = {tail(recipes.recipe, before.recipes), tail(recipes.parameter, before.recipes),
                 tail(recipes.value, before.recipes),  tail(recipes.category, before.recipes),
                 tail(recipes.unit, before.recipes),   {}};
  const Quarantine& refused = merged.quarantine;
  out.quarantine = {{},
                    tail(refused.source_row, before.quarantine),
                    tail(refused.column, before.quarantine),
                    tail(refused.value, before.quarantine),
                    tail(refused.reason, before.quarantine),
                    tail(refused.scope, before.quarantine)};
  return out;  // all other sources are left empty: everything is of the one import
}

}  // namespace luban::history::detail
