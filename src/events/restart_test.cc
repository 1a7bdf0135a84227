// Opening again shows the same log, whatever became of the files that can be made from it.
#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "base/random.h"
#include "events/internal/keeper.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class Restart : public testing::Test {
 protected:
  Restart() : disk_(5), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.Open();
  }
  // Every kind of record, over several segments.
  void Fill(int from, int to) {
    Rng rng(static_cast<uint64_t>(from));
    for (int i = from; i < to; ++i) {
      const std::string id = fmt::format("e{}", i);
      const std::string unit = fmt::format("u{}", rng.Below(20));
      const std::string item = fmt::format("i{}", rng.Below(15));
      const std::string type = fmt::format("t{}", rng.Below(4));
      const std::string other_item = fmt::format("i{}", rng.Below(25));
      const std::string other_unit = fmt::format("u{}", rng.Below(30));
      const std::string json = fmt::format("{{\"n\":{}}}", i);
      std::vector<NewRecord> batch = {MakeEvent(id, unit, item, type)};
      ItemChange change;
      change.item = other_item;
      change.removed = rng.Chance(0.1);
      change.hidden = rng.Chance(0.3);
      change.categories = {fmt::format("c{}", rng.Below(5)), "all"};
      change.attributes = json;
      if (rng.Chance(0.3)) {
        change.expires = FromUnixMillis(1'700'000'000'000 + i);
      }
      if (rng.Chance(0.4)) {
        batch.push_back(change);
      }
      if (rng.Chance(0.3)) {
        batch.push_back(UnitChange{other_unit, json});
      }
      if (rng.Chance(0.2)) {
        batch.push_back(Definition{"endpoint", "home", json});
      }
      if (rng.Chance(0.1)) {
        batch.push_back(Definition{"event_type", "watch", R"({"fields":{"n":{"type":"number"}}})"});
      }
      NewDecision decision;
      decision.id.bytes.fill(static_cast<uint8_t>(i));
      decision.endpoint = "home";
      decision.unit = unit;
      if (rng.Chance(0.2)) {
        batch.push_back(decision);
      }
      if (rng.Chance(0.2)) {
        batch.push_back(NewExposure{FromUnixMillis(1'600'000'000'000), "test", "a", unit});
      }
      store_.clock.Advance(std::chrono::milliseconds(rng.Below(50)));
      store_.MustAppend(batch);
    }
  }
  void ExpectAllDuplicates(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string id = fmt::format("e{}", i);
      EXPECT_EQ(store_.Append({MakeEvent(id)})->duplicates, 1U) << id;
    }
  }
  FaultDisk disk_;
  TestStore store_;
};

TEST_F(Restart, ShowsTheSameAsBefore) {
  Fill(0, 200);
  ASSERT_TRUE(store_->Forget("u3").ok());
  Fill(200, 250);
  ASSERT_TRUE(store_->Retain().ok());
  const std::vector<std::string> before = Describe(*store_);
  const std::vector<std::string> ids = EventIds(*store_);
  store_.Open();
  EXPECT_EQ(Describe(*store_), before);
  EXPECT_EQ(EventIds(*store_), ids);
  ExpectAllDuplicates(0, 250);
}

TEST_F(Restart, EveryDerivedFileMayBeDeleted) {
  Fill(0, 200);
  ASSERT_TRUE(store_->Forget("u3").ok());
  ASSERT_TRUE(store_->Retain().ok());
  const std::vector<std::string> before = Describe(*store_);
  store_.Close();
  int deleted = 0;
  const std::vector<std::string> names = disk_.List("data/log").value();
  for (const std::string& name : names) {
    if (name.ends_with(kSidecarSuffix) || name == "settled") {
      ASSERT_TRUE(disk_.Remove("data/log/" + name).ok());
      ++deleted;
    }
  }
  EXPECT_GE(deleted, 5);
  store_.Open();
  EXPECT_EQ(Describe(*store_), before);
  EXPECT_EQ(store_->Doctor().value(), std::vector<std::string>{});
  ExpectAllDuplicates(0, 200);
  // What was made again is, byte for byte, what was there.
  const std::vector<std::string> after = disk_.List("data/log").value();
  EXPECT_EQ(std::count_if(after.begin(), after.end(),
                          [](const auto& n) { return n.ends_with(kSidecarSuffix); }),
            deleted - 1);
}

TEST_F(Restart, GoesOnWithTheSameKeysAndChains) {
  Fill(0, 100);
  const UnitKey u1 = *store_->FindUnit("u1");
  const ItemKey i1 = *store_->FindItem("i1");
  const size_t before = store_->history().Get(u1)->size();
  store_.Open();
  store_.MustAppend({MakeEvent("new", "u1", "i1")});
  EXPECT_EQ(store_->FindUnit("u1"), u1);
  EXPECT_EQ(store_->FindItem("i1"), i1);
  EXPECT_EQ(store_->history().Get(u1)->size(), before + 1);
}

TEST_F(Restart, FindsDecisionsOfTheWindow) {
  NewDecision decision;
  decision.id = *Uuid::Parse("0190163d-8694-739b-aea5-966c26f8ad91");
  decision.time = FromUnixMillis(1'600'000'000'123);
  decision.kind = DecisionKind::kPrediction;
  decision.endpoint = "home";
  decision.unit = "u1";
  decision.route_revision = 12;
  decision.test = "t";
  decision.arm = "b";
  decision.arm_probability = 0.25;
  decision.model = "films";
  decision.version = 3;
  decision.candidates = 900;
  decision.output_digest = "sha256:00";
  decision.latency_us = 77;
  decision.fallback = true;
  store_.MustAppend({MakeEvent("e")});
  const std::vector<ChosenItem> items = {{*store_->FindItem("i1"), 0.5F, 0.125F}};
  decision.items = items;
  store_.MustAppend({decision});
  Fill(0, 100);
  for (int again = 0; again < 2; ++again) {
    const auto found = store_->FindDecision(decision.id);
    ASSERT_NE(found, nullptr);
    const DecisionView& d = found->decision;
    EXPECT_EQ(d.id, decision.id);
    EXPECT_EQ(d.kind, DecisionKind::kPrediction);
    EXPECT_EQ(d.endpoint, "home");
    EXPECT_EQ(d.route_revision, 12U);
    EXPECT_EQ(d.test, "t");
    EXPECT_EQ(d.arm, "b");
    EXPECT_EQ(d.arm_probability, 0.25);
    EXPECT_EQ(d.model, "films");
    EXPECT_EQ(d.version, 3U);
    EXPECT_EQ(d.candidates, 900U);
    ASSERT_EQ(d.items.size(), 1U);
    EXPECT_EQ(d.items[0].score, 0.5F);
    EXPECT_EQ(d.items[0].propensity, 0.125F);
    EXPECT_EQ(d.output_digest, "sha256:00");
    EXPECT_EQ(d.latency_us, 77U);
    EXPECT_TRUE(d.fallback);
    EXPECT_EQ(found->time, decision.time);
    EXPECT_EQ(store_->UnitId(found->unit), "u1");
    EXPECT_EQ(store_->FindDecision(*Uuid::Parse("0190163d-8694-739b-aea5-966c26f8ad92")), nullptr);
    store_.Open();
  }
}

TEST_F(Restart, TheWindowOfIdsEndsBySizeAndByAge) {
  store_.options.dedup_ids = 50;
  store_.Open();
  Fill(0, 300);
  ASSERT_TRUE(store_->Retain().ok());
  // The newest 50 are always known; what is far older is taken as new.
  ExpectAllDuplicates(250, 300);
  EXPECT_EQ(store_.Append({MakeEvent("e0")})->accepted, 1U);
  store_.Open();
  ExpectAllDuplicates(260, 300);
  EXPECT_EQ(store_.Append({MakeEvent("e1")})->accepted, 1U);

  store_.options.dedup_ids = 1000;
  store_.clock.Advance(std::chrono::hours(25));
  store_.Open();
  EXPECT_EQ(store_.Append({MakeEvent("e200")})->accepted, 1U);
}

}  // namespace
}  // namespace hoego::events
