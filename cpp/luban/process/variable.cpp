#include <luban/process/variable.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

#include "detail/refuse.hpp"

namespace luban::process {
namespace {

using core::number_text;
using core::quoted;

void validate_numeric(const Variable& variable, const detail::Refuse& refuse) {
  if (!variable.categories.empty()) {
    refuse("no categories for a numeric variable", "categories " + core::listed(variable.categories));
  }
  if (std::isnan(variable.low) != std::isnan(variable.high)) {
    refuse("low and high together, or neither", std::isnan(variable.low) ? "high alone" : "low alone");
  }
  if (std::isnan(variable.low)) return;
  const std::string range = "low " + number_text(variable.low) + ", high " + number_text(variable.high);
  if (!std::isfinite(variable.low) || !std::isfinite(variable.high)) refuse("finite low and high", range);
  if (variable.low > variable.high) refuse("low at most high", range, "are the two swapped?");
  if (variable.kind == VariableKind::integer &&
      (std::floor(variable.low) != variable.low || std::floor(variable.high) != variable.high)) {
    refuse("whole numbers for an integer variable", range);
  }
}

void validate_categories(const Variable& variable, const detail::Refuse& refuse) {
  if (!std::isnan(variable.low) || !std::isnan(variable.high)) {
    refuse("either categories or low and high", "both");
  }
  if (variable.categories.empty()) refuse("at least one category", "none");
  std::set<std::string> seen;
  for (const std::string& category : variable.categories) {
    if (category.empty()) refuse("categories that have a name", "an empty one");
    if (!seen.insert(category).second) refuse("each category once", quoted(category) + " twice");
  }
}

}  // namespace

std::optional<int> Variable::code(const std::string& category) const noexcept {
  const auto at = std::find(categories.begin(), categories.end(), category);
  if (at == categories.end()) return std::nullopt;
  return static_cast<int>(at - categories.begin());
}

void Variable::validate(const char* role) const {
  const detail::Refuse refuse{.where = "process.Variable", .place = std::string(role) + " " + quoted(name)};
  detail::require_name(name, refuse);
  if (is_numeric()) {
    validate_numeric(*this, refuse);
  } else {
    validate_categories(*this, refuse);
  }
}

void Parameter::validate() const {
  Variable::validate("parameter");
  const detail::Refuse refuse{.where = "process.Parameter", .place = "parameter " + quoted(name)};
  const std::string bounds = "limits " + number_text(limits.low) + " … " + number_text(limits.high);
  const bool has_rate = limits.max_rate_per.count() != 0;
  if (!is_numeric()) {
    if (std::isfinite(limits.low) || std::isfinite(limits.high) || has_rate) {
      refuse("no operating limits for a categorical parameter", bounds);
    }
    return;
  }
  if (std::isnan(low)) {
    refuse("low and high of the search range", "neither", "state the range in which settings may be proposed");
  }
  if (std::isnan(limits.low) || std::isnan(limits.high)) refuse("limits that are numbers", bounds);
  if (limits.low > limits.high) refuse("the lower limit at most the upper one", bounds, "are the two swapped?");
  if (low < limits.low || high > limits.high) {
    refuse("a search range inside the operating limits",
           "search " + number_text(low) + " … " + number_text(high) + ", " + bounds,
           "narrow low and high, or correct the limits");
  }
  if (has_rate && !(limits.max_rate > 0.0 && std::isfinite(limits.max_rate) && limits.max_rate_per.count() > 0)) {
    refuse("a maximum rate above 0 per a time above 0",
           number_text(limits.max_rate) + " per " + std::to_string(limits.max_rate_per.count()) + " ns");
  }
  if (!has_rate && std::isfinite(limits.max_rate)) refuse("the time that the maximum rate is meant per", "none");
}

void ContextVariable::validate() const {
  Variable::validate("context variable");
}

void NoiseVariable::validate() const {
  Variable::validate("noise variable");
}

}  // namespace luban::process
