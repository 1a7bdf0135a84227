#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "events/internal/keeper.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class Retention : public testing::Test {
 protected:
  Retention() : disk_(5), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.Open();
  }
  void Fill(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string id = fmt::format("e{}", i);
      const std::string unit = fmt::format("u{}", i % 7);
      const std::string item = fmt::format("i{}", i % 5);
      store_.MustAppend({MakeEvent(id, unit, item)});
    }
  }
  void FillWithNames() {
    ItemChange change;
    change.item = "film";
    change.categories = {"drama"};
    change.attributes = R"({"title":"old"})";
    store_.MustAppend(
        {change, UnitChange{"u0", R"({"age":1})"}, UnitChange{"lost", R"({"age":9})"}});
    change.attributes = R"({"title":"new"})";
    store_.MustAppend({change, UnitChange{"u0", R"({"age":2})"},
                       Definition{"test", "t1", R"({"n":1})"},
                       Definition{"event_type", "watch", R"({"fields":{}})"}});
  }
  // What must not depend on how much of the log is kept.
  std::vector<std::string> Names() {
    std::vector<std::string> lines;
    for (const std::string& line : Describe(*store_)) {
      if (line.starts_with("begin")) {
        continue;
      }
      // A unit's history shrinks; its id and attributes stay.
      const size_t history = line.starts_with("unit") ? line.find('}') + 1 : line.size();
      lines.push_back(line.substr(0, history));
    }
    return lines;
  }
  FaultDisk disk_;
  TestStore store_;
};

TEST_F(Retention, RemovesTheOldestSegmentsAndKeepsWhatTheyNamed) {
  FillWithNames();
  Fill(0, 200);
  ASSERT_TRUE(store_->Forget("lost").ok());
  const std::vector<std::string> names = Names();
  const Cut end = store_.log().end();
  store_.options.retain_bytes = 3 * 4096;
  store_.Open();
  ASSERT_TRUE(store_->Retain().ok());
  const Cut begin = store_.log().begin();
  EXPECT_GT(begin.offset, 4096U);
  EXPECT_LE(end.offset - begin.offset, 4U * 4096U);
  EXPECT_EQ(store_.log().end(), end);
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(Names(), names);
    EXPECT_EQ(store_->UnitAttributes(*store_->FindUnit("u0")).value(), R"({"age":2})");
    const std::vector<std::string> ids = EventIds(*store_);
    EXPECT_LT(ids.size(), 150U);
    EXPECT_EQ(ids.back(), "e199");
    // Histories hold exactly the events that are kept.
    size_t entries = 0;
    for (uint32_t u = 0; u < store_->unit_count(); ++u) {
      const auto history = store_->history().Get(UnitKey(u));
      entries += history == nullptr ? 0 : history->size();
    }
    EXPECT_EQ(entries, ids.size());
    EXPECT_EQ(store_->Doctor().value(), std::vector<std::string>{});
    store_.Open();
    EXPECT_EQ(store_.log().begin(), begin);
  }
  // And once more, over what is carried already.
  Fill(200, 400);
  ASSERT_TRUE(store_->Retain().ok());
  EXPECT_GT(store_.log().begin(), begin);
  EXPECT_EQ(Names(), names);
  store_.Open();
  EXPECT_EQ(Names(), names);
  Fill(400, 410);
  EXPECT_EQ(EventIds(*store_).back(), "e409");
}

TEST_F(Retention, RemovesWhatIsTooOld) {
  Fill(0, 100);
  store_.clock.Advance(std::chrono::hours(48));
  Fill(100, 200);
  store_.options.retain_age = std::chrono::hours(24);
  store_.Open();
  ASSERT_TRUE(store_->Retain().ok());
  const std::vector<std::string> ids = EventIds(*store_);
  EXPECT_LE(ids.size(), 100U + 40U);  // the segment in which the ages meet stays whole
  EXPECT_GE(ids.size(), 100U);
  EXPECT_EQ(store_.log().CutAt(FromUnixMillis(0)).value(), store_.log().begin());
}

TEST_F(Retention, AReaderKeepsTheSegmentItIsIn) {
  Fill(0, 200);
  const auto cursor = store_.log().Read({});
  ASSERT_NE(cursor->Next().value(), nullptr);
  store_.options.retain_bytes = 2 * 4096;
  store_.Close();
  TestStore again(disk_);
  again.options = store_.options;
  again.Open();
  const auto reader = again.log().Read({});
  ASSERT_NE(reader->Next().value(), nullptr);
  ASSERT_TRUE(again->Retain().ok());
  size_t read = 1;
  Cut last;
  while (true) {
    const auto record = reader->Next();
    ASSERT_TRUE(record.ok()) << record.status().ToString();
    if (*record == nullptr) {
      break;
    }
    EXPECT_GE((*record)->at, last);
    last = (*record)->next;
    ++read;
  }
  EXPECT_GT(read, 60U);
  EXPECT_EQ(reader->position(), again.log().end());
}

TEST_F(Retention, APowerCutAnywhereKeepsTheNames) {
  for (uint64_t changes = 0; changes < 60; changes += 1) {
    FaultDisk disk(changes);
    TestStore store(disk);
    store.Open();
    for (int i = 0; i < 100; ++i) {
      const std::string id = fmt::format("e{}", i);
      const std::string unit = fmt::format("u{}", i);
      const std::string item = fmt::format("i{}", i);
      store.MustAppend({MakeEvent(id, unit, item), Definition{"test", "t", "{}"}});
    }
    store.options.retain_bytes = 3 * 4096;
    store.Open();
    disk.PowerOffAfter(changes);
    const bool done = store->Retain().ok();
    disk.Crash();
    store.options.retain_bytes = 0;
    store.Open();
    EXPECT_EQ(store->unit_count(), 100U) << changes;
    EXPECT_EQ(store->item_count(), 100U) << changes;
    EXPECT_EQ(store->UnitId(UnitKey(0)), "u0") << changes;
    EXPECT_EQ(store->ItemId(ItemKey(0)), "i0") << changes;
    size_t definitions = 0;
    ASSERT_TRUE(store
                    ->ScanDefinitions({},
                                      [&](const Record&) -> Status {
                                        ++definitions;
                                        return {};
                                      })
                    .ok());
    EXPECT_EQ(definitions, 100U) << changes;
    EXPECT_EQ(store->Doctor().value(), std::vector<std::string>{}) << changes;
    if (done) {
      EXPECT_GT(store.log().begin().offset, 64U);
    }
  }
}

}  // namespace
}  // namespace hoego::events
