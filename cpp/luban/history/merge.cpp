#include <algorithm>
#include <luban/history/content.hpp>
#include <luban/history/detail/join_contents.hpp>
#include <luban/history/detail/placement.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <utility>

namespace luban::history {
namespace {

using Rows = std::vector<std::int64_t>;

template <typename T>
void extend(std::vector<T>& column, const std::vector<T>& more, const Rows& rows) {
  column.reserve(column.size() + rows.size());
  for (const std::int64_t row : rows) column.push_back(more[static_cast<std::size_t>(row)]);
}

template <typename T>
void extend(std::vector<T>& column, std::vector<T>&& more) {
  if (column.empty()) {
    column = std::move(more);
  } else {
    column.insert(column.end(), more.begin(), more.end());
  }
}

/// Into an empty history the rows go as they are.
bool takes_whole(const Content& history, const detail::Placement& placed) {
  return placed.stored_runs == 0 && placed.stored_readings == 0 && placed.report.refused_readings.empty() &&
         history.runs.parameters.columns().empty() && history.readings.noise.columns().empty();
}

void append_runs(Runs& to, const Runs& from, const detail::Placement& placed, std::int32_t source) {
  const Rows& rows = placed.new_runs;
  extend(to.run_id, from.run_id, rows);
  extend(to.start_time, from.start_time, rows);
  extend(to.end_time, from.end_time, rows);
  extend(to.status, from.status, rows);
  extend(to.group, from.group, rows);
  extend(to.equipment, from.equipment, rows);
  extend(to.material_lot, from.material_lot, rows);
  extend(to.recipe, from.recipe, rows);
  to.source.resize(to.run_id.size(), source);
  for (const auto member : {&Runs::parameters, &Runs::context, &Runs::identifiers, &Runs::achieved}) {
    detail::widen_categories(to.*member, from.*member);
    to.*member = detail::append(to.*member, placed.stored_runs, from.*member, rows);
  }
}

void append_readings(Readings& to, const Readings& from, const detail::Placement& placed) {
  const Rows& rows = placed.new_readings;
  to.run.reserve(to.run.size() + rows.size());
  for (const std::int64_t row : rows) {
    to.run.push_back(placed.run_target[static_cast<std::size_t>(from.run[static_cast<std::size_t>(row)])]);
  }
  extend(to.repeat, from.repeat, rows);
  extend(to.time, from.time, rows);
  for (const auto member : {&Readings::noise, &Readings::auxiliary}) {
    detail::widen_categories(to.*member, from.*member);
    to.*member = detail::append(to.*member, placed.stored_readings, from.*member, rows);
  }
}

void append_events(std::vector<ResponseEvents>& responses, ResponseEvents& events) {
  const auto found = std::find_if(responses.begin(), responses.end(),
                                  [&](const ResponseEvents& stored) { return stored.name == events.name; });
  if (found == responses.end()) {
    responses.push_back(std::move(events));
    return;
  }
  extend(found->reading, std::move(events.reading));
  extend(found->value, std::move(events.value));
  extend(found->time, std::move(events.time));
  extend(found->quality, std::move(events.quality));
  extend(found->source, std::move(events.source));
}

}  // namespace

MergeReport merge(Content& history, Content addition, const std::vector<std::int64_t>& source_rows,
                  const MergeOptions& options) {
  const auto source = static_cast<std::int32_t>(history.provenance.size());
  detail::Placement placed = detail::place(history, addition, source_rows, options);
  if (!placed.report.changed()) return std::move(placed.report);
  if (takes_whole(history, placed)) {
    history.runs = std::move(addition.runs);
    history.runs.source.assign(history.runs.size(), source);
    history.readings = std::move(addition.readings);
  } else {
    append_runs(history.runs, addition.runs, placed, source);
    append_readings(history.readings, addition.readings, placed);
  }
  detail::append_quarantine(history.quarantine, addition.quarantine, source);
  detail::append_quarantine(history.quarantine, placed.report.refused, source);
  detail::append_versions(history.process, {addition.process.back()});
  history.provenance.push_back(detail::import_after(history, addition, placed.report));
  for (ResponseEvents& events : addition.responses) append_events(history.responses, events);
  return std::move(placed.report);
}

}  // namespace luban::history
