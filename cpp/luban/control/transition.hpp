#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <luban/control/event.hpp>
#include <luban/control/export.hpp>
#include <luban/control/options.hpp>
#include <luban/control/state.hpp>

namespace luban::control {

/// What may be written in this cycle.
enum class WriteKind {
  none,
  recommendation,  ///< closed: what the guard made of the recommendation
  approved,        ///< advisory: the one recommendation that a person approved, unchanged
  golden           ///< fallback: the next step towards the golden set
};

inline constexpr std::array write_kinds{WriteKind::none, WriteKind::recommendation, WriteKind::approved,
                                        WriteKind::golden};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(WriteKind kind) noexcept;

enum class AlarmPriority { low, medium, high };

inline constexpr std::array alarm_priorities{AlarmPriority::low, AlarmPriority::medium, AlarmPriority::high};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(AlarmPriority priority) noexcept;

/// Something an operator should act on; it is raised once, when it happens.
struct LUBAN_CONTROL_EXPORT ControlAlarm {
  ControlReason reason = ControlReason::no_cycle_yet;
  AlarmPriority priority = AlarmPriority::low;
};

enum class EntryKind { request, mode_change, release, engage, approval, restart, write };

inline constexpr std::array entry_kinds{EntryKind::request, EntryKind::mode_change, EntryKind::release,
                                        EntryKind::engage,  EntryKind::approval,    EntryKind::restart,
                                        EntryKind::write};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(EntryKind kind) noexcept;

/// What must be recorded of this step. An entry of kind `write` stands for a write that has not happened yet: it must
/// be in the journal, synced, before the write.
struct LUBAN_CONTROL_EXPORT ControlEntry {
  EntryKind kind = EntryKind::mode_change;
  std::int64_t number = 0;  ///< counts the entries of one Controller, from 1; 0 = not from a Controller
  ControlMode from = ControlMode::off;
  ControlMode to = ControlMode::off;
  Reasons reasons{};
  bool accepted = true;  ///< false: a request that was refused
  std::string person{};
  std::string second_person{};
  std::string subject{};  ///< variable or recommendation

  [[nodiscard]] core::Json to_json() const;
};

/// What one event leads to.
struct LUBAN_CONTROL_EXPORT ControlDecision {
  ControlMode before = ControlMode::off;  ///< achieved mode before the event
  ControlMode requested = ControlMode::off;
  ControlMode achieved = ControlMode::off;
  Reasons requested_reasons;
  Reasons achieved_reasons;
  bool accepted = true;  ///< false: the event was a request that is refused, for refusal_reasons
  Reasons refusal_reasons;
  WriteKind write = WriteKind::none;
  Reasons no_write_reasons;           ///< at least one when nothing may be written
  std::vector<std::string> released;  ///< variables that must not be written
  std::vector<ControlAlarm> alarms;
  std::vector<ControlEntry> entries;
};

struct Transition {
  ControllerState state;
  ControlDecision decision;
};

/// The whole mode machine as one pure function; `elapsed` is the time since the last cycle (only a Cycle looks at it).
/// Modelled on the published abstract of NAMUR NE 194; docs/modes.md has the rules in words.
[[nodiscard]] LUBAN_CONTROL_EXPORT Transition transition(const ControlPlan& plan, const ControlOptions& options,
                                                         const ControllerState& state, const Event& event,
                                                         core::Nanoseconds elapsed);

/// The state in which a loop wakes up whose kept state cannot be read: tripped.
[[nodiscard]] LUBAN_CONTROL_EXPORT ControllerState damaged_state(const ControlPlan& plan);

}  // namespace luban::control
