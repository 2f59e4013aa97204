#include <luban/guard/guard.hpp>

#include <algorithm>
#include <utility>

#include <luban/core/sha256.hpp>

#include "detail/checks.hpp"
#include "detail/move.hpp"
#include "detail/plan.hpp"

namespace luban::guard {
namespace {

using detail::Findings;
using detail::Picture;
using detail::Plan;
using process::NamedValue;
using process::Value;

Judgement without_setpoint(Decision decision, Findings findings) {
  return {.verdict = {.decision = decision, .findings = std::move(findings)}, .setpoint = std::nullopt};
}

std::vector<const NamedValue*> pointers(const std::vector<NamedValue>& values) {
  std::vector<const NamedValue*> out;
  out.reserve(values.size());
  for (const NamedValue& value : values) out.push_back(&value);
  return out;
}

/// Validity of proposal and confirmed outputs; the context is looked at only when novelty needs it.
Picture read(const Plan& plan, const process::Recipe& proposal, const GuardRequest& request, bool with_context,
             Findings& found) {
  std::vector<const NamedValue*> outputs;
  for (const ConfirmedOutput& output : request.outputs) outputs.push_back(&output.value);
  Picture picture;
  picture.proposal = detail::placed(plan.parameters, Subject::proposal, pointers(proposal.values()), found);
  picture.confirmed = detail::placed(plan.parameters, Subject::output, outputs, found);
  if (with_context) picture.context = detail::placed(plan.context, Subject::context, pointers(request.context), found);
  picture.held.assign(plan.parameters.list.size(), 0);
  for (const ConfirmedOutput& output : request.outputs) {
    const auto at = plan.parameters.position.find(output.value.name);
    if (at != plan.parameters.position.end() && output.held) picture.held[at->second] = 1;
  }
  if (found.empty()) {
    detail::check_far(plan, Subject::proposal, picture.proposal, found);
    detail::check_far(plan, Subject::output, picture.confirmed, found);
  }
  return picture;
}

std::vector<NamedValue> named(const Plan& plan, const std::vector<Value>& values) {
  std::vector<NamedValue> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.push_back({.name = plan.parameters.list[i].name, .value = values[i], .unit = plan.parameters.list[i].unit});
  }
  return out;
}

/// The golden set whose context agrees with the present one in most variables; the first of equals.
const process::GoldenSet* most_specific(const std::vector<process::GoldenSet>& golden,
                                        const std::vector<NamedValue>& context) {
  const process::GoldenSet* best = nullptr;
  for (const process::GoldenSet& set : golden) {
    const bool fits = std::all_of(set.context.begin(), set.context.end(), [&context](const NamedValue& value) {
      return std::find(context.begin(), context.end(), value) != context.end();
    });
    if (fits && (best == nullptr || set.context.size() > best->context.size())) best = &set;
  }
  return best;
}

}  // namespace

std::string digest_of(const process::TrainingEnvelope& envelope) {
  return core::Sha256().update(envelope.to_json().dump()).hex();
}

Guard::Guard(const process::Process& process, const process::TrainingEnvelope& envelope,
             const std::string& envelope_digest, GuardOptions options)
    : plan_(std::make_shared<const Plan>(detail::make_plan(process, envelope, envelope_digest, std::move(options)))) {}

Judgement Guard::judge(const GuardRequest& request) const {
  Findings found;
  detail::check_inputs(*plan_, request, found);
  detail::check_outputs(*plan_, request, found);
  if (!found.empty()) return without_setpoint(Decision::reject, std::move(found));
  const Picture picture = read(*plan_, request.proposal, request, true, found);
  if (!found.empty()) return without_setpoint(Decision::reject, std::move(found));
  detail::check_order(request, found);
  if (!found.empty()) return without_setpoint(Decision::reject, std::move(found));
  detail::check_novelty(*plan_, Subject::proposal, picture.proposal, picture, 0.0, found);
  if (!found.empty()) return without_setpoint(Decision::hold, std::move(found));
  return move(request, picture, true);
}

Judgement Guard::fallback(const std::vector<process::GoldenSet>& golden, const GuardRequest& request) const {
  Findings found;
  detail::check_outputs(*plan_, request, found);
  if (!found.empty()) return without_setpoint(Decision::reject, std::move(found));
  const process::GoldenSet* set = most_specific(golden, request.context);
  if (set == nullptr) {
    found.push_back({.reason = Reason::no_golden_set, .subject = Subject::request, .name = {}, .unit = {}});
    return without_setpoint(Decision::hold, std::move(found));
  }
  const Picture picture = read(*plan_, set->recipe, request, false, found);
  if (!found.empty()) return without_setpoint(Decision::reject, std::move(found));
  detail::check_order(request, found);
  if (!found.empty()) return without_setpoint(Decision::reject, std::move(found));
  return move(request, picture, false);
}

/// What a valid proposal may do to the line now.
Judgement Guard::move(const GuardRequest& request, const Picture& picture, bool judge_novelty) const {
  Findings found;
  detail::check_changes(*plan_, request, picture, found);
  if (!found.empty()) return without_setpoint(Decision::hold, std::move(found));
  detail::check_dwell(*plan_, request, found);
  if (!found.empty()) return without_setpoint(Decision::hold, std::move(found));
  detail::Move move = detail::plan_move(*plan_, picture, request.now - request.last_move);
  if (move.decision == Decision::hold) return without_setpoint(Decision::hold, std::move(move.findings));
  detail::check_deadband(*plan_, picture, move.values, found);
  if (judge_novelty && move.decision == Decision::clamp) {
    // Clamping must not carry the line away from what is known; coming nearer to it is always right.
    const double now = detail::distance_of(*plan_, picture.confirmed, picture);
    detail::check_novelty(*plan_, Subject::setpoint, move.values, picture, now, found);
  }
  if (!found.empty()) {
    found.insert(found.end(), move.findings.begin(), move.findings.end());
    return without_setpoint(Decision::hold, std::move(found));
  }
  Setpoint setpoint(named(*plan_, move.values), named(*plan_, picture.confirmed), request.cycle, request.sequence,
                    request.deadline);
  return {.verdict = {.decision = move.decision, .findings = std::move(move.findings)}, .setpoint = setpoint};
}

const GuardOptions& Guard::options() const noexcept {
  return plan_->options;
}

const std::string& Guard::envelope_digest() const noexcept {
  return plan_->envelope_digest;
}

double Guard::novelty_threshold() const noexcept {
  return plan_->novelty_threshold;
}

}  // namespace luban::guard
