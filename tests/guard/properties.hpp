#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "plant_log.hpp"

namespace luban::guard::testing_support {

/// How often each answer was seen: a test of many cases must not be a test of one.
struct Tally {
  std::map<Decision, int> decisions;
  std::map<Reason, int> reasons;
  int compared = 0;        ///< clamps whose distance was compared with other admitted points
  int came_back = 0;       ///< setpoints outside, on the way back
  int refused_inside = 0;  ///< no move found although the line stands inside
};

inline bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

inline bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i], b[i])) return false;
  }
  return true;
}

/// One request of the adversary and what is known about it.
struct Attack {
  GuardRequest request;
  std::vector<double> proposal;
  std::vector<double> confirmed;
  std::vector<bool> held;
  core::Nanoseconds since{};
  bool malformed = false;  ///< must be rejected
  bool changes_mode = false;
  bool mode_held = false;
};

inline Attack attack(Adversary& adversary, const Line& line) {
  Attack out;
  GuardRequest& request = out.request;
  out.confirmed = adversary.confirmed(line);
  const core::Nanoseconds sinces[] = {0ns, 1ns, 3s, 7s + 1ns, 10s, core::Nanoseconds(1000h)};
  out.since = sinces[adversary.below(6)];
  request.now = at(2000h);
  request.last_move = request.now + -out.since;
  request.deadline = request.now + 1s;
  request.sequence = 1;
  request.last_sequence = 0;
  std::vector<NamedValue> proposal;
  for (std::size_t i = 0; i < line.n(); ++i) {
    out.proposal.push_back(adversary.value(line, i));
    out.held.push_back(adversary.chance(0.05));
    const std::string unit = "u" + std::to_string(i);
    proposal.push_back({name_of(i), out.proposal[i], unit});
    request.outputs.push_back(output(name_of(i), out.confirmed[i], unit));
    request.outputs.back().held = out.held[i];
    const double away = std::max(line.low[i] - out.proposal[i], out.proposal[i] - line.high[i]);
    if (!std::isfinite(out.proposal[i]) || away > 1001.0 * line.range[i]) out.malformed = true;
  }
  if (adversary.chance(0.01)) proposal.front().unit = "K", out.malformed = true;
  if (adversary.chance(0.01)) proposal.push_back({"another", 1.0, ""}), out.malformed = true;
  if (adversary.chance(0.01)) request.outputs.push_back(request.outputs.front()), out.malformed = true;
  if (adversary.chance(0.01)) request.sequence = 0, out.malformed = true;
  if (adversary.chance(0.01)) request.deadline = request.now, out.malformed = true;
  if (adversary.chance(0.01)) request.outputs.front().status = 0x80000000U, out.malformed = true;
  if (line.category) {
    const std::string modes[] = {"A", "B"};
    const std::string now = modes[adversary.below(2)];
    const std::string next = modes[adversary.below(2)];
    out.changes_mode = now != next;
    out.mode_held = adversary.chance(0.1);
    proposal.push_back({"mode", next, ""});
    request.outputs.push_back(output("mode", now, ""));
    request.outputs.back().held = out.mode_held;
  }
  if (adversary.chance(0.01)) proposal.erase(proposal.begin()), out.malformed = true;
  request.proposal = process::Recipe(proposal);
  return out;
}

/// No other admitted point of a hundred is nearer to the proposal.
inline void expect_nearest(Adversary& adversary, const PlantLog& plant, const std::vector<double>& x,
                           const std::vector<double>& proposal, Tally& tally) {
  const double distance = plant.distance(x, proposal);
  for (int trial = 0; trial < 100; ++trial) {
    std::vector<double> other(x.size());
    const double reach = std::pow(10.0, adversary.uniform(-6.0, 0.0));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double step =
          plant.line.whole[i] ? std::round(3.0 * adversary.normal()) : plant.line.range[i] * reach * adversary.normal();
      // Towards the proposal more often than not: that is where a better point would be.
      other[i] = adversary.chance(0.3) ? x[i]
                                       : x[i] + (proposal[i] > x[i]   ? std::abs(step)
                                                 : proposal[i] < x[i] ? -std::abs(step)
                                                                      : step);
    }
    if (!plant.accepts(other)) continue;
    ++tally.compared;
    ASSERT_LE(distance, plant.distance(other, proposal) + 1e-6);
  }
}

inline void check_setpoint(Adversary& adversary, const Line& line, const Attack& attack, const Judgement& judgement,
                           bool compare, Tally& tally) {
  const PlantLog plant{line, attack.confirmed, attack.since, attack.held};
  const std::vector<double> x = numbers_of(*judgement.setpoint);
  ASSERT_EQ(judgement.setpoint->values().size(), attack.request.proposal.values().size());
  ASSERT_EQ(x.size(), line.n());
  for (std::size_t i = 0; i < line.n(); ++i) {
    ASSERT_TRUE(std::isfinite(x[i]));
    ASSERT_EQ(judgement.setpoint->values()[i].name, name_of(i));
    ASSERT_EQ(judgement.setpoint->values()[i].unit, "u" + std::to_string(i));
    ASSERT_EQ(judgement.setpoint->expected()[i].value, Value(attack.confirmed[i]));
  }
  ASSERT_FALSE(attack.malformed);
  ASSERT_GE(attack.since, line.dwell);
  ASSERT_TRUE(plant.within_rate(x));
  if (line.category) {
    ASSERT_EQ(judgement.setpoint->values().back().value, attack.request.proposal.values().back().value);
    ASSERT_FALSE(attack.changes_mode && attack.mode_held);
    ASSERT_FALSE(attack.changes_mode && judgement.verdict.decision == Decision::clamp);
  }
  if (judgement.verdict.decision == Decision::accept) {
    ASSERT_TRUE(same_bits(x, attack.proposal));
    ASSERT_TRUE(plant.accepts(x));
    return;
  }
  ASSERT_FALSE(plant.accepts(attack.proposal));
  if (!plant.within_limits(x)) {
    ++tally.came_back;
    ASSERT_FALSE(plant.within_limits(attack.confirmed));
    ASSERT_TRUE(plant.comes_back(x));
    return;
  }
  if (compare && !line.has_thin_relation()) expect_nearest(adversary, plant, x, attack.proposal, tally);
}

inline void check_refusal(const Line& line, const Attack& attack, const Judgement& judgement, Tally& tally) {
  const PlantLog plant{line, attack.confirmed, attack.since, attack.held};
  ASSERT_EQ(judgement.verdict.decision == Decision::reject, attack.malformed);
  if (attack.malformed || attack.since < line.dwell) return;
  // What the plant would take must not be refused, unless it is no move.
  if (plant.accepts(attack.proposal) && !(attack.changes_mode && attack.mode_held)) {
    ASSERT_EQ(judgement.verdict.findings.front().reason, Reason::within_deadband);
    ASSERT_FALSE(attack.changes_mode);
    for (std::size_t i = 0; i < line.n(); ++i) {
      ASSERT_LE(std::abs(attack.proposal[i] - attack.confirmed[i]), line.deadband * line.range[i]);
    }
  }
  for (const GuardFinding& finding : judgement.verdict.findings) {
    const bool refused = finding.reason == Reason::no_admissible_move && plant.within_limits(attack.confirmed);
    if (refused && !line.has_thin_relation()) ++tally.refused_inside;
  }
}

/// `lines` random lines, `attacks` on each; every setpoint is judged by the plant.
inline Tally run_properties(std::uint64_t seed, int lines, int attacks) {
  Tally tally;
  Adversary adversary(seed);
  for (int l = 0; l < lines; ++l) {
    const Line line = adversary.line();
    const Guard guard = guard_of(line);
    for (int a = 0; a < attacks; ++a) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", line " + std::to_string(l) + ", attack " + std::to_string(a));
      const Attack one = attack(adversary, line);
      const Judgement judgement = guard.judge(one.request);
      ++tally.decisions[judgement.verdict.decision];
      for (const GuardFinding& finding : judgement.verdict.findings) ++tally.reasons[finding.reason];
      const bool moves =
          judgement.verdict.decision == Decision::accept || judgement.verdict.decision == Decision::clamp;
      EXPECT_EQ(judgement.setpoint.has_value(), moves);
      EXPECT_EQ(judgement.verdict.findings.empty(), judgement.verdict.decision == Decision::accept);
      if (judgement.setpoint) {
        check_setpoint(adversary, line, one, judgement, a == 0, tally);
      } else {
        check_refusal(line, one, judgement, tally);
      }
      if (a == 1 && judgement.setpoint) {
        const Judgement again = guard_of(line).judge(one.request);
        EXPECT_TRUE(again.setpoint && same_bits(numbers_of(*again.setpoint), numbers_of(*judgement.setpoint)));
      }
      if (::testing::Test::HasFailure()) return tally;
    }
  }
  return tally;
}

inline void expect_variety(const Tally& tally, int total) {
  for (const Decision decision : {Decision::accept, Decision::clamp, Decision::hold, Decision::reject}) {
    EXPECT_GT(tally.decisions.count(decision) == 0 ? 0 : tally.decisions.at(decision), total / 100);
  }
  for (const Reason reason :
       {Reason::below_low, Reason::above_high, Reason::too_fast, Reason::constraint_broken, Reason::not_whole,
        Reason::held, Reason::returning, Reason::no_admissible_move, Reason::category_with_clamp,
        Reason::within_deadband, Reason::within_dwell, Reason::far_outside, Reason::not_finite}) {
    EXPECT_GT(tally.reasons.count(reason) == 0 ? 0 : tally.reasons.at(reason), total / 10000)
        << static_cast<int>(reason);
  }
  EXPECT_GT(tally.compared, total / 100);
  EXPECT_GT(tally.came_back, 0);
  EXPECT_LT(tally.refused_inside, total / 10000);
}

}  // namespace luban::guard::testing_support
