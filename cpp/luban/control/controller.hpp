#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <luban/control/transition.hpp>

namespace luban::control {

class Controller;

/// Leave to write in one cycle. Only a Controller makes one; it is good once, until the next event, and only after its
/// journal entry was synced.
class LUBAN_CONTROL_EXPORT WritePermission {
 public:
  WritePermission(const WritePermission&) = delete;
  WritePermission& operator=(const WritePermission&) = delete;
  [[nodiscard]] WriteKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& recommendation_id() const noexcept { return recommendation_id_; }
  [[nodiscard]] const std::vector<std::string>& released() const noexcept { return released_; }  ///< not to be written
  [[nodiscard]] std::int64_t entry() const noexcept { return entry_; }  ///< to be in the journal first

 private:
  friend class Controller;
  WritePermission() = default;
  WriteKind kind_ = WriteKind::none;
  std::string recommendation_id_;
  std::vector<std::string> released_;
  std::int64_t entry_ = 0;
};

/// What the caller does after an event: record the decision's entries, publish its modes and reasons, raise its alarms,
/// then write if there is a permission.
struct ControlActions {
  ControlDecision decision;
  std::shared_ptr<WritePermission> permission;  ///< empty = nothing may be written
};

/// The mode machine with the state it keeps. It knows no clock, file or socket: `now` is any monotonic clock. Not for
/// several threads.
class LUBAN_CONTROL_EXPORT Controller {
 public:
  /// A loop that has never run: off. Whether it has is for the caller to know: the lost state of a loop that ran is
  /// restored("") and wakes up tripped. @throws ConfigurationError when plan or options are wrong.
  explicit Controller(ControlPlan plan, ControlOptions options = {});
  Controller(const Controller&) = delete;  // two with the same state would both give leave to write
  Controller& operator=(const Controller&) = delete;
  Controller(Controller&&) = default;
  Controller& operator=(Controller&&) = default;
  ~Controller() = default;
  /// A loop that ran before, from its state_text(), after a restart: at most advisory. Text that cannot be read or was
  /// altered gives a tripped loop. @throws ConfigurationError when plan or options are wrong.
  [[nodiscard]] static Controller restored(std::string_view state_text, ControlPlan plan, ControlOptions options = {});

  ControlActions step(const Event& event, core::Nanoseconds now);

  /// Whether the write may go out now; true once. `journaled` is the number of the last entry that is synced.
  [[nodiscard]] bool redeem(const WritePermission& permission, std::int64_t journaled);

  [[nodiscard]] const ControlDecision& latest() const noexcept {
    return latest_;
  }  ///< of the last event, or of the restart
  [[nodiscard]] const ControllerState& state() const noexcept { return state_; }
  [[nodiscard]] std::string state_text() const { return state_.to_text(); }
  [[nodiscard]] const ControlPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const ControlOptions& options() const noexcept { return options_; }
  /// What was wrong with the text that restored() was given; empty when nothing was.
  [[nodiscard]] const std::string& damage() const noexcept { return damage_; }

 private:
  const ControlDecision& decide(const Event& event, core::Nanoseconds elapsed);

  ControlPlan plan_;
  ControlOptions options_;
  ControllerState state_;
  ControlDecision latest_;
  std::string damage_;
  std::optional<core::Nanoseconds> last_cycle_;
  std::int64_t entries_ = 0;
  std::shared_ptr<WritePermission> open_;  ///< the one that may still be redeemed
};

}  // namespace luban::control
