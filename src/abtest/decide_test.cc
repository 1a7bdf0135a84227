#include "abtest/decide.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace hoego::abtest {
namespace {

EffectResult Effect(double relative_low, double relative_high, double control = 0.1) {
  EffectResult e;
  e.arm = "treatment";
  e.control = control;
  e.relative_low = relative_low;
  e.relative_high = relative_high;
  e.relative = (relative_low + relative_high) / 2;
  e.treatment = control * (1 + *e.relative);
  e.absolute_low = relative_low * control;
  e.absolute_high = relative_high * control;
  e.absolute = *e.relative * control;
  return e;
}

GuardrailResult Guard(GuardrailState state, double harm, double margin) {
  GuardrailResult g;
  g.state = state;
  g.harm = harm;
  g.margin = margin;
  return g;
}

// A running always-valid test with enough units whose interval holds 0.
Snapshot Open() {
  Snapshot s;
  s.least_units = 1000;
  s.min_effect = 0.05;
  s.effect = Effect(-0.1, 0.2);
  return s;
}

TEST(DecideTest, FollowsTheTable) {
  struct Row {
    const char* what;
    std::function<void(Snapshot&)> change;
    Verdict verdict;
    bool stop;
  };
  const std::vector<Row> rows = {
      {"open", [](Snapshot&) {}, Verdict::kUndecided, false},
      {"planned, whatever else",
       [](Snapshot& s) {
         s.state = TestState::kPlanned;
         s.srm_p = 0;
       },
       Verdict::kUndecided, false},
      {"wrong arm",
       [](Snapshot& s) {
         s.wrong_arm = true;
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kInvalid, true},
      {"two versions",
       [](Snapshot& s) {
         s.mixed_versions = "control";
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kInvalid, true},
      {"srm at one look",
       [](Snapshot& s) {
         s.srm_p = 0.0009;
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kInvalid, false},
      {"srm at any look",
       [](Snapshot& s) {
         s.srm_p = 1e-9;
         s.srm_always_valid_p = 1e-5;
       },
       Verdict::kInvalid, true},
      {"srm warning only",
       [](Snapshot& s) {
         s.srm_p = 0.0011;
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kShip, true},
      {"moved units",
       [](Snapshot& s) {
         s.moved_units = 11;
         s.moved_share = 0.011;
       },
       Verdict::kInvalid, false},
      {"few moved units",
       [](Snapshot& s) {
         s.moved_units = 9;
         s.moved_share = 0.5;
       },
       Verdict::kUndecided, false},
      {"small share moved",
       [](Snapshot& s) {
         s.moved_units = 90;
         s.moved_share = 0.009;
       },
       Verdict::kUndecided, false},
      {"guardrail violated beats a gain",
       [](Snapshot& s) {
         s.guardrails = {Guard(GuardrailState::kViolated, 0.3, 0.1)};
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kRollBack, true},
      {"guardrail violated before min_units",
       [](Snapshot& s) {
         s.guardrails = {Guard(GuardrailState::kViolated, 0.3, 0.1)};
         s.least_units = 40;
       },
       Verdict::kRollBack, true},
      {"too few units",
       [](Snapshot& s) {
         s.least_units = 99;
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kUndecided, false},
      {"too few units at the horizon",
       [](Snapshot& s) {
         s.least_units = 99;
         s.horizon = true;
       },
       Verdict::kUndecided, true},
      {"no effect", [](Snapshot& s) { s.effect.reset(); }, Verdict::kUndecided, false},
      {"fixed horizon not reached",
       [](Snapshot& s) {
         s.always_valid = false;
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kUndecided, false},
      {"fixed horizon reached",
       [](Snapshot& s) {
         s.always_valid = false;
         s.horizon = true;
         s.effect = Effect(0.1, 0.3);
       },
       Verdict::kShip, true},
      {"gain", [](Snapshot& s) { s.effect = Effect(0.01, 0.3); }, Verdict::kShip, true},
      {"gain with guardrails that hold",
       [](Snapshot& s) {
         s.effect = Effect(0.01, 0.3);
         s.guardrails = {Guard(GuardrailState::kHolds, 0, 0.1)};
       },
       Verdict::kShip, true},
      {"gain with an open guardrail",
       [](Snapshot& s) {
         s.effect = Effect(0.01, 0.3);
         s.guardrails = {Guard(GuardrailState::kOpen, 0, 0.1)};
       },
       Verdict::kUndecided, false},
      {"gain with an open guardrail at the horizon",
       [](Snapshot& s) {
         s.effect = Effect(0.01, 0.3);
         s.horizon = true;
         s.guardrails = {Guard(GuardrailState::kOpen, 0.1, 0.1)};
       },
       Verdict::kShip, true},
      {"gain with an open guardrail beyond its margin at the horizon",
       [](Snapshot& s) {
         s.effect = Effect(0.01, 0.3);
         s.horizon = true;
         s.guardrails = {Guard(GuardrailState::kOpen, 0.2, 0.1)};
       },
       Verdict::kKeep, true},
      {"gain too small to matter", [](Snapshot& s) { s.effect = Effect(0.01, 0.04); },
       Verdict::kKeep, true},
      {"gain too small to matter, absolute",
       [](Snapshot& s) {
         s.effect = Effect(0.01, 0.3);
         s.min_effect = 0.04;
         s.min_effect_relative = false;
       },
       Verdict::kKeep, true},
      {"no min_effect",
       [](Snapshot& s) {
         s.effect = Effect(0.0001, 0.0002);
         s.min_effect = 0;
       },
       Verdict::kShip, true},
      {"loss", [](Snapshot& s) { s.effect = Effect(-0.3, -0.01); }, Verdict::kRollBack, true},
      {"cannot gain what matters", [](Snapshot& s) { s.effect = Effect(-0.1, 0.04); },
       Verdict::kKeep, true},
      {"touching 0 is no gain", [](Snapshot& s) { s.effect = Effect(0, 0.3); }, Verdict::kUndecided,
       false},
      {"horizon without a gain", [](Snapshot& s) { s.horizon = true; }, Verdict::kKeep, true},
      {"no relative figure, relative min_effect",
       [](Snapshot& s) {
         s.effect = Effect(0.1, 0.2);
         s.effect->relative.reset();
         s.effect->relative_low.reset();
         s.effect->relative_high.reset();
       },
       Verdict::kShip, true},
      {"stopped and open", [](Snapshot& s) { s.state = TestState::kStopped; }, Verdict::kUndecided,
       false},
      {"stopped with a gain",
       [](Snapshot& s) {
         s.state = TestState::kStopped;
         s.effect = Effect(0.1, 0.2);
       },
       Verdict::kShip, true},
  };
  for (const Row& row : rows) {
    Snapshot s = Open();
    row.change(s);
    const Decision d = Decide(s);
    EXPECT_EQ(VerdictName(d.verdict), VerdictName(row.verdict)) << row.what << ": " << d.reason;
    EXPECT_EQ(d.stop, row.stop) << row.what;
    EXPECT_GT(d.reason.size(), 10U) << row.what;
  }
}

TEST(TestStateTest, MovesOnlyAsDrawn) {
  using S = TestState;
  const std::set<std::pair<S, S>> allowed = {{S::kPlanned, S::kRunning},
                                             {S::kPlanned, S::kStopped},
                                             {S::kRunning, S::kStopped},
                                             {S::kStopped, S::kShipped},
                                             {S::kStopped, S::kRolledBack}};
  for (const S from : kAllTestStates) {
    for (const S to : kAllTestStates) {
      EXPECT_EQ(CanMove(from, to), allowed.contains({from, to}))
          << StateName(from) << " to " << StateName(to);
    }
    EXPECT_EQ(ParseState(StateName(from)), from);
  }
  static_assert(!CanMove(TestState::kRunning, TestState::kPlanned));
  EXPECT_EQ(ParseState("begun"), std::nullopt);
}

}  // namespace
}  // namespace hoego::abtest
