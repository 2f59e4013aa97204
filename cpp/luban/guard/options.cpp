#include <luban/guard/options.hpp>

#include <set>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::guard {
namespace {

using core::quoted;

void require(bool holds, const std::string& expected, const std::string& received, const std::string& place = {}) {
  if (holds) return;
  throw core::ConfigurationError(
      {.where = "guard.GuardOptions", .expected = expected, .received = received, .place = place, .hint = {}});
}

void require_fraction(double value, const char* what) {
  require(value >= 0.0 && value <= 1.0, std::string(what) + " between 0 and 1", core::number_text(value));
}

void require_duration(core::Nanoseconds value, const char* what) {
  require(value.count() >= 0, std::string(what) + " of 0 or longer", std::to_string(value.count()) + " ns");
}

void check_rule(const InputRule& rule, const process::Process& process) {
  const std::string place = "input " + quoted(rule.name);
  require(!rule.name.empty(), "a name", "an empty one", place);
  require(rule.low <= rule.high, "low at most high",
          "low " + core::number_text(rule.low) + ", high " + core::number_text(rule.high), place);
  require(rule.stuck_after.count() >= 0, "stuck_after of 0 or longer", std::to_string(rule.stuck_after.count()) + " ns",
          place);
  const bool declared = process.find_variable(rule.name) != nullptr || process.find_response(rule.name) != nullptr ||
                        process.find_derived(rule.name) != nullptr;
  if (declared && !rule.unit.empty()) {
    require(rule.unit == process.unit(rule.name), "the unit of the process, " + quoted(process.unit(rule.name)),
            quoted(rule.unit), place);
  }
}

}  // namespace

void GuardOptions::validate(const process::Process& process) const {
  require(novelty > 0.0 && novelty < 1.0, "novelty between 0 and 1", core::number_text(novelty));
  require_duration(dwell, "dwell");
  require_duration(max_input_age, "max_input_age");
  require_duration(max_output_age, "max_output_age");
  require_duration(max_skew, "max_skew");
  require_fraction(deadband, "deadband");
  require_fraction(written_tolerance, "written_tolerance");
  for (const auto& [parameter, value] : parameter_deadband) {
    const process::Parameter* found = process.find_parameter(parameter);
    require(found != nullptr && found->is_numeric(), "deadbands of numeric parameters", quoted(parameter));
    require_fraction(value, "a deadband");
  }
  std::set<std::string> seen;
  for (const InputRule& rule : inputs) {
    check_rule(rule, process);
    require(seen.insert(rule.name).second, "one rule for an input", "two", "input " + quoted(rule.name));
  }
}

}  // namespace luban::guard
