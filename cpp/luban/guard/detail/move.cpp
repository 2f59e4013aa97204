#include "move.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace luban::guard::detail {
namespace {

using process::Value;
using Vector = std::vector<double>;

/// from + change, rounded so that it never lies further from `from` than `change` (≥ 0).
double reach(double from, double change) {
  const double sum = from + change;
  const double shifted = sum - from;
  const double error = (from - (sum - shifted)) + (change - shifted);  // from + change = sum + error, exactly
  return error < 0.0 ? std::nextafter(sum, -std::numeric_limits<double>::infinity()) : sum;
}

/// The largest change that the time since the last move allows, never more than the one stated per period. When the
/// quotient is not exact a little less, so that no other way of computing it can call the move too fast.
double credit(const process::OperatingLimits& limits, core::Nanoseconds since) {
  if (limits.max_rate_per.count() == 0) return std::numeric_limits<double>::infinity();
  if (since >= limits.max_rate_per) return limits.max_rate;
  const auto time = static_cast<double>(since.count());
  const auto period = static_cast<double>(limits.max_rate_per.count());
  const double part = time / period;
  const double change = limits.max_rate * part;
  if (change < 1e-280) return 0.0;  // so small that the remainders below would vanish
  const bool exact = std::fma(part, period, -time) == 0.0 && std::fma(limits.max_rate, part, -change) == 0.0;
  return exact ? change : change * (1.0 - 8.0 * std::numeric_limits<double>::epsilon());
}

/// One move in numbers: where it starts, what it wants and where it may go.
struct Numbers {
  const Plan& plan;
  Vector confirmed;
  Vector wanted;
  Vector change;  ///< allowed, from the confirmed value
  std::vector<bool> held;
  Region rates;       ///< within the allowed change, limits and rows apart
  Region admissible;  ///< within limits, rows and the allowed change

  [[nodiscard]] const process::Variable& parameter(std::size_t k) const {
    return plan.parameters.list[plan.numeric[k]];
  }
};

Numbers numbers_of(const Plan& plan, const Picture& picture, core::Nanoseconds since) {
  Numbers out{.plan = plan,
              .confirmed = Picture::numbers(plan, picture.confirmed),
              .wanted = Picture::numbers(plan, picture.proposal),
              .change = {},
              .held = {},
              .rates = plan.region,
              .admissible = plan.region};
  out.rates.rows.clear();
  for (std::size_t k = 0; k < plan.numeric.size(); ++k) {
    out.held.push_back(picture.held[plan.numeric[k]] == 1);
    out.change.push_back(out.held[k] ? 0.0 : credit(plan.limits[plan.numeric[k]], since));
    out.rates.low[k] = -reach(-out.confirmed[k], out.change[k]);
    out.rates.high[k] = reach(out.confirmed[k], out.change[k]);
    out.admissible.low[k] = std::max(plan.region.low[k], out.rates.low[k]);
    out.admissible.high[k] = std::min(plan.region.high[k], out.rates.high[k]);
  }
  return out;
}

/// The limits and rows that x breaks, each with its reason.
void report_bounds(const Numbers& numbers, const Vector& x, Subject subject, Reason below, Reason above, Reason broken,
                   Findings& out) {
  const Region& limits = numbers.plan.region;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const process::Variable& parameter = numbers.parameter(k);
    if (x[k] < limits.low[k]) out.push_back({below, subject, parameter.name, x[k], limits.low[k], parameter.unit});
    if (x[k] > limits.high[k]) out.push_back({above, subject, parameter.name, x[k], limits.high[k], parameter.unit});
  }
  for (std::size_t r = 0; r < limits.rows.size(); ++r) {
    const Row& row = limits.rows[r];
    const double sum = sum_of(row, x);
    if (sum >= row.lower && sum <= row.upper) continue;
    out.push_back({broken, subject, numbers.plan.row_texts[r], sum, sum > row.upper ? row.upper : row.lower, {}});
  }
}

/// What keeps the proposal from being accepted as it is.
void explain(const Numbers& numbers, Findings& out) {
  report_bounds(numbers, numbers.wanted, Subject::proposal, Reason::below_low, Reason::above_high,
                Reason::constraint_broken, out);
  for (std::size_t k = 0; k < numbers.wanted.size(); ++k) {
    const double value = numbers.wanted[k];
    const double confirmed = numbers.confirmed[k];
    const auto report = [&](Reason reason, double observed, double limit) {
      out.push_back({reason, Subject::proposal, numbers.parameter(k).name, observed, limit, numbers.parameter(k).unit});
    };
    if (numbers.plan.region.whole[k] == 1 && std::floor(value) != value) {
      report(Reason::not_whole, value, process::no_number);
    }
    if (numbers.held[k] && value != confirmed) {
      report(Reason::held, value, confirmed);
    } else if (value < numbers.rates.low[k] || value > numbers.rates.high[k]) {
      report(Reason::too_fast, std::abs(value - confirmed), numbers.change[k]);
    }
  }
}

/// What the confirmed outputs break, each with `reason`; one finding without a name when they break nothing.
void explain_outside(const Numbers& numbers, Reason reason, Findings& out) {
  const std::size_t before = out.size();
  report_bounds(numbers, numbers.confirmed, Subject::output, reason, reason, reason, out);
  if (out.size() == before) out.push_back({.reason = reason, .subject = Subject::output, .name = {}, .unit = {}});
}

/// One step from the confirmed point straight towards the nearest point inside limits and rows. On that line nothing
/// that is kept gets broken and everything broken gets better; the result is checked all the same.
std::optional<Vector> step_back(const Numbers& numbers) {
  Region inside = numbers.plan.region;
  for (std::size_t k = 0; k < inside.low.size(); ++k) {
    if (!numbers.held[k]) continue;
    inside.low[k] = std::max(inside.low[k], numbers.confirmed[k]);
    inside.high[k] = std::min(inside.high[k], numbers.confirmed[k]);
  }
  const Vector& from = numbers.confirmed;
  const std::optional<Vector> goal = nearest(inside, from);
  if (!goal) return std::nullopt;
  double part = 1.0;
  for (std::size_t k = 0; k < from.size(); ++k) {
    const double way = std::abs((*goal)[k] - from[k]);
    if (way > numbers.change[k]) part = std::min(part, numbers.change[k] / way);
  }
  Vector x = *goal;
  for (std::size_t k = 0; k < x.size() && part < 1.0; ++k) {
    const double way = (*goal)[k] - from[k];
    x[k] = std::clamp(from[k] + part * way, numbers.rates.low[k], numbers.rates.high[k]);
    if (inside.whole[k] == 1 && way != 0.0) x[k] = way > 0.0 ? std::floor(x[k]) : std::ceil(x[k]);
  }
  if (!admits(numbers.rates, x) || !improves(numbers.plan.region, from, x)) return std::nullopt;
  return x;
}

/// Categories are taken exactly as proposed; a held one may not change at all.
bool changes_category(const Plan& plan, const Picture& picture, Findings& out) {
  bool changes = false;
  for (std::size_t i = 0; i < plan.parameters.list.size(); ++i) {
    if (plan.parameters.list[i].is_numeric() || picture.proposal[i] == picture.confirmed[i]) continue;
    changes = true;
    if (picture.held[i] == 1) {
      out.push_back(
          {.reason = Reason::held, .subject = Subject::proposal, .name = plan.parameters.list[i].name, .unit = {}});
    }
  }
  return changes;
}

}  // namespace

Move plan_move(const Plan& plan, const Picture& picture, core::Nanoseconds since_last_move) {
  Move out;
  const bool new_category = changes_category(plan, picture, out.findings);
  if (!out.findings.empty()) return out;
  const Numbers numbers = numbers_of(plan, picture, since_last_move);
  out.values = picture.proposal;
  if (admits(numbers.admissible, numbers.wanted)) {
    out.decision = Decision::accept;
    return out;
  }
  explain(numbers, out.findings);
  if (new_category) {
    out.findings.push_back(
        {.reason = Reason::category_with_clamp, .subject = Subject::proposal, .name = {}, .unit = {}});
    return out;
  }
  std::optional<Vector> x = nearest(numbers.admissible, numbers.wanted);
  if (!x && plan.options.return_to_limits) {
    x = step_back(numbers);
    if (x) explain_outside(numbers, Reason::returning, out.findings);
  }
  if (!x) {
    explain_outside(numbers, Reason::no_admissible_move, out.findings);
    return out;
  }
  for (std::size_t k = 0; k < x->size(); ++k) out.values[plan.numeric[k]] = (*x)[k];
  out.decision = Decision::clamp;
  return out;
}

void check_deadband(const Plan& plan, const Picture& picture, const std::vector<Value>& values, Findings& out) {
  const Vector before = Picture::numbers(plan, picture.confirmed);
  const Vector after = Picture::numbers(plan, values);
  GuardFinding largest{
      .reason = Reason::within_deadband, .subject = Subject::setpoint, .name = {}, .observed = -1.0, .unit = {}};
  for (std::size_t k = 0; k < before.size(); ++k) {
    const double change = std::abs(after[k] - before[k]) / plan.region.scale[k];
    if (change >= plan.deadband[k] && after[k] != before[k]) return;
    if (change <= largest.observed) continue;
    largest.name = plan.parameters.list[plan.numeric[k]].name;
    largest.observed = change;
    largest.limit = plan.deadband[k];
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != picture.confirmed[i] && !plan.parameters.list[i].is_numeric()) return;
  }
  out.push_back(std::move(largest));
}

}  // namespace luban::guard::detail
