#pragma once

#include <string>
#include <vector>

#include <luban/guard/request.hpp>
#include <luban/guard/verdict.hpp>

#include "plan.hpp"

namespace luban::guard::detail {

using Findings = std::vector<GuardFinding>;

/// The values of a request in the order of the plan. Valid only when the checks that filled it found nothing.
struct Picture {
  std::vector<process::Value> proposal;   ///< by parameter
  std::vector<process::Value> confirmed;  ///< by parameter
  std::vector<process::Value> context;    ///< by context variable
  std::vector<std::uint8_t> held;         ///< by parameter
  /// The numeric parameters of `values` (by parameter), in the order of Plan::numeric.
  [[nodiscard]] static std::vector<double> numbers(const Plan& plan, const std::vector<process::Value>& values);
};

// Each appends what it finds; nothing appended = passed.
void check_inputs(const Plan& plan, const GuardRequest& request, Findings& out);
void check_outputs(const Plan& plan, const GuardRequest& request, Findings& out);
/// Puts named values in order. `what` tells proposal, outputs and context apart.
[[nodiscard]] std::vector<process::Value> placed(const Variables& variables, Subject what,
                                                 const std::vector<const process::NamedValue*>& given, Findings& out);
/// Values that are no more than a mistake would be: beyond the limits by a thousand ranges.
void check_far(const Plan& plan, Subject what, const std::vector<process::Value>& values, Findings& out);
void check_order(const GuardRequest& request, Findings& out);
/// `values` by parameter. `nearer_than`: a point that is new passes when it is nearer than that.
void check_novelty(const Plan& plan, Subject what, const std::vector<process::Value>& values, const Picture& picture,
                   double nearer_than, Findings& out);
[[nodiscard]] double distance_of(const Plan& plan, const std::vector<process::Value>& values, const Picture& picture);
void check_changes(const Plan& plan, const GuardRequest& request, const Picture& picture, Findings& out);
void check_dwell(const Plan& plan, const GuardRequest& request, Findings& out);

[[nodiscard]] inline double seconds(core::Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace luban::guard::detail
