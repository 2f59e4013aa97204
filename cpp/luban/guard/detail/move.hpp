#pragma once

#include <vector>

#include "checks.hpp"

namespace luban::guard::detail {

/// What one move may do: accept (`values` as wanted), clamp (others) or hold (no values).
struct Move {
  Decision decision = Decision::hold;
  std::vector<process::Value> values;  ///< by parameter
  Findings findings;
};

/// The proposal, the admissible values nearest to it, or one step back towards the limits.
[[nodiscard]] Move plan_move(const Plan& plan, const Picture& picture, core::Nanoseconds since_last_move);

/// Whether no parameter would change by its deadband or more and no category at all.
void check_deadband(const Plan& plan, const Picture& picture, const std::vector<process::Value>& values, Findings& out);

}  // namespace luban::guard::detail
