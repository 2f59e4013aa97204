#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/guard/export.hpp>
#include <luban/process/data_value.hpp>
#include <luban/process/run.hpp>

namespace luban::guard {

/// A value from the plant that the proposal rests on. Ages are measured on our monotonic clock: the time stamps
/// inside the value come from other clocks and are not used.
struct LUBAN_GUARD_EXPORT JudgedInput {
  std::string name;
  process::DataValue value;
  core::Nanoseconds age{};        ///< since the server last stated it
  core::Nanoseconds unchanged{};  ///< for how long it has been exactly the same
};

/// A parameter as last read back from the plant: the reference of every move.
struct LUBAN_GUARD_EXPORT ConfirmedOutput {
  process::NamedValue value;
  std::uint32_t status = 0;  ///< OPC UA status code
  core::Nanoseconds age{};
  std::optional<process::Value> written;  ///< our last write that was confirmed; nothing when there is none or the
                                          ///< parameter is not ours at present
  bool held = false;                      ///< must stay where it is (released to the operator, out of service)
};

/// Everything that one judgement rests on: the guard has no clock and no memory of its own.
struct LUBAN_GUARD_EXPORT GuardRequest {
  std::int64_t cycle = 0;  ///< never used twice, not even after a restart
  core::MonotonicTime now;
  core::MonotonicTime deadline;     ///< of the recommendation; the setpoint carries it on
  std::int64_t sequence = 0;        ///< of the recommendation
  std::int64_t last_sequence = -1;  ///< the highest that was judged before
  process::Recipe proposal;
  std::vector<JudgedInput> inputs;
  std::vector<ConfirmedOutput> outputs;  ///< every parameter of the process
  core::MonotonicTime last_move;         ///< confirmation of the last change of any output, by whomever; when none is
                                         ///< known, the time at which the outputs were first seen
  std::vector<process::NamedValue> context;
};

}  // namespace luban::guard
