#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/core/time.hpp>
#include <luban/process/trial.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/recommend.hpp>

namespace luban::recommend {

/// The trials of a campaign, numbered from 1 in the order they were asked for: recommendations on their way to becoming
/// runs. The measured values are the history's; the ledger knows under which run_id they are.
class LUBAN_RECOMMEND_EXPORT Ledger {
 public:
  /// Takes recommendations on as candidates. @return their numbers.
  std::vector<std::int64_t> ask(const std::vector<process::Recommendation>& recommendations, core::UtcTime created);

  // Steps of a trial's life. @throws LifecycleError when the number is unknown or the step may not follow its status.
  void stage(std::int64_t number);
  void start(std::int64_t number, const std::string& run_id);
  /// Results have arrived under `run_id`: the trial has been staged and has run, whether or not anybody said so, and is
  /// completed.
  void tell(std::int64_t number, const std::string& run_id);
  void fail(std::int64_t number, const std::string& reason);
  void abandon(std::int64_t number, const std::string& reason);
  /// Nobody took it up in time, or newer knowledge replaced it.
  void expire(std::int64_t number, const std::string& reason);

  [[nodiscard]] const std::vector<process::Trial>& trials() const noexcept { return trials_; }
  [[nodiscard]] const process::Trial& trial(std::int64_t number) const;  ///< @throws LifecycleError when unknown
  /// Runs to come: trials that are candidate, staged or running. "Stay" trials wait for a result too.
  [[nodiscard]] std::vector<PendingRun> pending() const;

  [[nodiscard]] core::Json to_json() const;
  /// @throws DataError when a field is missing or of the wrong type; LifecycleError for an impossible life.
  [[nodiscard]] static Ledger from_json(const core::Json& json);

 private:
  process::Trial& find(std::int64_t number);
  std::vector<process::Trial> trials_;
};

}  // namespace luban::recommend
