#include <functional>
#include <map>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/recommend/ledger.hpp>

namespace luban::recommend {
namespace {

using process::TrialStatus;

process::Recommendation recommendation(double speed) {
  process::Recommendation one;
  one.recipe = process::Recipe({{"speed", speed, "m/min"}, {"grade", std::string("A"), ""}});
  one.context = {{"tool", std::string("New"), ""}};
  one.predictions = {{.response = "roughness", .unit = "um", .mean = 1.1, .sd_latent = 0.1}};
  one.kind = "explore";
  one.expected_gain = 0.25;
  one.probability_feasible = 0.97;
  one.why = {"a reason", "another"};
  one.limited_by = {"speed is at the high end"};
  return one;
}

Ledger with_trial_at(TrialStatus status) {
  Ledger ledger;
  ledger.ask({recommendation(200.0)}, core::UtcTime(core::Nanoseconds(5)));
  switch (status) {
    case TrialStatus::candidate:
      break;
    case TrialStatus::staged:
      ledger.stage(1);
      break;
    case TrialStatus::running:
      ledger.stage(1);
      ledger.start(1, "r1");
      break;
    case TrialStatus::completed:
      ledger.tell(1, "r1");
      break;
    case TrialStatus::failed:
      ledger.stage(1);
      ledger.start(1, "r1");
      ledger.fail(1, "broken tool");
      break;
    case TrialStatus::abandoned:
      ledger.abandon(1, "not wanted");
      break;
    case TrialStatus::stale:
      ledger.expire(1, "too old");
      break;
  }
  return ledger;
}

const std::vector<TrialStatus> every_status = {TrialStatus::candidate, TrialStatus::staged, TrialStatus::running,
                                               TrialStatus::completed, TrialStatus::failed, TrialStatus::abandoned,
                                               TrialStatus::stale};

TEST(Ledger, every_step_from_every_status) {
  const std::map<TrialStatus, std::function<void(Ledger&)>> steps = {
      {TrialStatus::staged, [](Ledger& ledger) { ledger.stage(1); }},
      {TrialStatus::running, [](Ledger& ledger) { ledger.start(1, "r1"); }},
      {TrialStatus::completed, [](Ledger& ledger) { ledger.tell(1, "r1"); }},
      {TrialStatus::failed, [](Ledger& ledger) { ledger.fail(1, "why"); }},
      {TrialStatus::abandoned, [](Ledger& ledger) { ledger.abandon(1, "why"); }},
      {TrialStatus::stale, [](Ledger& ledger) { ledger.expire(1, "why"); }},
  };
  for (const TrialStatus from : every_status) {
    for (const auto& [to, step] : steps) {
      Ledger ledger = with_trial_at(from);
      ASSERT_EQ(ledger.trial(1).status(), from);
      // Results prove that the trial was staged and ran; every other step is the life cycle's own.
      const bool told = to == TrialStatus::completed && (from == TrialStatus::candidate || from == TrialStatus::staged);
      if (told || process::may_follow(from, to)) {
        step(ledger);
        EXPECT_EQ(ledger.trial(1).status(), to);
      } else {
        EXPECT_THROW(step(ledger), core::LifecycleError) << process::name(from) << " to " << process::name(to);
        EXPECT_EQ(ledger.trial(1).status(), from);
      }
    }
  }
}

TEST(Ledger, a_refused_tell_changes_nothing) {
  Ledger ledger = with_trial_at(TrialStatus::candidate);
  EXPECT_THROW(ledger.tell(1, ""), core::LifecycleError);
  EXPECT_EQ(ledger.trial(1).status(), TrialStatus::candidate);
  ledger = with_trial_at(TrialStatus::running);
  EXPECT_THROW(ledger.tell(1, "another run"), core::LifecycleError);
  EXPECT_EQ(ledger.trial(1).run_id(), "r1");
}

TEST(Ledger, pending_are_those_without_a_result) {
  for (const TrialStatus status : every_status) {
    const bool waits =
        status == TrialStatus::candidate || status == TrialStatus::staged || status == TrialStatus::running;
    EXPECT_EQ(with_trial_at(status).pending().size(), waits ? 1U : 0U);
  }
  const PendingRun run = with_trial_at(TrialStatus::staged).pending()[0];
  EXPECT_EQ(run.recipe.number("speed"), 200.0);
  EXPECT_EQ(run.context[0].name, "tool");
}

TEST(Ledger, numbers_trials_and_knows_no_others) {
  Ledger ledger;
  EXPECT_THROW(static_cast<void>(ledger.trial(1)), core::LifecycleError);
  EXPECT_EQ(ledger.ask({recommendation(1.0), recommendation(2.0)}, core::UtcTime::now()),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(ledger.ask({recommendation(3.0)}, core::UtcTime::now()), std::vector<std::int64_t>{3});
  EXPECT_THROW(ledger.stage(0), core::LifecycleError);
  EXPECT_THROW(ledger.tell(4, "r"), core::LifecycleError);
}

TEST(Ledger, json_round_trip_keeps_everything) {
  for (const TrialStatus status : every_status) {
    const Ledger ledger = with_trial_at(status);
    const Ledger again = Ledger::from_json(core::Json::parse(ledger.to_json().dump()));
    EXPECT_EQ(again.to_json().dump(), ledger.to_json().dump());
    EXPECT_EQ(again.trial(1).status(), status);
    EXPECT_EQ(again.trial(1).recommendation().recipe, ledger.trial(1).recommendation().recipe);
    EXPECT_EQ(again.trial(1).reason(), ledger.trial(1).reason());
    EXPECT_EQ(again.trial(1).created_time(), ledger.trial(1).created_time());
  }
}

TEST(Ledger, damaged_json_is_refused) {
  core::Json json = with_trial_at(TrialStatus::running).to_json();
  std::string text = json.dump();
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return core::Json::parse(changed);
  };
  EXPECT_THROW(static_cast<void>(Ledger::from_json(replaced("\"running\"", "\"flying\""))), core::DataError);
  EXPECT_THROW(static_cast<void>(Ledger::from_json(replaced("\"number\":1", "\"number\":7"))), core::DataError);
  EXPECT_THROW(static_cast<void>(Ledger::from_json(replaced("\"run_id\":\"r1\"", "\"run_id\":\"\""))),
               core::LifecycleError);
  EXPECT_THROW(static_cast<void>(Ledger::from_json(replaced("\"recipe\"", "\"recip\""))), core::DataError);
}

}  // namespace
}  // namespace luban::recommend
