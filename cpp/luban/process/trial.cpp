#include <luban/process/trial.hpp>

#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::process {

using core::quoted;

bool may_follow(TrialStatus from, TrialStatus to) noexcept {
  using enum TrialStatus;
  switch (from) {
    case candidate:
      return to == staged || to == abandoned || to == stale;
    case staged:
      return to == running || to == abandoned || to == stale;
    case running:
      return to == completed || to == failed || to == abandoned;
    case completed:
    case failed:
    case abandoned:
    case stale:
      return false;
  }
  return false;
}

std::string_view name(TrialStatus status) noexcept {
  switch (status) {
    case TrialStatus::candidate:
      return "candidate";
    case TrialStatus::staged:
      return "staged";
    case TrialStatus::running:
      return "running";
    case TrialStatus::completed:
      return "completed";
    case TrialStatus::failed:
      return "failed";
    case TrialStatus::abandoned:
      return "abandoned";
    case TrialStatus::stale:
      return "stale";
  }
  return "unknown";
}

Trial::Trial(std::int64_t number, Recommendation recommendation, core::UtcTime created)
    : number_(number), recommendation_(std::move(recommendation)), created_(created) {}

void Trial::move_to(TrialStatus to, const std::string& run_id, const std::string& reason) {
  const auto refuse = [this](std::string expected, std::string received, std::string hint = {}) {
    throw core::LifecycleError({.where = "process.Trial.move_to",
                                .expected = std::move(expected),
                                .received = std::move(received),
                                .place = "trial " + std::to_string(number_),
                                .hint = std::move(hint)});
  };
  if (!may_follow(status_, to)) {
    refuse("a status that may follow " + quoted(name(status_)), quoted(name(to)),
           "the life of a trial is candidate, staged, running, completed, with the exits failed, abandoned and stale");
  }
  if (!run_id.empty() && !run_id_.empty() && run_id != run_id_) {
    refuse("run " + quoted(run_id_) + " that the trial already has", quoted(run_id));
  }
  const bool needs_run = to == TrialStatus::running || to == TrialStatus::completed;
  if (needs_run && run_id.empty() && run_id_.empty()) {
    refuse("a run_id for status " + quoted(name(to)), "none");
  }
  if (!run_id.empty()) run_id_ = run_id;
  status_ = to;
  reason_ = reason;
}

}  // namespace luban::process
