#include <algorithm>
#include <cmath>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/history/detail/key_hash.hpp>
#include <luban/history/detail/merge_material.hpp>
#include <luban/history/detail/placement.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace luban::history::detail {
namespace {

constexpr std::int64_t nowhere = -1;

[[noreturn]] void unfit(const std::string& expected, const std::string& received, const std::string& place) {
  throw core::ConfigurationError({.where = "history.merge",
                                  .expected = expected,
                                  .received = received,
                                  .place = place,
                                  .hint = "a changed set of variables begins a new history"});
}

/// What is known of a value; nothing at first.
struct Latest {
  double value = std::numeric_limits<double>::quiet_NaN();
  std::int32_t quality = quality_bad;

  [[nodiscard]] bool usable() const noexcept { return quality != quality_bad; }
};

/// A variable may only gain categories at its end.
void require_same_variable(const process::Variable& before, const process::Variable& now) {
  if (before.name != now.name || before.is_numeric() != now.is_numeric()) {
    unfit("the variable `" + before.name + "` as before", "`" + now.name + "` of another kind", "process");
  }
  if (before.unit != now.unit) unfit("the unit `" + before.unit + "`", "`" + now.unit + "`", before.name);
  if (now.categories.size() < before.categories.size() ||
      !std::equal(before.categories.begin(), before.categories.end(), now.categories.begin())) {
    unfit("the stored categories first, new ones after them", "other categories", before.name);
  }
}

template <typename V>
void require_same_variables(const std::vector<V>& before, const std::vector<V>& now, const char* role) {
  if (before.size() != now.size()) {
    unfit(std::to_string(before.size()) + " " + role, std::to_string(now.size()), "process");
  }
  for (std::size_t i = 0; i < now.size(); ++i) require_same_variable(before[i], now[i]);
}

void require_fitting_process(const Content& history, const Content& addition) {
  const process::Process before = history.current_process();
  const process::Process now = addition.current_process();
  require_same_variables(before.parameters(), now.parameters(), "parameters");
  require_same_variables(before.context(), now.context(), "context variables");
  require_same_variables(before.noise(), now.noise(), "noise variables");
  for (const auto& response : before.responses()) {
    const process::Response* same = now.find_response(response.name);
    if (same == nullptr) unfit("the response `" + response.name + "`", "a process without it", "process");
    if (same->unit != response.unit) unfit("the unit `" + response.unit + "`", "`" + same->unit + "`", response.name);
  }
}

bool same_row(const process::Table& stored, std::size_t i, const process::Table& added, std::size_t j) {
  return std::all_of(stored.columns().begin(), stored.columns().end(), [&](const process::Column& column) {
    const process::Column* other = added.find(column.info.name);
    return other != nullptr && same_value(column, i, *other, j);
  });
}

/// What an addition says nothing of; afterwards it bears what is taken then.
struct Silence {
  bool on_status = false;
  std::set<std::string> on_quality;  ///< responses
};

class Placer {
 public:
  Placer(Content& history, Content& addition, const std::vector<std::int64_t>& source_rows, const MergeOptions& options,
         Silence silence)
      : history_(history),
        addition_(addition),
        source_rows_(source_rows),
        options_(options),
        silence_(std::move(silence)) {
    placed_.stored_runs = history.runs.size();
    placed_.stored_readings = history.readings.size();
  }

  Placement place() {
    place_runs();
    place_readings();
    for (ResponseEvents& events : addition_.responses) place_values(events);
    add_material();
    report_.runs_added = static_cast<std::int64_t>(placed_.new_runs.size());
    report_.readings_added = static_cast<std::int64_t>(placed_.new_readings.size());
    drop_values_of_refused_rows();
    report_.quarantined = static_cast<std::int64_t>(addition_.quarantine.size() + report_.refused.size());
    return std::move(placed_);
  }

 private:
  void place_runs();
  void place_readings();
  void place_values(ResponseEvents& events);
  [[nodiscard]] std::vector<Latest> latest_events(const std::string& response) const;
  void add_material();
  void keep_other_facts(const std::vector<std::int64_t>& first_reading);
  [[nodiscard]] bool is_stored(std::int64_t run) const noexcept {
    return run >= 0 && static_cast<std::size_t>(run) < placed_.stored_runs;
  }
  [[nodiscard]] bool agrees(std::size_t added, std::size_t stored) const;
  [[nodiscard]] std::int64_t source_row(std::size_t reading) const {
    return source_rows_.empty() ? static_cast<std::int64_t>(reading) : source_rows_[reading];
  }
  void refuse(std::size_t reading, const std::string& column, std::string value, const char* reason, const char* scope);
  void refuse_row(std::int64_t row, const std::string& column, std::string value, const char* reason,
                  const char* scope);
  void drop(std::size_t reading);
  void drop_values_of_refused_rows();
  void keep_uncorrectable(std::size_t reading, std::size_t stored);

  Content& history_;
  Content& addition_;
  const std::vector<std::int64_t>& source_rows_;
  const MergeOptions& options_;
  Silence silence_;
  Placement placed_;
  MergeReport& report_ = placed_.report;
  bool names_stored_ = false;  // whether any reading of the addition is one that is stored
};

bool Placer::agrees(std::size_t added, std::size_t stored) const {
  return same_row(history_.runs.parameters, stored, addition_.runs.parameters, added) &&
         same_row(history_.runs.context, stored, addition_.runs.context, added);
}

void Placer::place_runs() {
  std::unordered_map<std::string_view, std::int64_t> known;
  for (std::size_t i = 0; i < placed_.stored_runs; ++i) known[history_.runs.run_id[i]] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < addition_.runs.size(); ++i) {
    const auto found = known.find(addition_.runs.run_id[i]);
    if (found == known.end()) {
      placed_.run_target.push_back(static_cast<std::int64_t>(placed_.stored_runs + placed_.new_runs.size()));
      placed_.new_runs.push_back(static_cast<std::int64_t>(i));
    } else {
      placed_.run_target.push_back(agrees(i, static_cast<std::size_t>(found->second)) ? found->second : nowhere);
    }
  }
}

void Placer::place_readings() {
  const Readings& added = addition_.readings;
  std::unordered_map<std::pair<std::int64_t, std::int64_t>, std::size_t, KeyHash> known;
  if (std::any_of(placed_.run_target.begin(), placed_.run_target.end(), [this](auto run) { return is_stored(run); })) {
    for (std::size_t i = 0; i < placed_.stored_readings; ++i) {
      known[{history_.readings.run[i], history_.readings.repeat[i]}] = i;
    }
  }
  placed_.reading_target.reserve(added.size());
  placed_.new_readings.reserve(added.size());
  for (std::size_t i = 0; i < added.size(); ++i) {
    const std::int64_t run = placed_.run_target[static_cast<std::size_t>(added.run[i])];
    const auto found = is_stored(run) ? known.find({run, added.repeat[i]}) : known.end();
    if (run == nowhere) {
      drop(i);
      refuse(i, "", addition_.runs.run_id[static_cast<std::size_t>(added.run[i])], "disagrees_with_stored_run", "row");
    } else if (found == known.end()) {
      placed_.reading_target.push_back(
          static_cast<std::int64_t>(placed_.stored_readings + placed_.new_readings.size()));
      placed_.new_readings.push_back(static_cast<std::int64_t>(i));
    } else if (!options_.own_readings.empty() && options_.own_readings[found->second] != 0) {
      drop(i);
      refuse(i, "", "repeat " + std::to_string(added.repeat[i]), "duplicate", "row");
    } else if (!same_row(history_.readings.noise, found->second, added.noise, i)) {
      drop(i);
      refuse(i, "", std::to_string(added.repeat[i]), "disagrees_with_stored_reading", "row");
    } else {
      placed_.reading_target.push_back(static_cast<std::int64_t>(found->second));
      names_stored_ = true;
      keep_uncorrectable(i, found->second);
    }
  }
}

void Placer::refuse(std::size_t reading, const std::string& column, std::string value, const char* reason,
                    const char* scope) {
  refuse_row(source_row(reading), column, std::move(value), reason, scope);
}

void Placer::refuse_row(std::int64_t row, const std::string& column, std::string value, const char* reason,
                        const char* scope) {
  report_.refused.source.push_back(0);
  report_.refused.source_row.push_back(row);
  report_.refused.column.push_back(column);
  report_.refused.value.push_back(std::move(value));
  report_.refused.reason.emplace_back(reason);
  report_.refused.scope.emplace_back(scope);
}

void Placer::drop(std::size_t reading) {
  placed_.reading_target.push_back(nowhere);
  report_.refused_readings.push_back(static_cast<std::int64_t>(reading));
}

// A row that is refused whole counts once: values refused in it before go with it.
void Placer::drop_values_of_refused_rows() {
  std::unordered_set<std::int64_t> rows;
  for (const std::int64_t reading : report_.refused_readings)
    rows.insert(source_row(static_cast<std::size_t>(reading)));
  const Quarantine before = std::exchange(addition_.quarantine, {});
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before.scope[i] == "value" && rows.count(before.source_row[i]) != 0) continue;
    addition_.quarantine.source.push_back(before.source[i]);
    addition_.quarantine.source_row.push_back(before.source_row[i]);
    addition_.quarantine.column.push_back(before.column[i]);
    addition_.quarantine.value.push_back(before.value[i]);
    addition_.quarantine.reason.push_back(before.reason[i]);
    addition_.quarantine.scope.push_back(before.scope[i]);
  }
}

// Only responses have events: another auxiliary value for a stored reading is kept in the quarantine, never lost.
void Placer::keep_uncorrectable(std::size_t reading, std::size_t stored) {
  for (const process::Column& column : addition_.readings.auxiliary.columns()) {
    const std::string text = value_text(column, reading);
    const process::Column* before = history_.readings.auxiliary.find(column.info.name);
    const bool same = before != nullptr && same_value(*before, stored, column, reading);
    if (!text.empty() && !same) refuse(reading, column.info.name, text, "only_responses_are_corrected", "value");
  }
}

// The last event of each stored reading.
std::vector<Latest> Placer::latest_events(const std::string& response) const {
  std::vector<Latest> latest(placed_.stored_readings);
  for (const ResponseEvents& stored : history_.responses) {
    if (stored.name != response) continue;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      latest[static_cast<std::size_t>(stored.reading[i])] = {stored.value[i], stored.quality[i]};
    }
  }
  return latest;
}

void Placer::place_values(ResponseEvents& events) {
  const std::vector<Latest> latest = names_stored_ ? latest_events(events.name) : std::vector<Latest>();
  const bool quality_stated = silence_.on_quality.count(events.name) == 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::int64_t target = placed_.reading_target[static_cast<std::size_t>(events.reading[i])];
    if (target == nowhere) continue;
    const bool is_new = static_cast<std::size_t>(target) >= placed_.stored_readings;
    const Latest before = is_new ? Latest() : latest[static_cast<std::size_t>(target)];
    // A source that says nothing of qualities does not lift what another said of the same value.
    if (before.value == events.value[i] && (!quality_stated || before.quality == events.quality[i])) {
      ++report_.values_unchanged;
      continue;
    }
    ++(before.usable() ? report_.values_corrected : report_.values_added);
    events.reading[kept] = target;
    events.value[kept] = events.value[i];
    events.time[kept] = events.time[i];
    events.quality[kept] = events.quality[i];
    ++kept;
  }
  events.reading.resize(kept);
  events.value.resize(kept);
  events.time.resize(kept);
  events.quality.resize(kept);
  events.source.assign(kept, static_cast<std::int32_t>(history_.provenance.size()));
}

// Of a run that is stored only readings, values and samples are added: other facts about it than before are kept in the
// quarantine, never lost.
void Placer::keep_other_facts(const std::vector<std::int64_t>& first_reading) {
  const Runs& now = addition_.runs;
  const Runs& before = history_.runs;
  for (std::size_t run = 0; run < now.size(); ++run) {
    if (!is_stored(placed_.run_target[run]) || first_reading[run] < 0) continue;
    const auto stored = static_cast<std::size_t>(placed_.run_target[run]);
    const auto reading = static_cast<std::size_t>(first_reading[run]);
    const auto keep = [&](const std::string& column, const std::string& text) {
      if (!text.empty()) refuse(reading, column, text, "only_responses_are_corrected", "value");
    };
    if (now.start_time[run] != before.start_time[stored]) keep("start_time", time_text(now.start_time[run]));
    if (now.end_time[run] != before.end_time[stored]) keep("end_time", time_text(now.end_time[run]));
    if (!silence_.on_status && now.status[run] != before.status[stored]) {
      keep("status", run_status_names()[static_cast<std::size_t>(now.status[run])]);
    }
    if (now.equipment[run] != before.equipment[stored]) keep("equipment", now.equipment[run]);
    if (now.material_lot[run] != before.material_lot[stored]) keep("material_lot", now.material_lot[run]);
    if (now.recipe[run] != before.recipe[stored]) keep("recipe", now.recipe[run]);
    for (const auto member : {&Runs::identifiers, &Runs::achieved}) {
      for (const process::Column& column : (now.*member).columns()) {
        const process::Column* other = (before.*member).find(column.info.name);
        if (other == nullptr || !same_value(*other, stored, column, run)) {
          keep(column.info.name, value_text(column, run));
        }
      }
    }
  }
}

// Traces are put in place at once; a history that they are taken from again is not changed by that.
void Placer::add_material() {
  const auto source = static_cast<std::int32_t>(history_.provenance.size());
  const RunPlaces places{placed_.run_target, placed_.stored_runs, placed_.stored_runs + placed_.new_runs.size(),
                         source};
  std::vector<std::int64_t> first_reading(addition_.runs.size(), nowhere);
  for (std::size_t i = addition_.readings.size(); i-- > 0;) {
    first_reading[static_cast<std::size_t>(addition_.readings.run[i])] = static_cast<std::int64_t>(i);
  }
  keep_other_facts(first_reading);
  const auto refuse_samples = [&](std::size_t run, const std::string& channel, const std::string& samples) {
    const std::int64_t reading = first_reading[run];
    refuse_row(reading < 0 ? nowhere : source_row(static_cast<std::size_t>(reading)), channel, samples,
               "only_responses_are_corrected", "value");
  };
  report_.traces_added = merge_traces(history_.traces, addition_.traces, places, refuse_samples);
  report_.material_added = merge_genealogy(history_.genealogy, addition_.genealogy, source) +
                           merge_recipes(history_.recipes, addition_.recipes, source);
}

/// A new history gets its definition from the first import.
void begin(Content& history, const Content& addition) {
  history.process = addition.process;
  history.created_time = addition.created_time;
  history.uuid = addition.uuid;
}

}  // namespace

void require_one_import(const Content& addition, const std::vector<std::int64_t>& source_rows) {
  if (addition.provenance.size() != 1 || (!source_rows.empty() && source_rows.size() != addition.readings.size())) {
    throw core::DataError({.where = "history.merge",
                           .expected = "one provenance entry and a source row for each reading",
                           .received = std::to_string(addition.provenance.size()) + " entries and " +
                                       std::to_string(source_rows.size()) + " source rows",
                           .place = {},
                           .hint = {}});
  }
}

Placement place(Content& history, Content& addition, const std::vector<std::int64_t>& source_rows,
                const MergeOptions& options) {
  require_one_import(addition, source_rows);
  Silence silence{.on_status = addition.runs.status.empty(), .on_quality = {}};
  for (const ResponseEvents& events : addition.responses) {
    if (events.quality.empty()) silence.on_quality.insert(events.name);
  }
  addition.normalise();
  if (history.process.empty()) {
    begin(history, addition);
  } else {
    require_fitting_process(history, addition);
  }
  return Placer(history, addition, source_rows, options, std::move(silence)).place();
}

Provenance import_after(const Content& history, const Content& addition, const MergeReport& report) {
  Provenance entry = addition.provenance.front();
  entry.runs = report.runs_added;
  entry.readings = report.readings_added;
  entry.events = report.values_added + report.values_corrected;
  entry.quarantined = report.quarantined;
  entry.previous = history.provenance.empty() ? std::string() : history.provenance.back().link;
  entry.link = entry.computed_link();
  return entry;
}

}  // namespace luban::history::detail
