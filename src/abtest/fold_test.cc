#include "abtest/fold.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "abtest/internal/fold_records.h"

namespace hoego::abtest {
namespace {

using internal::RecordMaker;
using internal::TwoArms;

double Sum(const TestFold& fold, size_t arm) {
  return fold.figures().arms[arm].outcome.moments().sum;
}
uint64_t Units(const TestFold& fold, size_t arm) {
  return fold.figures().arms[arm].outcome.units();
}

TEST(TestFoldTest, CountsAUnitOnceHoweverOftenItWatches) {
  RecordMaker make;
  TestFold fold(TwoArms(), RecordMaker::FindType);
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Decision(1, "t1", "control", 100));
  for (int i = 0; i < 3; ++i) {
    fold.Add(make.Event(1, RecordMaker::kWatch, 100));
  }
  fold.Add(make.Exposure(2, "t1", "treatment"));
  EXPECT_EQ(Units(fold, 0), 1U);
  EXPECT_EQ(Units(fold, 1), 1U);
  EXPECT_EQ(Sum(fold, 0), 1);
  EXPECT_EQ(Sum(fold, 1), 0);
  EXPECT_EQ(fold.figures().feedback, 3U);
}

TEST(TestFoldTest, IgnoresOtherTestsOtherTypesAndEventsWithoutDecision) {
  RecordMaker make;
  TestFold fold(TwoArms(), RecordMaker::FindType);
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Exposure(2, "other", "control"));
  fold.Add(make.Decision(1, "other", "control", 7));
  fold.Add(make.Decision(1, "t1", "control", 8));
  fold.Add(make.Event(1, RecordMaker::kWatch, 7));
  fold.Add(make.Event(1, RecordMaker::kOther, 8));
  events::Record bare = make.Event(1, RecordMaker::kWatch, 8);
  bare.event.decision.reset();
  fold.Add(bare);
  EXPECT_EQ(fold.figures().exposed_units(), 1U);
  EXPECT_EQ(Sum(fold, 0), 0);
  EXPECT_EQ(fold.figures().feedback, 0U);
  EXPECT_EQ(fold.figures().arms[0].decisions, 1U);
}

TEST(TestFoldTest, ChecksTheWindowByBothClocks) {
  RecordMaker make;
  TestFold fold(TwoArms(MetricKind::kMean), RecordMaker::FindType);
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Decision(1, "t1", "control", 1));
  events::Record claims_late = make.Event(1, RecordMaker::kWatch, 1);
  claims_late.time += std::chrono::hours(2);
  fold.Add(claims_late);
  events::Record claims_early = make.Event(1, RecordMaker::kWatch, 1);
  claims_early.time -= std::chrono::minutes(6);
  fold.Add(claims_early);
  events::Record slightly_early = make.Event(1, RecordMaker::kWatch, 1);
  slightly_early.time -= std::chrono::minutes(4);
  fold.Add(slightly_early);
  make.Advance(3'600'000);
  events::Record received_late = make.Event(1, RecordMaker::kWatch, 1);
  received_late.time -= std::chrono::minutes(30);
  fold.Add(received_late);
  EXPECT_EQ(fold.figures().late, 3U);
  EXPECT_EQ(fold.figures().feedback, 1U);
  EXPECT_EQ(Sum(fold, 0), 1);
}

TEST(TestFoldTest, FeedbackForAnothersDecisionTakesNoPart) {
  RecordMaker make;
  TestFold fold(TwoArms(), RecordMaker::FindType);
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Exposure(2, "t1", "treatment"));
  fold.Add(make.Decision(1, "t1", "control", 1));
  fold.Add(make.Event(2, RecordMaker::kWatch, 1));
  EXPECT_EQ(fold.figures().foreign, 1U);
  EXPECT_EQ(Sum(fold, 0) + Sum(fold, 1), 0);
}

TEST(TestFoldTest, WaitsTenSecondsForADecisionThatComesAfterItsEvent) {
  RecordMaker make;
  std::vector<Uuid> lost;
  TestFold fold(TwoArms(), RecordMaker::FindType, [&](const Uuid& id) { lost.push_back(id); });
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Event(1, RecordMaker::kWatch, 1));
  make.Advance(8000);
  fold.Add(make.Decision(1, "t1", "control", 1));
  EXPECT_EQ(Sum(fold, 0), 1);
  fold.Add(make.Exposure(2, "t1", "control"));
  fold.Add(make.Event(2, RecordMaker::kWatch, 2));
  make.Advance(11000);
  fold.Add(make.Decision(2, "t1", "control", 2));
  EXPECT_EQ(Sum(fold, 0), 1);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0], RecordMaker::Id(2));
}

TEST(TestFoldTest, AUnitMetInTwoArmsLeavesBoth) {
  RecordMaker make;
  TestFold fold(TwoArms(), RecordMaker::FindType);
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Decision(1, "t1", "control", 1));
  fold.Add(make.Event(1, RecordMaker::kWatch, 1));
  fold.Add(make.Exposure(1, "t1", "treatment"));
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Event(1, RecordMaker::kWatch, 1));
  EXPECT_EQ(fold.figures().exposed_units(), 0U);
  EXPECT_EQ(Sum(fold, 0) + Sum(fold, 1), 0);
  EXPECT_EQ(fold.figures().moved_units, 1U);
}

TEST(TestFoldTest, NoticesASecondModelVersionButNotAFallback) {
  RecordMaker make;
  TestFold fold(TwoArms(), RecordMaker::FindType);
  fold.Add(make.Decision(1, "t1", "control", 1, 1000, false, 1));
  fold.Add(make.Decision(1, "t1", "control", 2, 1000, true, 9));
  EXPECT_FALSE(fold.figures().arms[0].mixed_versions);
  fold.Add(make.Decision(1, "t1", "control", 3, 1000, false, 2));
  EXPECT_TRUE(fold.figures().arms[0].mixed_versions);
  EXPECT_FALSE(fold.figures().wrong_arm);
  fold.Add(make.Exposure(5, "t1", "nobody"));
  EXPECT_TRUE(fold.figures().wrong_arm);
}

TEST(TestFoldTest, ReachesItsHorizonByUnitsOrByTime) {
  TestPlan plan = TwoArms();
  plan.max_units = 2;
  plan.max_duration = std::chrono::hours(1);
  RecordMaker make;
  TestFold units(plan, RecordMaker::FindType);
  units.Add(make.Exposure(1, "t1", "control"));
  EXPECT_FALSE(units.figures().horizon);
  units.Add(make.Exposure(2, "t1", "control"));
  EXPECT_TRUE(units.figures().horizon);
  TestFold time(plan, RecordMaker::FindType);
  time.Add(make.Exposure(1, "t1", "control"));
  make.Advance(3'599'000);
  time.Add(make.Exposure(1, "t1", "control"));
  EXPECT_TRUE(time.figures().horizon);
}

TEST(TestFoldTest, SumsValuesAndDividesByAnswersForRatios) {
  TestPlan plan = TwoArms(MetricKind::kRatio);
  plan.metric.values = true;
  RecordMaker make;
  TestFold fold(plan, RecordMaker::FindType);
  fold.Add(make.Exposure(1, "t1", "control"));
  fold.Add(make.Decision(1, "t1", "control", 1, 10));
  fold.Add(make.Decision(1, "t1", "control", 2, 20, true));
  fold.Add(make.Event(1, RecordMaker::kWatch, 1, 2.5));
  fold.Add(make.Event(1, RecordMaker::kWatch, 2, 0.25));
  const Moments m = fold.figures().arms[0].outcome.moments();
  EXPECT_EQ(m.sum, 2.75);
  EXPECT_EQ(m.denominator_sum, 2);
  EXPECT_EQ(m.cross_sum, 5.5);
  const Moments errors = fold.figures().arms[0].errors.moments();
  EXPECT_EQ(errors.sum, 1);
  EXPECT_EQ(errors.denominator_sum, 2);
  EXPECT_EQ(fold.figures().arms[0].latency.Quantile(1), 20);
}

// The same figures by reading the whole list again for every question.
struct Twin {
  std::map<uint32_t, double> y[2];
  uint64_t moved = 0;
  uint64_t feedback = 0;

  explicit Twin(const std::vector<events::Record>& records) {
    std::map<uint32_t, std::set<std::string>> arms_of;
    std::map<uint32_t, std::string> exposed;
    for (const events::Record& r : records) {
      if (r.kind == events::RecordKind::kExposure) {
        arms_of[r.unit.value()].insert(std::string(r.exposure.arm));
        exposed.emplace(r.unit.value(), r.exposure.arm);
      } else if (r.kind == events::RecordKind::kDecision) {
        arms_of[r.unit.value()].insert(std::string(r.decision.arm));
      }
    }
    for (const auto& [unit, arms] : arms_of) {
      moved += arms.size() > 1 ? 1 : 0;
    }
    for (const auto& [unit, arm] : exposed) {
      if (arms_of[unit].size() == 1) {
        y[arm == "control" ? 0 : 1][unit] = 0;
      }
    }
    for (size_t i = 0; i < records.size(); ++i) {
      const events::Record& event = records[i];
      if (event.kind != events::RecordKind::kEvent || event.event.type != RecordMaker::kWatch) {
        continue;
      }
      for (const events::Record& decision : records) {
        const bool names = decision.kind == events::RecordKind::kDecision &&
                           decision.decision.id == *event.event.decision;
        const bool in_time = decision.received - event.received <= std::chrono::seconds(10) &&
                             event.received - decision.received <= std::chrono::hours(1);
        if (names && decision.unit == event.unit && in_time) {
          ++feedback;
          for (auto& arm : y) {
            if (arm.contains(event.unit.value())) {
              arm[event.unit.value()] += 1;
            }
          }
        }
      }
    }
  }
};

std::vector<events::Record> RandomRecords(RecordMaker& make, Rng& rng, double moving) {
  std::vector<events::Record> records;
  uint64_t decisions = 0;
  for (int i = 0; i < 300; ++i) {
    const auto unit = static_cast<uint32_t>(rng.Below(20));
    const bool odd = rng.Chance(moving) ? rng.Chance(0.5) : unit % 2 == 1;
    const char* arm = odd ? "treatment" : "control";
    const uint64_t kind = rng.Below(10);
    if (kind < 2) {
      records.push_back(make.Exposure(unit, "t1", arm));
    } else if (kind < 5) {
      records.push_back(make.Decision(unit, "t1", arm, ++decisions,
                                      static_cast<uint32_t>(rng.Below(100000)), rng.Chance(0.1)));
    } else {
      // May name a decision that comes later, or never.
      const uint64_t id =
          decisions == 0 ? 1 : decisions + 3 - std::min(decisions + 2, rng.Below(30));
      records.push_back(
          make.Event(unit, rng.Chance(0.8) ? RecordMaker::kWatch : RecordMaker::kOther, id));
    }
    if (rng.Chance(0.02)) {
      make.Advance(static_cast<int64_t>(rng.Below(4'000'000)));
    }
  }
  return records;
}

RC_GTEST_PROP(TestFoldTest, AgreesWithATwinThatReadsEverythingAgain, ()) {
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  RecordMaker make;
  const std::vector<events::Record> records =
      RandomRecords(make, rng, *rc::gen::element(0.0, 0.05));
  TestFold fold(TwoArms(MetricKind::kMean), RecordMaker::FindType);
  for (const events::Record& r : records) {
    fold.Add(r);
  }
  const Twin twin(records);
  RC_ASSERT(fold.figures().feedback == twin.feedback);
  RC_ASSERT(fold.figures().moved_units == twin.moved);
  for (size_t arm = 0; arm < 2; ++arm) {
    ArmSums want;
    for (const auto& [unit, y] : twin.y[arm]) {
      want.Add(y, 0);
    }
    RC_ASSERT(fold.figures().arms[arm].outcome == want);
  }
}

RC_GTEST_PROP(TestFoldTest, ACheckpointAnywhereChangesNothing, ()) {
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  RecordMaker make;
  const std::vector<events::Record> records = RandomRecords(make, rng, 0.02);
  TestFold through(TwoArms(), RecordMaker::FindType);
  TestFold before(TwoArms(), RecordMaker::FindType);
  TestFold after(TwoArms(), RecordMaker::FindType);
  const size_t cut = rng.Below(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    if (i == cut) {
      std::string bytes;
      before.AppendTo(bytes);
      std::string_view in = bytes;
      RC_ASSERT(after.ReadFrom(in).ok());
      RC_ASSERT(in.empty());
    }
    through.Add(records[i]);
    (i < cut ? before : after).Add(records[i]);
  }
  std::string want;
  through.AppendTo(want);
  std::string got;
  after.AppendTo(got);
  RC_ASSERT(got == want);
}

TEST(TestFoldTest, RefusesATornCheckpoint) {
  RecordMaker make;
  Rng rng(5);
  TestFold fold(TwoArms(), RecordMaker::FindType);
  for (const events::Record& r : RandomRecords(make, rng, 0)) {
    fold.Add(r);
  }
  std::string bytes;
  fold.AppendTo(bytes);
  for (size_t size = 0; size < bytes.size(); size += 7) {
    TestFold other(TwoArms(), RecordMaker::FindType);
    std::string_view in = std::string_view(bytes).substr(0, size);
    EXPECT_FALSE(other.ReadFrom(in).ok()) << size;
  }
}

TEST(DecisionWindowTest, AgreesWithAMapThatForgetsTheOldest) {
  Rng rng(11);
  internal::DecisionWindow window(100);
  std::map<uint64_t, uint32_t> map;
  std::vector<uint64_t> order;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t id = rng.Below(400) * 64;  // many share their first slots
    if (!map.contains(id)) {
      if (order.size() >= 100) {
        map.erase(order[order.size() - 100]);
      }
      order.push_back(id);
      map[id] = static_cast<uint32_t>(i);
    }
    window.Put({id, 0, 0, static_cast<uint32_t>(i), 0});
    const uint64_t asked = rng.Below(400) * 64;
    const internal::DecisionWindow::Entry* found = window.Find(asked);
    ASSERT_EQ(found != nullptr, map.contains(asked)) << i;
    if (found != nullptr) {
      ASSERT_EQ(found->unit, map[asked]);
    }
  }
}

TEST(LatencyCountsTest, QuantilesAreWithinThreePercentOfTheSortedList) {
  Rng rng(3);
  LatencyCounts counts;
  LatencyCounts other;
  std::vector<double> all;
  for (int i = 0; i < 5000; ++i) {
    const auto v = static_cast<uint32_t>(std::min(4e9, std::exp(3 + 4 * rng.Normal())));
    (rng.Chance(0.5) ? counts : other).Add(v);
    all.push_back(v);
  }
  counts.Merge(other);
  std::sort(all.begin(), all.end());
  for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double want = all[static_cast<size_t>(std::max(0.0, std::ceil(q * 5000) - 1))];
    EXPECT_GE(counts.Quantile(q), want) << q;
    EXPECT_LE(counts.Quantile(q), want * 1.032) << q;
  }
  std::string text;
  counts.AppendTo(text);
  std::string_view in = text;
  LatencyCounts back;
  ASSERT_TRUE(back.ReadFrom(in).ok());
  EXPECT_EQ(back, counts);
  LatencyCounts largest;
  largest.Add(UINT32_MAX);
  EXPECT_EQ(largest.Quantile(0.5), 4294967295.0);
}

}  // namespace
}  // namespace hoego::abtest
