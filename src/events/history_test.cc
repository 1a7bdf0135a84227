#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/fault_disk.h"
#include "base/random.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class History : public testing::Test {
 protected:
  History() : disk_(5), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.options.segment_bytes = 64u << 10;
    store_.Open();
  }
  FaultDisk disk_;
  TestStore store_;
};

TEST_F(History, IsWhatTheUnitDidInLogOrder) {
  NewEvent first = MakeEvent("a", "u1", "i1");
  first.value = 3.5;
  NewEvent second = MakeEvent("b", "u1", "i2", "like");
  second.decision = Uuid{};
  second.time = FromUnixMillis(5);
  store_.MustAppend({first, MakeEvent("x", "u2"), MakeEvent("no item", "u1", ""), second});
  const auto history = store_->history().Get(*store_->FindUnit("u1"));
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ((*history)[0].item, *store_->FindItem("i1"));
  EXPECT_EQ((*history)[0].value, 3.5F);
  EXPECT_FALSE((*history)[0].of_decision);
  EXPECT_EQ((*history)[1].item, *store_->FindItem("i2"));
  EXPECT_EQ((*history)[1].type, *store_->FindType("like"));
  EXPECT_TRUE(std::isnan((*history)[1].value));
  EXPECT_TRUE((*history)[1].of_decision);
  EXPECT_EQ(ToUnixMillis((*history)[1].time), 5);
  EXPECT_LT((*history)[0].at, (*history)[1].at);
}

TEST_F(History, IsNullForAUnitWithoutItems) {
  store_.MustAppend({MakeEvent("a", "u1", "")});
  EXPECT_EQ(store_->history().Get(*store_->FindUnit("u1")), nullptr);
  EXPECT_EQ(store_->history().Get(UnitKey(12345)), nullptr);
}

TEST_F(History, AListSomeoneHoldsDoesNotChange) {
  store_.MustAppend({MakeEvent("a")});
  const auto held = store_->history().Get(*store_->FindUnit("u1"));
  store_.MustAppend({MakeEvent("b")});
  const auto next = store_->history().Get(*store_->FindUnit("u1"));
  EXPECT_EQ(held->size(), 1U);
  EXPECT_EQ(next->size(), 2U);
}

// Appending to a unit that is asked for after each event copies nothing as long as nobody holds its
// list.
TEST_F(History, AHotUnitsListGrowsInPlace) {
  store_.MustAppend({MakeEvent("first")});
  const UnitKey unit = *store_->FindUnit("u1");
  const HistoryEntry* at = nullptr;
  int moves = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = fmt::format("e{}", i);
    store_.MustAppend({MakeEvent(id)});
    const auto history = store_->history().Get(unit);
    ASSERT_EQ(history->size(), static_cast<size_t>(i) + 2);
    moves += history->data() != at ? 1 : 0;
    at = history->data();
  }
  EXPECT_LE(moves, 20);  // capacity doubles
}

TEST_F(History, ABoundedCacheStillAnswersForEveryone) {
  store_.options.history_cache_bytes = 16u << 10;
  store_.Open();
  Rng rng(1);
  std::map<std::string, size_t> events;
  for (int i = 0; i < 2000; ++i) {
    const std::string id = fmt::format("e{}", i);
    const std::string unit = fmt::format("u{}", rng.Below(200));
    store_.MustAppend({MakeEvent(id, unit)});
    ++events[unit];
    const std::string asked = fmt::format("u{}", rng.Below(200));
    if (events.contains(asked)) {
      ASSERT_EQ(store_->history().Get(*store_->FindUnit(asked))->size(), events[asked]);
    }
  }
}

// What was answered is in the next Get, while others write and read the same units.
TEST_F(History, IsNeverStaleUnderManyWriters) {
  constexpr int kUnits = 3;
  std::array<std::atomic<size_t>, kUnits> answered{};
  std::vector<std::jthread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 200; ++i) {
        const int u = (w + i) % kUnits;
        const std::string id = fmt::format("{}-{}", w, i);
        const std::string unit = fmt::format("u{}", u);
        if (!store_.Append({MakeEvent(id, unit)}).ok()) {
          ADD_FAILURE();
          return;
        }
        const size_t before = ++answered[static_cast<size_t>(u)];
        const auto history = store_->history().Get(*store_->FindUnit(unit));
        ASSERT_GE(history->size(), before);
        for (size_t k = 1; k < history->size(); ++k) {
          ASSERT_LT((*history)[k - 1].at, (*history)[k].at);
        }
      }
    });
  }
}

}  // namespace
}  // namespace hoego::events
