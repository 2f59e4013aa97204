#include <luban/recommend/ledger.hpp>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/recommendation_json.hpp>

namespace luban::recommend {

using process::Trial;
using process::TrialStatus;

namespace {

[[noreturn]] void throw_unknown(std::int64_t number, std::size_t count) {
  throw core::LifecycleError(
      {.where = "recommend.ledger",
       .expected = count == 0 ? "a trial that was asked for" : "a trial from 1 to " + std::to_string(count),
       .received = std::to_string(number),
       .place = {},
       .hint = "trials are made by ask()"});
}

/// The legal way to a status, without its end.
std::vector<TrialStatus> way_to(TrialStatus status) {
  using enum TrialStatus;
  switch (status) {
    case candidate:
    case staged:
    case abandoned:
    case stale:
      return {};
    case running:
      return {staged};
    case completed:
    case failed:
      return {staged, running};
  }
  return {};
}

TrialStatus status_named(const std::string& text) {
  using enum TrialStatus;
  for (const TrialStatus status : {candidate, staged, running, completed, failed, abandoned, stale}) {
    if (process::name(status) == text) return status;
  }
  throw core::DataError({.where = "recommend.ledger",
                         .expected = "the status of a trial",
                         .received = "\"" + text + "\"",
                         .place = {},
                         .hint = {}});
}

}  // namespace

std::vector<std::int64_t> Ledger::ask(const std::vector<process::Recommendation>& recommendations,
                                      core::UtcTime created) {
  std::vector<std::int64_t> numbers;
  for (const process::Recommendation& recommendation : recommendations) {
    numbers.push_back(std::ssize(trials_) + 1);
    trials_.emplace_back(numbers.back(), recommendation, created);
  }
  return numbers;
}

Trial& Ledger::find(std::int64_t number) {
  if (number < 1 || number > std::ssize(trials_)) throw_unknown(number, trials_.size());
  return trials_[static_cast<std::size_t>(number - 1)];
}

const Trial& Ledger::trial(std::int64_t number) const {
  if (number < 1 || number > std::ssize(trials_)) throw_unknown(number, trials_.size());
  return trials_[static_cast<std::size_t>(number - 1)];
}

void Ledger::stage(std::int64_t number) {
  find(number).move_to(TrialStatus::staged);
}

void Ledger::start(std::int64_t number, const std::string& run_id) {
  find(number).move_to(TrialStatus::running, run_id);
}

void Ledger::tell(std::int64_t number, const std::string& run_id) {
  Trial& trial = find(number);
  Trial moved = trial;  // a refused step must leave the trial as it was
  if (moved.status() == TrialStatus::candidate) moved.move_to(TrialStatus::staged);
  if (moved.status() == TrialStatus::staged) moved.move_to(TrialStatus::running, run_id);
  moved.move_to(TrialStatus::completed, run_id);
  trial = std::move(moved);
}

void Ledger::fail(std::int64_t number, const std::string& reason) {
  find(number).move_to(TrialStatus::failed, {}, reason);
}

void Ledger::abandon(std::int64_t number, const std::string& reason) {
  find(number).move_to(TrialStatus::abandoned, {}, reason);
}

void Ledger::expire(std::int64_t number, const std::string& reason) {
  find(number).move_to(TrialStatus::stale, {}, reason);
}

std::vector<PendingRun> Ledger::pending() const {
  std::vector<PendingRun> runs;
  for (const Trial& trial : trials_) {
    const TrialStatus status = trial.status();
    if (status == TrialStatus::candidate || status == TrialStatus::staged || status == TrialStatus::running) {
      runs.push_back({trial.recommendation().recipe, trial.recommendation().context});
    }
  }
  return runs;
}

core::Json Ledger::to_json() const {
  core::Json trials = core::Json::array();
  for (const Trial& trial : trials_) {
    core::Json one = core::Json::object();
    one.set("number", trial.number())
        .set("status", process::name(trial.status()))
        .set("run_id", trial.run_id())
        .set("reason", trial.reason())
        .set("created_time", trial.created_time().since_epoch().count())
        .set("recommendation", detail::to_json(trial.recommendation()));
    trials.push_back(std::move(one));
  }
  core::Json json = core::Json::object();
  json.set("trials", std::move(trials));
  return json;
}

Ledger Ledger::from_json(const core::Json& json) {
  Ledger ledger;
  for (const core::Json& one : json.at("trials").as_array()) {
    Trial trial(one.at("number").as_int(), detail::recommendation_from_json(one.at("recommendation")),
                core::UtcTime(core::Nanoseconds(one.at("created_time").as_int())));
    if (trial.number() != std::ssize(ledger.trials_) + 1) {
      throw core::DataError({.where = "recommend.ledger",
                             .expected = "trials numbered from 1 without a gap",
                             .received = "number " + std::to_string(trial.number()),
                             .place = {},
                             .hint = {}});
    }
    const TrialStatus status = status_named(one.at("status").as_string());
    const std::string& run_id = one.at("run_id").as_string();
    for (const TrialStatus step : way_to(status)) trial.move_to(step, run_id);
    if (status != TrialStatus::candidate) trial.move_to(status, run_id, one.at("reason").as_string());
    ledger.trials_.push_back(std::move(trial));
  }
  return ledger;
}

}  // namespace luban::recommend
