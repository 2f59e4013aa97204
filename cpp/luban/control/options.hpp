#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <luban/control/export.hpp>
#include <luban/core/time.hpp>

namespace luban::control {

/// What the outputs act on. A simulated or replayed plant may arm itself; a real one needs people.
enum class PlantKind { real, simulated, replayed };

inline constexpr std::array plant_kinds{PlantKind::real, PlantKind::simulated, PlantKind::replayed};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(PlantKind kind) noexcept;

/// One output of the loop. When somebody else moves a critical one, the whole loop is lowered.
struct LUBAN_CONTROL_EXPORT ControlledVariable {
  std::string name;
  bool critical = false;

  friend bool operator==(const ControlledVariable&, const ControlledVariable&) = default;
};

/// What is controlled; fixed while the process runs.
struct LUBAN_CONTROL_EXPORT ControlPlan {
  PlantKind plant = PlantKind::real;
  core::Nanoseconds cycle = std::chrono::seconds(1);  ///< planned time between cycles, > 0
  std::vector<ControlledVariable> variables;          ///< at least one, names differ
  std::string model;                                  ///< digest of the artefact; another one needs a new shadow record

  /// @throws ConfigurationError naming what is wrong.
  void validate() const;
  [[nodiscard]] bool critical(std::string_view variable) const noexcept;  ///< true for a name that is not planned
};

/// When authority is given and when it is taken away.
struct LUBAN_CONTROL_EXPORT ControlOptions {
  /// How long permissives must have held without a break before a raise, ≥ 0.
  core::Nanoseconds dwell = std::chrono::seconds(30);
  /// Cycles whose time passes without one before the outputs are held: this process itself was stopped, ≥ 1.
  int missed_cycles = 3;
  /// Cycles in a row without something to write (late, none, refused by the guard, bad inputs) before hold, ≥ 1.
  int troubled_cycles = 3;
  /// Cycles in a row in hold with the same trouble before fallback, ≥ 1.
  int hold_cycles = 3;
  /// Writes in a row that were not confirmed before hold, ≥ 1; a partial one holds at once.
  int failed_writes_to_hold = 2;
  /// The same before the trip, ≥ failed_writes_to_hold.
  int failed_writes_to_trip = 4;
  /// Cycles with a fresh, judged recommendation in shadow or advisory before a real plant may be closed, ≥ 0.
  std::int64_t shadow_cycles = 200;

  /// @throws ConfigurationError naming what is wrong.
  void validate() const;
};

}  // namespace luban::control
