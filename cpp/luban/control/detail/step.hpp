#pragma once

#include <string>
#include <string_view>

#include <luban/control/transition.hpp>

namespace luban::control::detail {

/// One step of the mode machine: a copy of the state that is changed, and the decision that grows beside it.
class Step {
 public:
  Step(const ControlPlan& plan, const ControlOptions& options, const ControllerState& state);

  void cycle(const Cycle& facts, core::Nanoseconds elapsed);
  void on(const Cycle&) {}  // cycles need the elapsed time
  void on(const RaiseRequest& request);
  void on(const LowerRequest& request);
  void on(const TripRequest& request);
  void on(const ResetRequest& request);
  void on(const ApproveRequest& request);
  void on(const EngageRequest& request);
  void on(const FileRequest& request);
  void on(const Restarted&);
  [[nodiscard]] Transition finish();

 private:
  // What a cycle is made of.
  void judge_facts(const Cycle& facts, core::Nanoseconds elapsed);
  void count_writes(const Cycle& facts);
  void follow_trip(const Cycle& facts);
  [[nodiscard]] bool trips(const Cycle& facts);
  [[nodiscard]] bool gives_way(const Cycle& facts);
  void from_closed(const Cycle& facts);
  void from_hold(const Cycle& facts);
  void from_fallback(const Cycle& facts);
  void rise_alone(const Cycle& facts);
  void offer(const Cycle& facts);
  void count_shadow(const Cycle& facts);
  void permit_write(const Cycle& facts);
  [[nodiscard]] Reasons trouble(const Cycle& facts) const;          ///< of getting something to write
  [[nodiscard]] Reasons cannot_reach(const Cycle& facts) const;     ///< plant or journal
  [[nodiscard]] Reasons write_obstacles(const Cycle& facts) const;  ///< in the present mode

  // What a raise needs.
  [[nodiscard]] Reasons obstacles_to_shadow_or_advisory() const;
  [[nodiscard]] Reasons obstacles_to_closed() const;
  [[nodiscard]] Reasons variables_missing() const;
  [[nodiscard]] Reasons second_person_obstacles(const RaiseRequest& request) const;

  void go(ControlMode mode, Reasons reasons);    ///< changes the achieved mode
  void fall(ControlMode mode, Reasons reasons);  ///< the same without a person, with an alarm
  void trip(const Reasons& causes);
  void request(ControlMode mode, const Reasons& reasons);
  void record(ControlEntry entry);
  [[nodiscard]] bool real() const noexcept { return plan_.plant == PlantKind::real; }

  const ControlPlan& plan_;
  const ControlOptions& options_;
  ControllerState state_;
  ControlDecision decision_;
  bool gap_ = false;
};

/// Person and role of a request; empty when both are in order.
[[nodiscard]] Reasons identity_obstacles(const std::string& person, PersonRole role, Privilege privilege);

}  // namespace luban::control::detail
