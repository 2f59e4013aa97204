#pragma once

#include <string>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/process/export.hpp>
#include <luban/process/run.hpp>

namespace luban::process {

/// What a surrogate expects of one response at one point, in the response's unit.
struct LUBAN_PROCESS_EXPORT Prediction {
  std::string response;
  std::string unit;
  double mean = no_number;
  double sd_latent = no_number;    ///< of the expected value itself
  double sd_run_mean = no_number;  ///< + between runs
  double sd_reading = no_number;   ///< + within a run
  double level = 0.9;              ///< of the interval below, for the next run's mean
  double lower = no_number;
  double upper = no_number;
};

/// Proposed by the optimizer, unchecked.
struct LUBAN_PROCESS_EXPORT Candidate {
  Recipe recipe;
  double acquisition = no_number;
};

/// A candidate explained and offered to people.
struct LUBAN_PROCESS_EXPORT Recommendation {
  Recipe recipe;
  std::vector<NamedValue> context;
  std::vector<Prediction> predictions;
  bool stay = false;                    ///< the best answer found is to leave the settings as they are
  std::string kind;                     ///< "explore", "best_mean", "pareto" or "stay"
  double expected_gain = no_number;     ///< of the first objective against the reference, in its unit, > 0 = better
  double probability_feasible = 1.0;    ///< of all outcome constraints together
  std::vector<std::string> why;         ///< plain sentences: what drives it, what limits it, nearest real runs
  std::vector<std::string> limited_by;  ///< ranges and constraints that are active
};

/// Life of a recommendation: candidate → staged → running → completed, with the exits failed, abandoned and stale.
enum class TrialStatus { candidate, staged, running, completed, failed, abandoned, stale };

[[nodiscard]] LUBAN_PROCESS_EXPORT bool may_follow(TrialStatus from, TrialStatus to) noexcept;
[[nodiscard]] LUBAN_PROCESS_EXPORT std::string_view name(TrialStatus status) noexcept;

/// A recommendation on its way to becoming a run.
class LUBAN_PROCESS_EXPORT Trial {
 public:
  Trial(std::int64_t number, Recommendation recommendation, core::UtcTime created);
  [[nodiscard]] std::int64_t number() const noexcept { return number_; }
  [[nodiscard]] const Recommendation& recommendation() const noexcept { return recommendation_; }
  [[nodiscard]] TrialStatus status() const noexcept { return status_; }
  [[nodiscard]] const std::string& run_id() const noexcept { return run_id_; }
  [[nodiscard]] core::UtcTime created_time() const noexcept { return created_; }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// @throws LifecycleError when `to` may not follow the present status; running and completed need a run_id.
  void move_to(TrialStatus to, const std::string& run_id = {}, const std::string& reason = {});

 private:
  std::int64_t number_;
  Recommendation recommendation_;
  core::UtcTime created_;
  TrialStatus status_ = TrialStatus::candidate;
  std::string run_id_;
  std::string reason_;
};

}  // namespace luban::process
