#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/guard/export.hpp>
#include <luban/guard/verdict.hpp>
#include <luban/process/run.hpp>

namespace luban::guard {

/// Values that passed the guard and may be written until the deadline: the only thing a plant connection takes.
/// Only a Guard makes one; it never changes, and a copy is the same value.
class LUBAN_GUARD_EXPORT Setpoint {
 public:
  Setpoint(const Setpoint&) = default;
  Setpoint& operator=(const Setpoint&) = delete;
  ~Setpoint() = default;

  /// Every parameter with its unit, in the order of the process.
  [[nodiscard]] const std::vector<process::NamedValue>& values() const noexcept { return values_; }
  /// The confirmed outputs that the values were judged against, in the same order: to be compared before writing.
  [[nodiscard]] const std::vector<process::NamedValue>& expected() const noexcept { return expected_; }
  [[nodiscard]] std::int64_t cycle() const noexcept { return cycle_; }
  [[nodiscard]] std::int64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] core::MonotonicTime deadline() const noexcept { return deadline_; }
  /// "CYCLE-SEQUENCE": the same for every attempt to deliver this setpoint.
  [[nodiscard]] const std::string& command_id() const noexcept { return command_id_; }

 private:
  friend class Guard;
  Setpoint(std::vector<process::NamedValue> values, std::vector<process::NamedValue> expected, std::int64_t cycle,
           std::int64_t sequence, core::MonotonicTime deadline)
      : values_(std::move(values)),
        expected_(std::move(expected)),
        cycle_(cycle),
        sequence_(sequence),
        deadline_(deadline),
        command_id_(std::to_string(cycle) + "-" + std::to_string(sequence)) {}

  std::vector<process::NamedValue> values_;
  std::vector<process::NamedValue> expected_;
  std::int64_t cycle_;
  std::int64_t sequence_;
  core::MonotonicTime deadline_;
  std::string command_id_;
};

/// The guard's answer: a setpoint when the decision is accept or clamp, none otherwise.
struct LUBAN_GUARD_EXPORT Judgement {
  Verdict verdict;
  std::optional<Setpoint> setpoint;
};

}  // namespace luban::guard
