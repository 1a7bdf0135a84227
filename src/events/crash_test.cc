// The log on a disk that forgets what was not synced, cut off anywhere.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "base/fault_disk.h"
#include "base/random.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

// Random batches on a log, and what their answers promised.
class Ledger {
 public:
  explicit Ledger(uint64_t seed) : rng_(seed) {}

  // Sends a batch of new events, now and then with a repeated one, a catalogue change or a
  // definition.
  void Send(TestStore& store) {
    const size_t n = 1 + rng_.Below(8);
    std::vector<std::string> ids;
    for (size_t i = 0; i < n; ++i) {
      ids.push_back(fmt::format("e{}", next_++));
    }
    SendIds(store, ids);
  }

  // Sends again what was never answered: the log must take each exactly once.
  void Resend(TestStore& store) {
    const std::vector<std::string> ids(unanswered_.begin(), unanswered_.end());
    unanswered_.clear();
    for (size_t i = 0; i < ids.size(); i += 10) {
      SendIds(store, {ids.begin() + static_cast<std::ptrdiff_t>(i),
                      ids.begin() + static_cast<std::ptrdiff_t>(std::min(i + 10, ids.size()))});
    }
  }

  // Every answered event is there once, in the order of its batch; nothing is there that was never
  // sent.
  void Check(TestStore& store) {
    const std::vector<std::string> there = EventIds(*store);
    const std::set<std::string> distinct(there.begin(), there.end());
    RC_ASSERT(distinct.size() == there.size());
    for (const std::string& id : acknowledged_) {
      RC_ASSERT(distinct.contains(id));
    }
    for (const std::string& id : there) {
      RC_ASSERT(acknowledged_.contains(id) || unanswered_.contains(id));
    }
    std::vector<std::string> in_order;
    for (const std::string& id : there) {
      if (first_try_.contains(id)) {
        in_order.push_back(id);
      }
    }
    RC_ASSERT(std::is_sorted(in_order.begin(), in_order.end(),
                             [](const std::string& a, const std::string& b) {
                               return std::stoi(a.substr(1)) < std::stoi(b.substr(1));
                             }));
  }
  size_t acknowledged() const { return acknowledged_.size(); }

 private:
  void SendIds(TestStore& store, const std::vector<std::string>& ids) {
    std::vector<NewRecord> batch;
    std::vector<std::unique_ptr<std::string>> texts;
    const auto text = [&](std::string_view prefix, uint64_t below) -> std::string_view {
      texts.push_back(
          std::make_unique<std::string>(fmt::format("{}{}", prefix, rng_.Below(below))));
      return *texts.back();
    };
    for (const std::string& id : ids) {
      batch.push_back(MakeEvent(id, text("unit-", 40), text("item-", 30), text("type-", 3)));
    }
    if (rng_.Chance(0.2)) {
      ItemChange change;
      change.item = text("item-", 40);
      change.categories = {"c1"};
      batch.push_back(change);
    }
    if (rng_.Chance(0.2)) {
      batch.push_back(UnitChange{text("unit-", 50), R"({"a":1})"});
    }
    if (rng_.Chance(0.1)) {
      batch.push_back(Definition{"test", "t", R"({"x":1})"});
    }
    const auto result = store.Append(batch);
    for (const std::string& id : ids) {
      if (result.ok()) {
        if (!unanswered_.contains(id) && resent_.insert(id).second) {
          first_try_.insert(id);
        }
        acknowledged_.insert(id);
      } else {
        unanswered_.insert(id);
        resent_.insert(id);
      }
    }
    if (result.ok()) {
      RC_ASSERT(result->accepted + result->duplicates == batch.size());
    }
  }

  Rng rng_;
  int next_ = 0;
  std::set<std::string> acknowledged_;
  std::set<std::string> unanswered_;
  std::set<std::string> resent_;
  std::set<std::string> first_try_;  // answered the first time they were sent
};

RC_GTEST_PROP(Crash, NothingAcknowledgedIsLostAndNothingIsThereTwice, ()) {
  SetLogLevel(LogLevel::kError);
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  const auto lives = *rc::gen::inRange(1, 5);
  FaultDisk disk(seed);
  Rng rng(seed);
  Ledger ledger(seed);
  for (int life = 0; life < lives; ++life) {
    TestStore store(disk);
    disk.PowerOffAfter(1 + rng.Below(250));
    bool open = store.TryOpen().ok();
    for (int i = 0; open && i < 40 && store.log().health().ok(); ++i) {
      ledger.Send(store);
    }
    if (rng.Chance(0.3)) {
      store.Close();  // an orderly end, as far as the power goes
    }
    disk.Crash();
    store.Close();

    const Status opened = store.TryOpen();
    if (!opened.ok()) {
      RC_FAIL(opened.ToString());
    }
    ledger.Check(store);
    Describe(*store);
    RC_ASSERT(store->Doctor().value() == std::vector<std::string>{});
    ledger.Resend(store);
    ledger.Check(store);
    store.Open();
    ledger.Check(store);
    RC_ASSERT(store->Doctor().value() == std::vector<std::string>{});
    store.Close();
  }
}

RC_GTEST_PROP(Crash, AFailingDiskLosesNothingAcknowledgedThroughReopening, ()) {
  SetLogLevel(LogLevel::kError);
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  FaultDisk disk(seed);
  Rng rng(seed);
  Ledger ledger(seed);
  TestStore store(disk);
  store.Open();
  using Op = FaultDisk::Op;
  constexpr std::array<Op, 6> kOps = {Op::kOpen,     Op::kWrite,      Op::kSync,
                                      Op::kTruncate, Op::kSyncFolder, Op::kRemove};
  for (int round = 0; round < 6; ++round) {
    const auto error = rng.Chance(0.5) ? FaultDisk::Error::kNoSpace : FaultDisk::Error::kIo;
    disk.Fail(kOps[rng.Below(kOps.size())], error, 1 + rng.Below(6), 1 + rng.Below(3));
    for (int i = 0; i < 10; ++i) {
      ledger.Send(store);
    }
    disk.Heal();
    const Status reopened = store.log().Reopen();
    if (!reopened.ok()) {
      RC_FAIL(reopened.ToString());
    }
    RC_ASSERT(store.log().health().ok());
    ledger.Check(store);
    ledger.Resend(store);
    ledger.Check(store);
    if (rng.Chance(0.3)) {
      disk.Crash();
      store.Open();
      ledger.Check(store);
    }
  }
  RC_ASSERT(ledger.acknowledged() > 50U);
}

// A process dies while the disk fails: its unsynced bytes stay in memory, some never to be written
// by a later sync. The next process answers for what it reads there, and then the power goes.
RC_GTEST_PROP(Crash, WhatADeadProcessLeftInMemoryIsMadeDurableBeforeItIsAnsweredFor, ()) {
  SetLogLevel(LogLevel::kError);
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  FaultDisk disk(seed);
  Rng rng(seed);
  Ledger ledger(seed);
  TestStore store(disk);
  store.Open();
  for (int i = 0; i < 5; ++i) {
    ledger.Send(store);
  }
  using Op = FaultDisk::Op;
  disk.Fail(Op::kSync, FaultDisk::Error::kIo, 1 + rng.Below(3), FaultDisk::kForEver);
  disk.Fail(Op::kTruncate, FaultDisk::Error::kIo, 1, FaultDisk::kForEver);
  for (int i = 0; i < 5; ++i) {
    ledger.Send(store);
  }
  store.Close();
  disk.Heal();
  store.Open();
  ledger.Resend(store);  // some are now duplicates of what was read back
  disk.Crash();
  store.Open();
  ledger.Check(store);
}

}  // namespace
}  // namespace hoego::events
