#include "checks.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace luban::guard::detail {
namespace {

using process::Value;

constexpr double furthest = 1000.0;  // scales beyond the limits: no proposal, a mistake

/// Age and status of one value.
void check_quality(Subject subject, const std::string& name, core::Nanoseconds age, core::Nanoseconds max_age,
                   std::uint32_t status, bool accept_uncertain, Findings& out) {
  if (age.count() < 0 || age > max_age) {
    out.push_back({Reason::stale, subject, name, seconds(age), seconds(max_age), "s"});
  }
  process::DataValue value;
  value.status = status;
  const process::Severity severity = value.severity();
  if (severity == process::Severity::bad) {
    out.push_back({.reason = Reason::bad_quality, .subject = subject, .name = name, .unit = {}});
  } else if (severity != process::Severity::good && !accept_uncertain) {
    out.push_back({.reason = Reason::uncertain_quality, .subject = subject, .name = name, .unit = {}});
  }
}

void check_input(const InputRule& rule, const JudgedInput& input, const GuardOptions& options, Findings& out) {
  const process::DataValue& value = input.value;
  check_quality(Subject::input, input.name, input.age, options.max_input_age, value.status,
                options.accept_uncertain || rule.accept_uncertain, out);
  const auto report = [&](Reason reason, double limit = process::no_number) {
    out.push_back({reason, Subject::input, input.name, value.value, limit, rule.unit});
  };
  if (rule.stuck_after.count() > 0 && input.unchanged >= rule.stuck_after) {
    out.push_back(
        {Reason::stuck, Subject::input, input.name, seconds(input.unchanged), seconds(rule.stuck_after), "s"});
  }
  if (value.unit != rule.unit) report(Reason::wrong_unit);
  if (!std::isfinite(value.value)) {
    report(Reason::not_finite);
  } else if (value.value < rule.low) {
    report(Reason::outside_instrument_range, rule.low);
  } else if (value.value > rule.high) {
    report(Reason::outside_instrument_range, rule.high);
  }
}

/// What is wrong with one value of a variable; nothing when it fits.
std::optional<Reason> misfit(const process::Variable& variable, const process::NamedValue& item) {
  if (item.unit != variable.unit) return Reason::wrong_unit;
  if (const double* number = std::get_if<double>(&item.value)) {
    if (!variable.is_numeric()) return Reason::wrong_kind;
    if (!std::isfinite(*number)) return Reason::not_finite;
    return std::nullopt;
  }
  if (variable.is_numeric()) return Reason::wrong_kind;
  if (!variable.code(std::get<std::string>(item.value))) return Reason::unknown_category;
  return std::nullopt;
}

}  // namespace

std::vector<double> Picture::numbers(const Plan& plan, const std::vector<Value>& values) {
  std::vector<double> out;
  for (const std::size_t i : plan.numeric) out.push_back(std::get<double>(values[i]));
  return out;
}

void check_inputs(const Plan& plan, const GuardRequest& request, Findings& out) {
  std::set<std::string> seen;
  const JudgedInput* oldest = nullptr;
  core::Nanoseconds newest = core::Nanoseconds::max();
  for (const JudgedInput& input : request.inputs) {
    if (!seen.insert(input.name).second) {
      out.push_back({.reason = Reason::given_twice, .subject = Subject::input, .name = input.name, .unit = {}});
    }
    const auto rule = plan.inputs.find(input.name);
    if (rule == plan.inputs.end()) {
      out.push_back({.reason = Reason::unknown_name, .subject = Subject::input, .name = input.name, .unit = {}});
      continue;
    }
    check_input(rule->second, input, plan.options, out);
    if (oldest == nullptr || input.age > oldest->age) oldest = &input;
    newest = std::min(newest, input.age);
  }
  // A negative age has been found stale above; here it must not overflow.
  if (oldest != nullptr && newest.count() >= 0 && oldest->age - newest > plan.options.max_skew) {
    out.push_back({Reason::skewed, Subject::input, oldest->name, seconds(oldest->age - newest),
                   seconds(plan.options.max_skew), "s"});
  }
  for (const InputRule& rule : plan.options.inputs) {
    if (seen.count(rule.name) == 0) {
      out.push_back({.reason = Reason::missing, .subject = Subject::input, .name = rule.name, .unit = {}});
    }
  }
}

void check_outputs(const Plan& plan, const GuardRequest& request, Findings& out) {
  for (const ConfirmedOutput& output : request.outputs) {
    check_quality(Subject::output, output.value.name, output.age, plan.options.max_output_age, output.status,
                  plan.options.accept_uncertain, out);
  }
}

std::vector<Value> placed(const Variables& variables, Subject what,
                          const std::vector<const process::NamedValue*>& given, Findings& out) {
  std::vector<Value> values(variables.list.size());
  std::vector<std::uint8_t> found(variables.list.size(), 0);
  const auto report = [&](Reason reason, const std::string& name, const std::string& unit = {},
                          double observed = process::no_number) {
    out.push_back({.reason = reason, .subject = what, .name = name, .observed = observed, .unit = unit});
  };
  for (const process::NamedValue* item : given) {
    const auto at = variables.position.find(item->name);
    if (at == variables.position.end()) {
      report(Reason::unknown_name, item->name);
      continue;
    }
    const process::Variable& variable = variables.list[at->second];
    if (found[at->second] == 1) report(Reason::given_twice, item->name);
    found[at->second] = 1;
    values[at->second] = item->value;
    if (const std::optional<Reason> reason = misfit(variable, *item)) {
      const double* number = std::get_if<double>(&item->value);
      report(*reason, item->name, variable.unit, number == nullptr ? process::no_number : *number);
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] == 0) report(Reason::missing, variables.list[i].name);
  }
  return values;
}

void check_far(const Plan& plan, Subject what, const std::vector<Value>& values, Findings& out) {
  const Region& region = plan.region;
  for (std::size_t k = 0; k < plan.numeric.size(); ++k) {
    const double value = std::get<double>(values[plan.numeric[k]]);
    const double away = std::max(region.low[k] - value, value - region.high[k]) / region.scale[k];
    if (!(away <= furthest)) {
      const std::string& name = plan.parameters.list[plan.numeric[k]].name;
      out.push_back({Reason::far_outside, what, name, away, furthest, {}});
    }
  }
}

void check_order(const GuardRequest& request, Findings& out) {
  const auto report = [&out](Reason reason, double observed, double limit, const char* unit) {
    out.push_back({reason, Subject::request, {}, observed, limit, unit});
  };
  if (request.last_move.missing() || request.last_move > request.now) {
    report(Reason::time_reversed, process::no_number, process::no_number, "s");
  } else if (request.now >= request.deadline) {
    report(Reason::deadline_passed, seconds(request.now - request.deadline), 0.0, "s");
  }
  if (request.sequence <= request.last_sequence) {
    report(Reason::sequence_not_increasing, static_cast<double>(request.sequence),
           static_cast<double>(request.last_sequence), "");
  }
}

double distance_of(const Plan& plan, const std::vector<Value>& values, const Picture& picture) {
  std::vector<double> point;
  for (const Source& source : plan.numbers) {
    point.push_back(std::get<double>((source.is_parameter ? values : picture.context)[source.position]));
  }
  return plan.envelope.distance(point);
}

void check_novelty(const Plan& plan, Subject what, const std::vector<Value>& values, const Picture& picture,
                   double nearer_than, Findings& out) {
  const double distance = distance_of(plan, values, picture);
  if (!(distance <= plan.novelty_threshold) && !(distance < nearer_than)) {
    out.push_back({Reason::far_from_training, what, {}, distance, plan.novelty_threshold, {}});
  }
  if (plan.categories.empty()) return;
  std::vector<std::string> combination;
  for (const Source& source : plan.categories) {
    combination.push_back(std::get<std::string>((source.is_parameter ? values : picture.context)[source.position]));
  }
  if (plan.combinations.count(combination) == 0) {
    out.push_back({.reason = Reason::combination_unseen, .subject = what, .name = {}, .unit = {}});
  }
}

void check_changes(const Plan& plan, const GuardRequest& request, const Picture& picture, Findings& out) {
  std::size_t k = 0;
  for (std::size_t i = 0; i < plan.parameters.list.size(); ++i) {
    const process::Variable& parameter = plan.parameters.list[i];
    const double scale = parameter.is_numeric() ? plan.region.scale[k++] : 1.0;
    const auto output = std::find_if(request.outputs.begin(), request.outputs.end(),
                                     [&](const ConfirmedOutput& item) { return item.value.name == parameter.name; });
    if (output == request.outputs.end() || !output->written) continue;
    const double* confirmed = std::get_if<double>(&picture.confirmed[i]);
    const double* written = std::get_if<double>(&*output->written);
    const bool same = confirmed == nullptr || written == nullptr
                          ? picture.confirmed[i] == *output->written
                          : std::abs(*confirmed - *written) <= plan.options.written_tolerance * scale;
    if (same) continue;
    out.push_back({Reason::changed_by_others, Subject::output, parameter.name,
                   confirmed == nullptr ? process::no_number : *confirmed,
                   written == nullptr ? process::no_number : *written, parameter.unit});
  }
}

void check_dwell(const Plan& plan, const GuardRequest& request, Findings& out) {
  const core::Nanoseconds since = request.now - request.last_move;
  if (since < plan.options.dwell) {
    out.push_back({Reason::within_dwell, Subject::request, {}, seconds(since), seconds(plan.options.dwell), "s"});
  }
}

}  // namespace luban::guard::detail
