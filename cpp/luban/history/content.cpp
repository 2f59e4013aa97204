#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/core/sha256.hpp>
#include <luban/history/content.hpp>
#include <string_view>
#include <unordered_set>

namespace luban::history {
namespace {

[[noreturn]] void contradiction(const std::string& expected, const std::string& received, const std::string& place) {
  throw core::DataError(
      {.where = "history.content", .expected = expected, .received = received, .place = place, .hint = {}});
}

/// Fills an optional column, or insists on its length.
template <typename T>
void complete(std::vector<T>& column, std::size_t count, const T& missing, const std::string& name) {
  if (column.empty()) column.assign(count, missing);
  if (column.size() != count) {
    contradiction(std::to_string(count) + " rows", std::to_string(column.size()), name);
  }
}

template <typename T>
void require_range(const std::vector<T>& column, std::int64_t low, std::int64_t high, const std::string& name) {
  bool outside = false;  // without a way out of the loop several are looked at in one instruction
  for (const T value : column) outside |= value < low || value >= high;
  if (!outside) return;
  for (const T value : column) {
    if (value < low || value >= high) {
      contradiction("numbers from " + std::to_string(low) + " to " + std::to_string(high - 1), std::to_string(value),
                    name);
    }
  }
}

void require_rows(const process::Table& table, std::size_t count, const char* name) {
  if (!table.columns().empty() && table.row_count() != count) {
    contradiction(std::to_string(count) + " rows", std::to_string(table.row_count()), name);
  }
}

void require_text(const std::vector<std::string>& column, const std::string& name) {
  for (const std::string& text : column) {
    if (text.find('\0') != std::string::npos) contradiction("text", "a text that holds a zero byte", name);
  }
}

void require_texts(const process::Table& table) {
  for (const auto& column : table.columns()) {
    if (const auto* texts = std::get_if<std::vector<std::string>>(&column.data)) {
      require_text(*texts, column.info.name);
    }
  }
}

void normalise_runs(Runs& runs, std::int64_t sources, std::size_t continued) {
  const std::size_t count = runs.size();
  complete(runs.start_time, count, core::UtcTime::missing_count, "runs.start_time");
  complete(runs.end_time, count, core::UtcTime::missing_count, "runs.end_time");
  complete(runs.status, count, 0, "runs.status");
  complete(runs.source, count, 0, "runs.source");
  for (auto* column : {&runs.group, &runs.equipment, &runs.material_lot, &runs.recipe}) {
    complete(*column, count, std::string(), "runs");
    require_text(*column, "runs");
  }
  require_range(runs.status, 0, static_cast<std::int64_t>(run_status_names().size()), "runs.status");
  const auto own = runs.source.end() - static_cast<std::ptrdiff_t>(std::min(count, continued));
  require_range(std::vector(runs.source.begin(), own), 0, sources, "runs.source");
  require_range(std::vector(own, runs.source.end()), std::numeric_limits<std::int32_t>::min(), -1, "runs.source");
  require_text(runs.run_id, "runs.run_id");
  // Numbered runs ascend, and are unique at a glance; others are looked up.
  const bool ascending =
      std::adjacent_find(runs.run_id.begin(), runs.run_id.end(), std::greater_equal<>()) == runs.run_id.end();
  std::unordered_set<std::string_view> seen;
  if (!ascending) seen.reserve(count);
  for (const std::string& id : runs.run_id) {
    if (id.empty()) contradiction("a run_id for every run", "an empty one", "runs.run_id");
    if (!ascending && !seen.insert(id).second) contradiction("unique run_id", "`" + id + "` twice", "runs.run_id");
  }
  for (const auto* table : {&runs.parameters, &runs.context, &runs.identifiers, &runs.achieved}) {
    require_rows(*table, count, "runs");
    require_texts(*table);
  }
}

/// Whether the repeats of each run ascend, so that none comes twice.
bool repeats_ascend(const Readings& readings, std::size_t runs) {
  std::vector<std::int64_t> last(runs, std::numeric_limits<std::int64_t>::min());
  for (std::size_t i = 0; i < readings.size(); ++i) {
    std::int64_t& before = last[static_cast<std::size_t>(readings.run[i])];
    if (readings.repeat[i] <= before) return false;
    before = readings.repeat[i];
  }
  return true;
}

void require_unique_repeats(const Readings& readings, const Runs& runs) {
  if (repeats_ascend(readings, runs.size())) return;
  std::vector<std::pair<std::int64_t, std::int64_t>> keys(readings.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = {readings.run[i], readings.repeat[i]};
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return;
  contradiction("each (run, repeat) once",
                "repeat " + std::to_string(twice->second) + " of run `" +
                    runs.run_id[static_cast<std::size_t>(twice->first)] + "` twice",
                "readings");
}

// In a segment an event may belong to a reading of an earlier one, which its key names.
void normalise_late(const ResponseEvents& events, bool segment, const std::string& place) {
  const auto late = static_cast<std::size_t>(std::count(events.reading.begin(), events.reading.end(), -1));
  if (late > 0 && !segment) contradiction("rows that exist", "-1", place + ".reading");
  if (events.late_run_id.size() != late || events.late_repeat.size() != late) {
    contradiction("a run_id and a repeat for each of " + std::to_string(late) + " late events",
                  std::to_string(events.late_run_id.size()), place);
  }
  require_text(events.late_run_id, place + ".run_id");
}

void normalise_events(ResponseEvents& events, std::int64_t readings, std::int64_t sources, bool segment) {
  const std::size_t count = events.size();
  const std::string place = "responses." + events.name;
  normalise_late(events, segment, place);
  complete(events.time, count, core::UtcTime::missing_count, place + ".time");
  complete(events.quality, count, quality_good, place + ".quality");
  complete(events.source, count, 0, place + ".source");
  if (events.value.size() != count) contradiction("a value for every event", "another number of values", place);
  require_range(events.reading, -1, readings, place + ".reading");
  require_range(events.quality, 0, 3, place + ".quality");
  require_range(events.source, 0, sources, place + ".source");
  const auto wrong =
      std::find_if_not(events.value.begin(), events.value.end(), [](double v) { return std::isfinite(v); });
  if (wrong != events.value.end()) {
    contradiction("finite values (a missing one is no event)", std::to_string(*wrong), place);
  }
}

void normalise_trace(TraceColumn& trace, std::size_t runs, std::int64_t sources) {
  const std::string place = "traces." + trace.name;
  if (trace.name.empty()) contradiction("a name", "none", "traces");
  complete(trace.start_time, runs, core::UtcTime::missing_count, "traces.start_time");
  if (trace.offsets.empty()) trace.offsets.assign(runs + 1, 0);
  if (trace.offsets.size() != runs + 1 || trace.offsets.front() != 0 ||
      !std::is_sorted(trace.offsets.begin(), trace.offsets.end()) ||
      trace.offsets.back() != static_cast<std::int64_t>(trace.values.size())) {
    contradiction(std::to_string(runs + 1) + " offsets from 0 to the number of values, never descending", "others",
                  place + ".offsets");
  }
  if (trace.source.empty()) {
    for (std::size_t i = 0; i < runs; ++i) trace.source.push_back(trace.offsets[i + 1] > trace.offsets[i] ? 0 : -1);
  }
  complete(trace.source, runs, -1, "traces.source");
  require_range(trace.source, -1, sources, place + ".source");
  if (trace.period < 0) contradiction("a period above 0, or 0", std::to_string(trace.period), place);
  const std::size_t times = trace.period == 0 ? trace.values.size() : 0;
  if (trace.times.size() != times) {
    contradiction(std::to_string(times) + " times (one per value when there is no period)",
                  std::to_string(trace.times.size()), place + ".times");
  }
}

void normalise_genealogy(Genealogy& genealogy, std::int64_t sources) {
  const std::size_t count = genealogy.size();
  complete(genealogy.parent_lot, count, std::string(), "genealogy.parent_lot");
  complete(genealogy.quantity, count, std::numeric_limits<double>::quiet_NaN(), "genealogy.quantity");
  complete(genealogy.unit, count, std::string(), "genealogy.unit");
  complete(genealogy.time, count, core::UtcTime::missing_count, "genealogy.time");
  complete(genealogy.source, count, 0, "genealogy.source");
  for (const auto* column : {&genealogy.child_lot, &genealogy.parent_lot, &genealogy.unit}) {
    require_text(*column, "genealogy");
  }
  require_range(genealogy.source, 0, sources, "genealogy.source");
}

void normalise_recipes(Recipes& recipes, std::int64_t sources) {
  const std::size_t count = recipes.size();
  complete(recipes.value, count, std::numeric_limits<double>::quiet_NaN(), "recipes.value");
  complete(recipes.source, count, 0, "recipes.source");
  for (auto* column : {&recipes.parameter, &recipes.category, &recipes.unit}) {
    complete(*column, count, std::string(), "recipes");
    require_text(*column, "recipes");
  }
  require_text(recipes.recipe, "recipes.recipe");
  require_range(recipes.source, 0, sources, "recipes.source");
}

}  // namespace

const std::vector<std::string>& run_status_names() {
  static const std::vector<std::string> names = {"completed", "running", "failed", "abandoned"};
  return names;
}

std::string Provenance::computed_link() const {
  core::Json fields = core::Json::array();
  for (const std::string* text : {&previous, &who, &what, &tool, &input_name, &input_digest}) fields.push_back(*text);
  for (const std::int64_t number : {time, rows, runs, readings, events, quarantined}) fields.push_back(number);
  return core::Sha256().update(fields.dump()).hex();
}

process::Process Content::current_process() const {
  if (process.empty()) contradiction("a process definition", "none", "process");
  return process::Process::from_json(core::Json::parse(process.back().definition));
}

void Content::normalise() {
  const auto sources = static_cast<std::int64_t>(provenance.size());
  normalise_runs(runs, sources, static_cast<std::size_t>(segment ? std::max<std::int64_t>(0, segment->continued) : 0));
  const std::size_t count = readings.size();
  complete(readings.time, count, core::UtcTime::missing_count, "readings.time");
  if (readings.repeat.size() != count) {
    contradiction("a repeat for every reading", std::to_string(readings.repeat.size()), "readings.repeat");
  }
  require_range(readings.run, 0, static_cast<std::int64_t>(runs.size()), "readings.run");
  require_unique_repeats(readings, runs);
  require_rows(readings.noise, count, "readings.noise");
  require_rows(readings.auxiliary, count, "readings.auxiliary");
  require_texts(readings.auxiliary);
  for (ResponseEvents& events : responses) {
    normalise_events(events, static_cast<std::int64_t>(count), sources, segment.has_value());
  }
  for (TraceColumn& trace : traces) normalise_trace(trace, runs.size(), sources);
  normalise_genealogy(genealogy, sources);
  normalise_recipes(recipes, sources);
  if (segment) {
    require_range(std::vector{segment->continued}, 0, static_cast<std::int64_t>(runs.size()) + 1, "segment.continued");
  }
  const std::size_t refused = quarantine.size();
  complete(quarantine.source, refused, 0, "quarantine.source");
  complete(quarantine.source_row, refused, std::int64_t{-1}, "quarantine.source_row");
  for (auto* column : {&quarantine.column, &quarantine.value, &quarantine.scope}) {
    complete(*column, refused, std::string(), "quarantine");
    require_text(*column, "quarantine");
  }
  require_range(quarantine.source, 0, sources, "quarantine.source");
}

}  // namespace luban::history
