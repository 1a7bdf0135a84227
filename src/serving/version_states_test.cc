#include "serving/version_states.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

namespace hoego::serving {
namespace {

using std::chrono::seconds;
using State = VersionState;
using Kind = Action::Kind;

StoreFacts Facts(std::vector<VersionFacts> versions) {
  StoreFacts facts;
  facts.now = seconds(1000);
  facts.keep_idle = seconds(60);
  facts.max_loaded = 2;
  facts.max_remembered = 3;
  facts.versions = std::move(versions);
  return facts;
}

VersionFacts Version(State state, bool referenced = false, bool asked = false,
                     seconds last_used = seconds(1000)) {
  VersionFacts v;
  v.state = state;
  v.referenced = referenced;
  v.asked = asked;
  v.last_used = last_used;
  return v;
}

TEST(VersionStatesTest, EveryPairOfStatesMovesOnlyAsDrawn) {
  const std::set<std::pair<State, State>> drawn{
      {State::kAbsent, State::kLoading},   {State::kUnloaded, State::kLoading},
      {State::kFailed, State::kLoading},   {State::kLoading, State::kWarming},
      {State::kLoading, State::kFailed},   {State::kWarming, State::kReady},
      {State::kWarming, State::kFailed},   {State::kReady, State::kDraining},
      {State::kDraining, State::kUnloaded}};
  for (const State from : kVersionStates) {
    for (const State to : kVersionStates) {
      EXPECT_EQ(CanMove(from, to), drawn.contains({from, to}))
          << VersionStateName(from) << " -> " << VersionStateName(to);
    }
  }
}

TEST(VersionStatesTest, StoredNumbersAreThoseOfTheMetric) {
  for (size_t i = 0; i < kVersionStates.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(kVersionStates[i]), i);
  }
  EXPECT_EQ(VersionStateName(State::kReady), "ready");
  EXPECT_EQ(VersionStateName(State::kFailed), "failed");
}

TEST(VersionPolicyTest, LoadsAReferencedVersionWhenThereIsRoom) {
  EXPECT_EQ(Next(Facts({Version(State::kAbsent, true)})), (Action{Kind::kLoad, 0}));
}

TEST(VersionPolicyTest, LoadsWhatSomeoneWaitsForFirst) {
  EXPECT_EQ(Next(Facts({Version(State::kAbsent, true), Version(State::kAbsent, false, true)})),
            (Action{Kind::kLoad, 1}));
}

TEST(VersionPolicyTest, MakesRoomByDrainingTheLeastRecentlyUsedUnreferencedVersion) {
  const auto facts =
      Facts({Version(State::kReady, false, false, seconds(990)),
             Version(State::kReady, false, false, seconds(980)), Version(State::kAbsent, true)});
  EXPECT_EQ(Next(facts), (Action{Kind::kDrain, 1}));
}

TEST(VersionPolicyTest, WaitsWhileADrainMakesRoom) {
  EXPECT_EQ(Next(Facts({Version(State::kReady, true), Version(State::kDraining),
                        Version(State::kAbsent, false, true)})),
            std::nullopt);
}

TEST(VersionPolicyTest, RefusesWhoAsksWhenEveryPlaceIsReferenced) {
  EXPECT_EQ(Next(Facts({Version(State::kReady, true), Version(State::kReady, true),
                        Version(State::kAbsent, false, true)})),
            (Action{Kind::kRefuse, 2}));
}

TEST(VersionPolicyTest, AReferencedVersionWithoutRoomWaits) {
  EXPECT_EQ(Next(Facts({Version(State::kReady, true), Version(State::kReady, true),
                        Version(State::kAbsent, true)})),
            std::nullopt);
}

TEST(VersionPolicyTest, DrainsAnUnreferencedVersionOnceIdle) {
  EXPECT_EQ(Next(Facts({Version(State::kReady, false, false, seconds(940))})),
            (Action{Kind::kDrain, 0}));
  const auto young = Facts({Version(State::kReady, false, false, seconds(941))});
  EXPECT_EQ(Next(young), std::nullopt);
  EXPECT_EQ(NextWake(young), seconds(1001));
  EXPECT_EQ(Next(Facts({Version(State::kReady, true, false, seconds(0))})), std::nullopt);
}

TEST(VersionPolicyTest, RetriesAFailedLoadWhenItIsTime) {
  auto facts = Facts({Version(State::kFailed, true)});
  EXPECT_EQ(Next(facts), std::nullopt);
  facts.versions[0].retry_at = seconds(1001);
  EXPECT_EQ(Next(facts), std::nullopt);
  EXPECT_EQ(NextWake(facts), seconds(1001));
  facts.now = seconds(1001);
  EXPECT_EQ(Next(facts), (Action{Kind::kLoad, 0}));
}

TEST(VersionPolicyTest, AFailedLoadIsTriedAgainWhenAsked) {
  EXPECT_EQ(Next(Facts({Version(State::kFailed, false, true)})), (Action{Kind::kLoad, 0}));
}

TEST(VersionPolicyTest, RemembersABoundedNumberOfVersionsThatAreGone) {
  std::vector<VersionFacts> gone(3, Version(State::kUnloaded));
  EXPECT_EQ(Next(Facts(gone)), std::nullopt);
  gone.push_back(Version(State::kFailed));
  EXPECT_EQ(Next(Facts(gone)), (Action{Kind::kForget, 0}));
}

// What the driver does with an action, without threads.
void Do(StoreFacts& facts, const Action& action) {
  VersionFacts& v = facts.versions[action.version];
  switch (action.kind) {
    case Kind::kLoad:
      v.state = State::kReady;
      v.asked = false;
      v.last_used = facts.now;
      break;
    case Kind::kDrain:
      v.state = State::kUnloaded;
      break;
    case Kind::kRefuse:
      v.asked = false;
      break;
    case Kind::kForget:
      facts.versions.erase(facts.versions.begin() + static_cast<std::ptrdiff_t>(action.version));
      break;
  }
}

RC_GTEST_PROP(VersionPolicyProperty, FollowingItEndsWithinItsBounds, ()) {
  StoreFacts facts;
  facts.now = seconds(1000);
  facts.keep_idle = seconds(*rc::gen::inRange(1, 100));
  facts.max_loaded = *rc::gen::inRange<size_t>(1, 6);
  facts.max_remembered = *rc::gen::inRange<size_t>(0, 4);
  const auto n = *rc::gen::inRange<size_t>(0, 12);
  const std::vector<State> at_rest{State::kAbsent, State::kReady, State::kUnloaded, State::kFailed};
  size_t ready = 0;
  for (size_t i = 0; i < n; ++i) {
    VersionFacts v;
    v.state = *rc::gen::elementOf(at_rest);
    if (v.state == State::kReady && ++ready > facts.max_loaded) {
      v.state = State::kAbsent;
    }
    v.referenced = *rc::gen::arbitrary<bool>();
    v.asked = *rc::gen::arbitrary<bool>();
    v.last_used = seconds(*rc::gen::inRange(800, 1000));
    facts.versions.push_back(v);
  }
  size_t steps = 0;
  while (const auto action = Next(facts)) {
    const State before = facts.versions[action->version].state;
    if (action->kind == Kind::kLoad) {
      RC_ASSERT(CanMove(before, State::kLoading));
    } else if (action->kind == Kind::kDrain) {
      RC_ASSERT(CanMove(before, State::kDraining));
      RC_ASSERT(!facts.versions[action->version].referenced);
    }
    Do(facts, *action);
    RC_ASSERT(++steps <= 4 * n + 4);
    size_t occupied = 0;
    for (const VersionFacts& v : facts.versions) {
      occupied += Occupied(v.state) ? 1u : 0u;
    }
    RC_ASSERT(occupied <= facts.max_loaded);
  }
  for (const VersionFacts& v : facts.versions) {
    RC_ASSERT(!v.asked || v.state == State::kReady);
  }
}

}  // namespace
}  // namespace hoego::serving
