#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <luban/guard/export.hpp>

namespace luban::guard {

/// What becomes of a proposal. Only the first two come with a setpoint.
enum class Decision : std::uint8_t {
  accept,  ///< as proposed, bit for bit
  clamp,   ///< the nearest admissible values instead, or one step back towards them
  hold,    ///< the request is in order, but the line must not move now
  reject,  ///< the request itself cannot be judged or has expired
};

/// What a finding is about.
enum class Subject : std::uint8_t { request, input, context, output, proposal, setpoint };

/// Why. Grouped by the check that reports it, in the order of the checks; the words live in Python (`luban.guard`).
enum class Reason : std::uint8_t {
  // Freshness and quality → reject
  stale,              ///< older than allowed, or from the future: seconds
  bad_quality,        ///< the status code says bad
  uncertain_quality,  ///< the status code says uncertain and that is not accepted
  stuck,              ///< exactly unchanged for too long: seconds
  skewed,             ///< inputs too far apart in time: seconds
  // Validity → reject
  unknown_name,
  missing,
  given_twice,
  wrong_kind,  ///< a number for a category or the other way round
  wrong_unit,
  not_finite,
  outside_instrument_range,
  unknown_category,
  far_outside,  ///< so far beyond the limits that it can only be a mistake: ranges of the parameter
  // Time and order → reject
  time_reversed,            ///< no time now, no time of the last move, or a last move in the future
  deadline_passed,          ///< seconds past it
  sequence_not_increasing,  ///< sequence number against the last one
  // Novelty → hold
  far_from_training,   ///< distance from the training data against its quantile
  combination_unseen,  ///< of categories
  // Before a move → hold
  changed_by_others,  ///< an output is not where it was last written
  within_dwell,       ///< seconds since the last move
  no_golden_set,      ///< for this context (fallback)
  // The move itself → clamp
  below_low,
  above_high,
  too_fast,  ///< change against what the time since the last move allows
  constraint_broken,
  not_whole,
  held,       ///< the parameter must stay at its confirmed value
  returning,  ///< the confirmed outputs break this: one step back
  // The move itself → hold
  no_admissible_move,
  category_with_clamp,  ///< a category may change only together with numbers that need no clamping
  within_deadband,      ///< every change is smaller than its deadband: ranges of the parameter
};

/// One thing that a check found: codes and numbers, no words. Absent numbers are NaN.
struct LUBAN_GUARD_EXPORT GuardFinding {
  Reason reason = Reason::missing;
  Subject subject = Subject::request;
  std::string name;  ///< of the parameter, input or context variable; of a constraint its text
  double observed = std::numeric_limits<double>::quiet_NaN();
  double limit = std::numeric_limits<double>::quiet_NaN();
  std::string unit;  ///< of both numbers; s for times
};

/// The decision and everything that the deciding check found.
struct LUBAN_GUARD_EXPORT Verdict {
  Decision decision = Decision::reject;
  std::vector<GuardFinding> findings;
};

}  // namespace luban::guard
