#include <algorithm>
#include <cmath>
#include <luban/history/detail/excerpt.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <luban/history/detail/view.hpp>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

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

/// Samples that a history has of a channel, for each of the runs.
TraceColumn stored_samples(const HistorySource& history, const TraceInfo& channel, const RunFilter& filter,
                           const std::vector<std::string>& runs) {
  const TraceRows rows = history.trace(channel.name, {.grain = process::Grain::runs, .as_of = {}, .filter = filter});
  const TraceColumn& from = rows.samples;
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < rows.run_id.size(); ++i) place[rows.run_id[i]] = i;
  TraceColumn out{channel.name, channel.unit, channel.period, {}, {0}, {}, {}, {}};
  for (const std::string& run : runs) {
    const auto found = place.find(run);
    if (found != place.end()) {
      const auto begin = from.offsets[found->second];
      const auto end = from.offsets[found->second + 1];
      out.values.insert(out.values.end(), from.values.begin() + begin, from.values.begin() + end);
      if (out.period == 0) out.times.insert(out.times.end(), from.times.begin() + begin, from.times.begin() + end);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.values.size()));
    out.start_time.push_back(found != place.end() ? from.start_time[found->second] : core::UtcTime::missing_count);
  }
  return out;
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
  std::vector<std::string> wanted = {"run_id", "/runs/source"};
  for (const char* name : {"start_time", "end_time", "status", "group", "equipment", "material_lot", "recipe"}) {
    wanted.push_back(std::string("/runs/") + name);
  }
  for (const auto* names : {&inputs, &context, &identifiers, &reached}) {
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
  for (const TraceInfo& channel : history.traces()) {
    const bool wanted_channel = std::any_of(addition.traces.begin(), addition.traces.end(),
                                            [&](const TraceColumn& trace) { return trace.name == channel.name; });
    if (wanted_channel) content.traces.push_back(stored_samples(history, channel, filter, content.runs.run_id));
  }
  excerpt.source = table.codes("/runs/source");
}

void take_keys(Content& content, const process::Table& table) {
  std::unordered_map<std::string_view, std::int64_t> row;
  for (std::size_t i = 0; i < content.runs.size(); ++i) row[content.runs.run_id[i]] = static_cast<std::int64_t>(i);
  for (const std::string& id : table.strings("run_id")) content.readings.run.push_back(row.at(id));
  for (const double repeat : table.numbers("repeat"))
    content.readings.repeat.push_back(static_cast<std::int64_t>(repeat));
}

void take_values(Content& content, const process::TableSource& view, const Content& addition) {
  const auto noise = present(view, names_of(addition.readings.noise));
  const auto auxiliary = present(view, names_of(addition.readings.auxiliary));
  std::vector<std::string> measured;
  for (const ResponseEvents& events : addition.responses) measured.push_back(events.name);
  const auto responses = present(view, std::move(measured));
  std::vector<std::string> stated;  // the last event of each reading, were it a bad one
  for (const std::string& name : responses) stated.insert(stated.end(), {stated_name(name), quality_name(name)});
  std::vector<std::string> wanted;
  for (const std::vector<std::string>& names : {noise, auxiliary, stated}) {
    wanted.insert(wanted.end(), names.begin(), names.end());
  }
  const process::Table table = view.read(wanted, {0, view.row_count()});
  content.readings.noise = columns_of(table, noise);
  content.readings.auxiliary = columns_of(table, auxiliary);
  for (const ResponseEvents& events : addition.responses) {
    ResponseEvents known;
    known.name = events.name;
    known.unit = events.unit;
    if (table.find(stated_name(events.name)) != nullptr) {
      const std::vector<double>& values = table.numbers(stated_name(events.name));
      const std::vector<std::int32_t>& quality = table.codes(quality_name(events.name));
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) continue;
        known.reading.push_back(static_cast<std::int64_t>(i));
        known.value.push_back(values[i]);
        known.quality.push_back(quality[i]);
      }
    }
    content.responses.push_back(std::move(known));
  }
}

/// Of each reading whether it came since `began`.
std::vector<char> since(const Content& content, const HistorySource& history, const RunFilter& filter,
                        core::UtcTime began) {
  std::vector<char> own(content.readings.size(), began.missing() ? 0 : 1);
  if (began.missing()) return own;
  const core::UtcTime before{began.since_epoch() - core::Nanoseconds(1)};
  const auto view = history.view({.grain = process::Grain::readings, .as_of = before, .filter = filter});
  const process::Table table = view->read({"run_id", "repeat"}, {0, view->row_count()});
  std::set<std::pair<std::string_view, std::int64_t>> others;
  const std::vector<std::string>& runs = table.strings("run_id");
  const std::vector<double>& repeats = table.numbers("repeat");
  for (std::size_t i = 0; i < runs.size(); ++i) others.insert({runs[i], static_cast<std::int64_t>(repeats[i])});
  if (others.empty()) return own;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::string& run = content.runs.run_id[static_cast<std::size_t>(content.readings.run[i])];
    if (others.count({run, content.readings.repeat[i]}) != 0) own[i] = 0;
  }
  return own;
}

}  // namespace

Excerpt make_excerpt(const HistorySource& history, const Content& addition, core::UtcTime began) {
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
    if (content.runs.size() > 0) {
      const auto view = history.view({.grain = process::Grain::readings, .as_of = {}, .filter = filter});
      take_keys(content, view->read({"run_id", "repeat"}, {0, view->row_count()}));
      excerpt.own = since(content, history, filter, began);
      const bool keys = std::all_of(excerpt.own.begin(), excerpt.own.end(), [](char own) { return own != 0; });
      if (!keys) take_values(content, *view, addition);
    }
  }
  content.normalise();
  return excerpt;
}

}  // namespace luban::history::detail
