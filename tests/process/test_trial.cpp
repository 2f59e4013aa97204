#include <array>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <luban/process/trial.hpp>

#include "support.hpp"

namespace luban::process {
namespace {

using core::LifecycleError;
using testing_support::refusal;
using enum TrialStatus;

constexpr std::array every_status = {candidate, staged, running, completed, failed, abandoned, stale};

Trial trial() {
  return {4, Recommendation{}, core::UtcTime::parse("2026-11-24T10:00:00Z")};
}

TEST(trial, lives_from_candidate_to_completed) {
  Trial one = trial();
  EXPECT_EQ(one.number(), 4);
  EXPECT_EQ(one.status(), candidate);
  one.move_to(staged);
  one.move_to(running, "run-9");
  one.move_to(completed, "", "as predicted");
  EXPECT_EQ(one.status(), completed);
  EXPECT_EQ(one.run_id(), "run-9");
  EXPECT_EQ(one.reason(), "as predicted");
}

TEST(trial, only_the_drawn_steps_are_allowed) {
  const std::array<std::pair<TrialStatus, TrialStatus>, 9> allowed = {{{candidate, staged},
                                                                       {candidate, abandoned},
                                                                       {candidate, stale},
                                                                       {staged, running},
                                                                       {staged, abandoned},
                                                                       {staged, stale},
                                                                       {running, completed},
                                                                       {running, failed},
                                                                       {running, abandoned}}};
  for (const TrialStatus from : every_status) {
    for (const TrialStatus to : every_status) {
      const bool expected = std::find(allowed.begin(), allowed.end(), std::pair(from, to)) != allowed.end();
      EXPECT_EQ(may_follow(from, to), expected) << name(from) << " to " << name(to);
    }
  }
}

TEST(trial, a_refused_step_changes_nothing) {
  Trial one = trial();
  const core::ErrorDetail detail = refusal<LifecycleError>([&] { return one.move_to(completed, "run-9"), 0; });
  EXPECT_EQ(detail.place, "trial 4");
  EXPECT_EQ(one.status(), candidate);
  EXPECT_EQ(one.run_id(), "");
}

TEST(trial, that_runs_has_one_run) {
  Trial one = trial();
  one.move_to(staged);
  EXPECT_THROW(one.move_to(running), LifecycleError);
  one.move_to(running, "run-9");
  EXPECT_THROW(one.move_to(completed, "run-10"), LifecycleError);
  EXPECT_NO_THROW(one.move_to(completed, "run-9"));
  EXPECT_THROW(one.move_to(completed, "run-9"), LifecycleError) << "a trial was told twice";
}

}  // namespace
}  // namespace luban::process
