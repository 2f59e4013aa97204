#include <luban/control/transition.hpp>

#include <variant>

#include <luban/control/detail/step.hpp>

namespace luban::control {

std::string_view name(WriteKind kind) noexcept {
  switch (kind) {
    case WriteKind::none:
      return "none";
    case WriteKind::recommendation:
      return "recommendation";
    case WriteKind::approved:
      return "approved";
    case WriteKind::golden:
      return "golden";
  }
  return "none";
}

std::string_view name(AlarmPriority priority) noexcept {
  switch (priority) {
    case AlarmPriority::low:
      return "low";
    case AlarmPriority::medium:
      return "medium";
    case AlarmPriority::high:
      return "high";
  }
  return "high";
}

std::string_view name(EntryKind kind) noexcept {
  switch (kind) {
    case EntryKind::request:
      return "request";
    case EntryKind::mode_change:
      return "mode_change";
    case EntryKind::release:
      return "release";
    case EntryKind::engage:
      return "engage";
    case EntryKind::approval:
      return "approval";
    case EntryKind::restart:
      return "restart";
    case EntryKind::write:
      return "write";
  }
  return "mode_change";
}

core::Json ControlEntry::to_json() const {
  core::Json codes = core::Json::array();
  for (const ControlReason code : reasons) codes.push_back(name(code));
  core::Json out = core::Json::object();
  out.set("kind", name(kind)).set("number", number).set("from", name(from)).set("to", name(to));
  out.set("reasons", std::move(codes)).set("accepted", accepted).set("person", person);
  out.set("second_person", second_person).set("subject", subject);
  return out;
}

Transition transition(const ControlPlan& plan, const ControlOptions& options, const ControllerState& state,
                      const Event& event, core::Nanoseconds elapsed) {
  detail::Step step(plan, options, state);
  if (const auto* cycle = std::get_if<Cycle>(&event)) {
    step.cycle(*cycle, elapsed);
  } else {
    std::visit([&step](const auto& request) { step.on(request); }, event);
  }
  return step.finish();
}

ControllerState damaged_state(const ControlPlan& plan) {
  ControllerState out;
  out.achieved = ControlMode::tripped;
  out.requested_reasons = {ControlReason::state_damaged};
  out.achieved_reasons = {ControlReason::state_damaged};
  out.trip_causes = {{.reason = ControlReason::state_damaged, .present = false}};
  out.model = plan.model;
  return out;
}

}  // namespace luban::control
