#include <luban/control/options.hpp>

#include <algorithm>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::control {

namespace {

void require(bool right, const char* expected, std::string received, const char* place) {
  if (right) return;
  throw core::ConfigurationError({.where = "control.Controller",
                                  .expected = expected,
                                  .received = std::move(received),
                                  .place = place,
                                  .hint = {}});
}

void require_at_least(std::int64_t least, std::int64_t value, const char* place) {
  if (value >= least) return;
  throw core::ConfigurationError({.where = "control.Controller",
                                  .expected = "at least " + std::to_string(least),
                                  .received = std::to_string(value),
                                  .place = place,
                                  .hint = {}});
}

}  // namespace

std::string_view name(PlantKind kind) noexcept {
  switch (kind) {
    case PlantKind::real:
      return "real";
    case PlantKind::simulated:
      return "simulated";
    case PlantKind::replayed:
      return "replayed";
  }
  return "real";
}

void ControlPlan::validate() const {
  require(cycle.count() > 0, "a cycle longer than nothing", std::to_string(cycle.count()) + " ns", "cycle");
  require(!variables.empty(), "at least one controlled variable", "none", "variables");
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::string& own = variables[i].name;
    require(!own.empty(), "a name for every variable", "an empty one", "variables");
    const auto same = [&own](const ControlledVariable& other) { return other.name == own; };
    const bool once = std::count_if(variables.begin(), variables.end(), same) == 1;
    require(once, "names that differ", core::quoted(own) + " twice", "variables");
  }
}

bool ControlPlan::critical(std::string_view variable) const noexcept {
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [variable](const ControlledVariable& own) { return own.name == variable; });
  return found == variables.end() || found->critical;
}

void ControlOptions::validate() const {
  require_at_least(0, dwell.count(), "dwell");
  require_at_least(1, missed_cycles, "missed_cycles");
  require_at_least(1, troubled_cycles, "troubled_cycles");
  require_at_least(1, hold_cycles, "hold_cycles");
  require_at_least(1, failed_writes_to_hold, "failed_writes_to_hold");
  require_at_least(failed_writes_to_hold, failed_writes_to_trip, "failed_writes_to_trip");
  require_at_least(0, shadow_cycles, "shadow_cycles");
}

}  // namespace luban::control
