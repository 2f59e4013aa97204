#include <luban/process/response.hpp>

#include <cmath>
#include <set>

#include <luban/core/text.hpp>

#include "detail/monomials.hpp"
#include "detail/refuse.hpp"

namespace luban::process {

using core::number_text;
using core::quoted;

void Response::validate() const {
  const detail::Refuse refuse{.where = "process.Response", .place = "response " + quoted(name)};
  detail::require_name(name, refuse);
  if (std::isnan(valid_low) || std::isnan(valid_high)) refuse("bounds of `valid` that are numbers", "NaN");
  if (valid_low > valid_high) {
    refuse("low at most high in `valid`", "low " + number_text(valid_low) + ", high " + number_text(valid_high),
           "are the two swapped?");
  }
}

void DerivedResponse::validate() const {
  const detail::Refuse refuse{.where = "process.DerivedResponse", .place = "derived response " + quoted(name)};
  detail::require_name(name, refuse);
  detail::require_sum(sum, refuse);
}

void RiskMeasure::validate(const std::string& where, const std::string& place) const {
  if (level >= 0.5 && level < 1.0) return;
  const detail::Refuse refuse{.where = where, .place = place};
  refuse("a level of `risk` of at least 0.5 and below 1", number_text(level),
         level >= 1.0 && level < 100.0 ? "write 80 % as 0.8"
         : level > 0.0 && level < 0.5  ? "the level is the share that comes out better: 0.8 for the worst 20 %"
                                       : "");
}

void Objective::validate() const {
  const detail::Refuse refuse{.where = "process.Objective", .place = "objective on " + quoted(response)};
  if (goal == Goal::target && !std::isfinite(target)) {
    refuse("a target value for the goal `target`", std::isnan(target) ? "none" : number_text(target));
  }
  if (goal != Goal::target && !std::isnan(target)) {
    refuse("no target value unless the goal is `target`", number_text(target), "to hit a value write `goal: target`");
  }
  if (risk) risk->validate(refuse.where, refuse.place);
}

void OutcomeConstraint::validate() const {
  const detail::Refuse refuse{.where = "process.OutcomeConstraint",
                              .place = "outcome constraint on " + quoted(response)};
  if (std::isnan(lower) || std::isnan(upper)) refuse("bounds that are numbers", "NaN");
  if (!std::isfinite(lower) && !std::isfinite(upper)) refuse("a lower or an upper bound", "neither");
  if (lower > upper) {
    refuse("lower at most upper", "lower " + number_text(lower) + ", upper " + number_text(upper),
           "are the two swapped?");
  }
  if (!(probability > 0.0 && probability < 1.0)) {
    refuse("a probability above 0 and below 1", number_text(probability),
           probability > 1.0 && probability < 100.0 ? "write 95 % as 0.95" : "");
  }
}

}  // namespace luban::process
