#include <luban/process/constraint.hpp>

#include <cmath>
#include <set>

#include <luban/core/text.hpp>

#include "detail/refuse.hpp"

namespace luban::process {

using core::number_text;
using core::quoted;

std::string ParameterConstraint::text() const {
  std::string out;
  if (std::isfinite(lower)) out += number_text(lower) + " <= ";
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const auto& [parameter, coefficient] = sum[i];
    const double size = std::abs(coefficient);
    if (i > 0) out += coefficient < 0.0 ? " - " : " + ";
    if (i == 0 && coefficient < 0.0) out += "-";
    if (size != 1.0) out += number_text(size) + " ";
    out += parameter;
  }
  if (std::isfinite(upper)) out += " <= " + number_text(upper);
  return out;
}

void ParameterConstraint::validate() const {
  const detail::Refuse refuse{.where = "process.ParameterConstraint", .place = "parameter constraint " + text()};
  if (sum.empty()) refuse("at least one parameter in the sum", "none");
  std::set<std::string> seen;
  for (const auto& [parameter, coefficient] : sum) {
    if (!std::isfinite(coefficient) || coefficient == 0.0) {
      refuse("a coefficient that is finite and not 0", quoted(parameter) + ": " + number_text(coefficient));
    }
    if (!seen.insert(parameter).second) refuse("each parameter once in the sum", quoted(parameter) + " twice");
  }
  if (std::isnan(lower) || std::isnan(upper)) refuse("bounds that are numbers", "NaN");
  if (!std::isfinite(lower) && !std::isfinite(upper)) refuse("a lower or an upper bound", "neither");
  if (lower > upper) {
    refuse("lower at most upper", "lower " + number_text(lower) + ", upper " + number_text(upper),
           "are the two swapped?");
  }
}

void Tolerance::validate() const {
  const detail::Refuse refuse{.where = "process.Tolerance", .place = "tolerance of " + quoted(parameter)};
  if (!std::isfinite(sd) || sd <= 0.0) refuse("a standard deviation above 0", number_text(sd));
}

}  // namespace luban::process
