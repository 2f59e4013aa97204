#include <algorithm>
#include <cmath>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/history/content.hpp>
#include <luban/history/detail/merge_material.hpp>
#include <luban/history/detail/table_rows.hpp>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace luban::history {
namespace {

constexpr std::int64_t nowhere = -1;

[[noreturn]] void unfit(const std::string& expected, const std::string& received, const std::string& place) {
  throw core::ConfigurationError({.where = "history.merge",
                                  .expected = expected,
                                  .received = received,
                                  .place = place,
                                  .hint = "a changed set of variables begins a new history"});
}

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
    return other != nullptr && detail::same_value(column, i, *other, j);
  });
}

struct RunKeyHash {
  std::size_t operator()(const std::pair<std::int64_t, std::int64_t>& key) const noexcept {
    return std::hash<std::int64_t>()(key.first * 1000003 + key.second);
  }
};

/// One merge: where each run and reading of the addition goes.
class Merge {
 public:
  Merge(Content& history, Content& addition, const std::vector<std::int64_t>& source_rows, const MergeOptions& options)
      : history_(history),
        addition_(addition),
        source_rows_(source_rows),
        options_(options),
        source_(static_cast<std::int32_t>(history.provenance.size())),
        stored_runs_(history.runs.size()),
        stored_readings_(history.readings.size()) {}

  MergeReport run() {
    place_runs();
    place_readings();
    for (ResponseEvents& events : addition_.responses) add_events(events);
    add_material();
    report_.runs_added = static_cast<std::int64_t>(new_runs_.size());
    report_.readings_added = static_cast<std::int64_t>(new_readings_.size());
    drop_values_of_refused_rows();
    report_.quarantined = static_cast<std::int64_t>(addition_.quarantine.size() + report_.refused.size());
    if (!report_.changed()) return report_;
    if (takes_whole()) {
      take_whole();
    } else {
      append_runs();
      append_readings();
    }
    append_quarantine();
    append_versions();
    for (auto& [response, events] : pending_) append_response(response, events);
    return report_;
  }

 private:
  void place_runs();
  void place_readings();
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
  void add_events(ResponseEvents& events);
  void add_material();
  [[nodiscard]] bool takes_whole() const;
  void take_whole();
  void append_runs();
  void append_readings();
  void append_quarantine();
  void append_versions();
  void append_response(const std::string& name, ResponseEvents& events);
  [[nodiscard]] ResponseEvents* stored_response(const std::string& name);

  Content& history_;
  Content& addition_;
  const std::vector<std::int64_t>& source_rows_;
  const MergeOptions& options_;
  std::int32_t source_;
  std::size_t stored_runs_;
  std::size_t stored_readings_;
  MergeReport report_;
  std::vector<std::int64_t> run_target_;      // run of the addition → run of the history, or nowhere
  std::vector<std::int64_t> reading_target_;  // the same for readings
  std::vector<std::int64_t> new_runs_;        // runs of the addition that are appended
  std::vector<std::int64_t> new_readings_;
  std::map<std::string, ResponseEvents> pending_;
};

bool Merge::agrees(std::size_t added, std::size_t stored) const {
  return same_row(history_.runs.parameters, stored, addition_.runs.parameters, added) &&
         same_row(history_.runs.context, stored, addition_.runs.context, added);
}

void Merge::place_runs() {
  std::unordered_map<std::string_view, std::int64_t> known;
  for (std::size_t i = 0; i < stored_runs_; ++i) known[history_.runs.run_id[i]] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < addition_.runs.size(); ++i) {
    const auto found = known.find(addition_.runs.run_id[i]);
    if (found == known.end()) {
      run_target_.push_back(static_cast<std::int64_t>(stored_runs_ + new_runs_.size()));
      new_runs_.push_back(static_cast<std::int64_t>(i));
    } else {
      run_target_.push_back(agrees(i, static_cast<std::size_t>(found->second)) ? found->second : nowhere);
    }
  }
}

void Merge::place_readings() {
  const Readings& added = addition_.readings;
  const auto is_stored = [&](std::int64_t run) { return run >= 0 && static_cast<std::size_t>(run) < stored_runs_; };
  std::unordered_map<std::pair<std::int64_t, std::int64_t>, std::size_t, RunKeyHash> known;
  if (std::any_of(run_target_.begin(), run_target_.end(), is_stored)) {
    for (std::size_t i = 0; i < stored_readings_; ++i) {
      known[{history_.readings.run[i], history_.readings.repeat[i]}] = i;
    }
  }
  for (std::size_t i = 0; i < added.size(); ++i) {
    const std::int64_t run = run_target_[static_cast<std::size_t>(added.run[i])];
    const auto found = is_stored(run) ? known.find({run, added.repeat[i]}) : known.end();
    if (run == nowhere) {
      drop(i);
      refuse(i, "", addition_.runs.run_id[static_cast<std::size_t>(added.run[i])], "disagrees_with_stored_run", "row");
    } else if (found == known.end()) {
      reading_target_.push_back(static_cast<std::int64_t>(stored_readings_ + new_readings_.size()));
      new_readings_.push_back(static_cast<std::int64_t>(i));
    } else if (!options_.own_runs.empty() && options_.own_runs[static_cast<std::size_t>(run)] != 0) {
      drop(i);
      refuse(i, "", "repeat " + std::to_string(added.repeat[i]), "duplicate", "row");
    } else if (!same_row(history_.readings.noise, found->second, added.noise, i)) {
      drop(i);
      refuse(i, "", std::to_string(added.repeat[i]), "disagrees_with_stored_reading", "row");
    } else {
      reading_target_.push_back(static_cast<std::int64_t>(found->second));
      keep_uncorrectable(i, found->second);
    }
  }
}

void Merge::refuse(std::size_t reading, const std::string& column, std::string value, const char* reason,
                   const char* scope) {
  refuse_row(source_row(reading), column, std::move(value), reason, scope);
}

void Merge::refuse_row(std::int64_t row, const std::string& column, std::string value, const char* reason,
                       const char* scope) {
  report_.refused.source_row.push_back(row);
  report_.refused.column.push_back(column);
  report_.refused.value.push_back(std::move(value));
  report_.refused.reason.emplace_back(reason);
  report_.refused.scope.emplace_back(scope);
}

void Merge::drop(std::size_t reading) {
  reading_target_.push_back(nowhere);
  report_.refused_readings.push_back(static_cast<std::int64_t>(reading));
}

// A row that is refused whole counts once: values refused in it before go with it.
void Merge::drop_values_of_refused_rows() {
  std::unordered_set<std::int64_t> rows;
  for (const std::int64_t reading : report_.refused_readings)
    rows.insert(source_row(static_cast<std::size_t>(reading)));
  const Quarantine before = std::exchange(addition_.quarantine, {});
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before.scope[i] == "value" && rows.count(before.source_row[i]) != 0) continue;
    addition_.quarantine.source_row.push_back(before.source_row[i]);
    addition_.quarantine.column.push_back(before.column[i]);
    addition_.quarantine.value.push_back(before.value[i]);
    addition_.quarantine.reason.push_back(before.reason[i]);
    addition_.quarantine.scope.push_back(before.scope[i]);
  }
}

// Only responses have events: another auxiliary value for a stored reading is kept in the quarantine, never lost.
void Merge::keep_uncorrectable(std::size_t reading, std::size_t stored) {
  for (const process::Column& column : addition_.readings.auxiliary.columns()) {
    const std::string text = detail::value_text(column, reading);
    const process::Column* before = history_.readings.auxiliary.find(column.info.name);
    const bool same = before != nullptr && detail::same_value(*before, stored, column, reading);
    if (!text.empty() && !same) refuse(reading, column.info.name, text, "only_responses_are_corrected", "value");
  }
}

ResponseEvents* Merge::stored_response(const std::string& name) {
  const auto found = std::find_if(history_.responses.begin(), history_.responses.end(),
                                  [&](const ResponseEvents& events) { return events.name == name; });
  return found == history_.responses.end() ? nullptr : &*found;
}

void Merge::add_events(ResponseEvents& events) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> latest(stored_readings_, none);
  if (const ResponseEvents* stored = stored_response(events.name); stored != nullptr) {
    for (std::size_t i = 0; i < stored->size(); ++i) {
      if (stored->quality[i] != quality_bad) latest[static_cast<std::size_t>(stored->reading[i])] = stored->value[i];
    }
  }
  ResponseEvents& out = pending_[events.name];
  out.name = events.name;
  out.unit = events.unit;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::int64_t target = reading_target_[static_cast<std::size_t>(events.reading[i])];
    if (target == nowhere) continue;
    if (static_cast<std::size_t>(target) < stored_readings_) {
      const double before = latest[static_cast<std::size_t>(target)];
      if (before == events.value[i] && events.quality[i] != quality_bad) {
        ++report_.values_unchanged;
        continue;
      }
      ++(std::isnan(before) ? report_.values_added : report_.values_corrected);
    } else {
      ++report_.values_added;
    }
    out.reading.push_back(target);
    out.value.push_back(events.value[i]);
    out.time.push_back(events.time[i]);
    out.quality.push_back(events.quality[i]);
    out.source.push_back(source_);
  }
}

// Traces are put in place at once; a history that they are taken from again is not changed by that.
void Merge::add_material() {
  const detail::RunPlaces places{run_target_, stored_runs_, stored_runs_ + new_runs_.size(), source_};
  std::vector<std::int64_t> first_reading(addition_.runs.size(), nowhere);
  for (std::size_t i = addition_.readings.size(); i-- > 0;) {
    first_reading[static_cast<std::size_t>(addition_.readings.run[i])] = static_cast<std::int64_t>(i);
  }
  const auto refuse_samples = [&](std::size_t run, const std::string& channel, const std::string& samples) {
    const std::int64_t reading = first_reading[run];
    refuse_row(reading < 0 ? nowhere : source_row(static_cast<std::size_t>(reading)), channel, samples,
               "only_responses_are_corrected", "value");
  };
  report_.traces_added = detail::merge_traces(history_.traces, addition_.traces, places, refuse_samples);
  report_.material_added = detail::merge_genealogy(history_.genealogy, addition_.genealogy, source_) +
                           detail::merge_recipes(history_.recipes, addition_.recipes, source_);
}

template <typename T>
void extend(std::vector<T>& column, const std::vector<T>& more, const std::vector<std::int64_t>& rows) {
  column.reserve(column.size() + rows.size());
  for (const std::int64_t row : rows) column.push_back(more[static_cast<std::size_t>(row)]);
}

// Into an empty history the rows go as they are.
bool Merge::takes_whole() const {
  return stored_runs_ == 0 && stored_readings_ == 0 && report_.refused_readings.empty() &&
         history_.runs.parameters.columns().empty() && history_.readings.noise.columns().empty();
}

void Merge::take_whole() {
  history_.runs = std::move(addition_.runs);
  history_.runs.source.assign(history_.runs.size(), source_);
  history_.readings = std::move(addition_.readings);
}

void Merge::append_runs() {
  Runs& to = history_.runs;
  const Runs& from = addition_.runs;
  extend(to.run_id, from.run_id, new_runs_);
  extend(to.start_time, from.start_time, new_runs_);
  extend(to.end_time, from.end_time, new_runs_);
  extend(to.status, from.status, new_runs_);
  extend(to.group, from.group, new_runs_);
  extend(to.equipment, from.equipment, new_runs_);
  extend(to.material_lot, from.material_lot, new_runs_);
  extend(to.recipe, from.recipe, new_runs_);
  to.source.resize(to.run_id.size(), source_);
  for (const auto member : {&Runs::parameters, &Runs::context, &Runs::identifiers, &Runs::achieved}) {
    detail::widen_categories(to.*member, from.*member);
    to.*member = detail::append(to.*member, stored_runs_, from.*member, new_runs_);
  }
}

void Merge::append_readings() {
  Readings& to = history_.readings;
  const Readings& from = addition_.readings;
  for (const std::int64_t row : new_readings_) {
    to.run.push_back(run_target_[static_cast<std::size_t>(from.run[static_cast<std::size_t>(row)])]);
  }
  extend(to.repeat, from.repeat, new_readings_);
  extend(to.time, from.time, new_readings_);
  for (const auto member : {&Readings::noise, &Readings::auxiliary}) {
    detail::widen_categories(to.*member, from.*member);
    to.*member = detail::append(to.*member, stored_readings_, from.*member, new_readings_);
  }
}

void Merge::append_quarantine() {
  for (const Quarantine* more : {&std::as_const(addition_.quarantine), &std::as_const(report_.refused)}) {
    Quarantine& to = history_.quarantine;
    to.source.resize(to.source.size() + more->size(), source_);
    to.source_row.insert(to.source_row.end(), more->source_row.begin(), more->source_row.end());
    to.column.insert(to.column.end(), more->column.begin(), more->column.end());
    to.value.insert(to.value.end(), more->value.begin(), more->value.end());
    to.reason.insert(to.reason.end(), more->reason.begin(), more->reason.end());
    to.scope.insert(to.scope.end(), more->scope.begin(), more->scope.end());
  }
}

void Merge::append_versions() {
  const ProcessVersion& now = addition_.process.back();
  const ProcessVersion& before = history_.process.back();
  if (now.definition != before.definition || now.document != before.document) history_.process.push_back(now);
  Provenance entry = addition_.provenance.front();
  entry.runs = report_.runs_added;
  entry.readings = report_.readings_added;
  entry.events = report_.values_added + report_.values_corrected;
  entry.quarantined = report_.quarantined;
  entry.previous = history_.provenance.empty() ? std::string() : history_.provenance.back().link;
  entry.link = entry.computed_link();
  history_.provenance.push_back(std::move(entry));
}

void Merge::append_response(const std::string& name, ResponseEvents& events) {
  ResponseEvents* to = stored_response(name);
  if (to == nullptr) {
    history_.responses.push_back(std::move(events));
    return;
  }
  to->reading.insert(to->reading.end(), events.reading.begin(), events.reading.end());
  to->value.insert(to->value.end(), events.value.begin(), events.value.end());
  to->time.insert(to->time.end(), events.time.begin(), events.time.end());
  to->quality.insert(to->quality.end(), events.quality.begin(), events.quality.end());
  to->source.insert(to->source.end(), events.source.begin(), events.source.end());
}

}  // namespace

MergeReport merge(Content& history, Content addition, const std::vector<std::int64_t>& source_rows,
                  const MergeOptions& options) {
  if (addition.provenance.size() != 1 || (!source_rows.empty() && source_rows.size() != addition.readings.size())) {
    throw core::DataError({.where = "history.merge",
                           .expected = "one provenance entry and a source row for each reading",
                           .received = std::to_string(addition.provenance.size()) + " entries and " +
                                       std::to_string(source_rows.size()) + " source rows",
                           .place = {},
                           .hint = {}});
  }
  addition.normalise();
  if (history.process.empty()) {  // a new history: the first import brings the definition
    history.process = addition.process;
    history.created_time = addition.created_time;
    history.uuid = addition.uuid;
    for (const ResponseEvents& events : addition.responses) {
      history.responses.emplace_back();
      history.responses.back().name = events.name;
      history.responses.back().unit = events.unit;
    }
  } else {
    require_fitting_process(history, addition);
  }
  return Merge(history, addition, source_rows, options).run();
}

}  // namespace luban::history
