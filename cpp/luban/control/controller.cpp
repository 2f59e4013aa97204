#include <luban/control/controller.hpp>

#include <utility>

#include <luban/core/error.hpp>

namespace luban::control {

Controller::Controller(ControlPlan plan, ControlOptions options) : plan_(std::move(plan)), options_(options) {
  plan_.validate();
  options_.validate();
  state_.model = plan_.model;
  latest_.requested_reasons = state_.requested_reasons;
  latest_.achieved_reasons = state_.achieved_reasons;
  latest_.no_write_reasons = {ControlReason::not_a_cycle};
}

Controller Controller::restored(std::string_view state_text, ControlPlan plan, ControlOptions options) {
  Controller out(std::move(plan), options);
  try {
    out.state_ = ControllerState::from_text(state_text);
  } catch (const core::IntegrityError& error) {
    out.damage_ = error.what();
    out.state_ = damaged_state(out.plan_);
  }
  out.decide(Restarted{}, core::Nanoseconds{0});
  if (!out.damage_.empty()) {
    out.latest_.alarms.push_back({.reason = ControlReason::state_damaged, .priority = AlarmPriority::high});
  }
  return out;
}

const ControlDecision& Controller::decide(const Event& event, core::Nanoseconds elapsed) {
  Transition next = transition(plan_, options_, state_, event, elapsed);
  state_ = std::move(next.state);
  latest_ = std::move(next.decision);
  for (ControlEntry& entry : latest_.entries) entry.number = ++entries_;
  return latest_;
}

ControlActions Controller::step(const Event& event, core::Nanoseconds now) {
  open_.reset();
  core::Nanoseconds elapsed{0};
  if (std::holds_alternative<Cycle>(event)) {
    if (last_cycle_) elapsed = now - *last_cycle_;
    last_cycle_ = now;
  }
  const ControlDecision& decision = decide(event, elapsed);
  if (decision.write != WriteKind::none) {
    open_ = std::shared_ptr<WritePermission>(new WritePermission());
    open_->kind_ = decision.write;
    open_->released_ = decision.released;
    open_->recommendation_id_ = decision.entries.back().subject;
    open_->entry_ = decision.entries.back().number;
  }
  return {.decision = decision, .permission = open_};
}

bool Controller::redeem(const WritePermission& permission, std::int64_t journaled) {
  if (open_.get() != &permission || journaled < permission.entry_) return false;
  open_.reset();
  return true;
}

}  // namespace luban::control
