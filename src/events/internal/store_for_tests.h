#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/log.h"
#include "base/metrics.h"
#include "events/internal/segment_store.h"

// What the tests of this room share.
namespace hoego::events {

// A store on any disk that can be closed and opened again.
class TestStore {
 public:
  explicit TestStore(Disk& disk, std::string folder = "data/log") : disk_(disk) {
    options.folder = std::move(folder);
    options.segment_bytes = 4096;
    options.history_cache_bytes = 64u << 10;
  }
  Status TryOpen() {
    Close();
    metrics_ = std::make_unique<Metrics>();
    auto opened = SegmentStore::Open(options, disk_, clock, *metrics_);
    if (!opened.ok()) {
      return opened.status();
    }
    store_ = std::move(*opened);
    return {};
  }
  void Open() {
    const Status opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
  }
  void Close() { store_.reset(); }
  SegmentStore& operator*() { return *store_; }
  SegmentStore* operator->() { return store_.get(); }
  const Metrics& metrics() const { return *metrics_; }
  EventLog& log() { return store_->log(); }

  Result<AppendResult> Append(const std::vector<NewRecord>& batch) {
    return AppendAndWait(store_->log(), batch);
  }
  void MustAppend(const std::vector<NewRecord>& batch) {
    const auto result = Append(batch);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
  }

  StoreOptions options;
  FakeClock clock;

 private:
  Disk& disk_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<SegmentStore> store_;
};

// Pre: the texts outlive the event.
inline NewEvent MakeEvent(std::string_view id, std::string_view unit = "u1",
                          std::string_view item = "i1", std::string_view type = "watch") {
  NewEvent event;
  event.id = id;
  event.time = FromUnixMillis(1'600'000'000'000);
  event.type = type;
  event.unit = unit;
  event.item = item;
  return event;
}

// The ids of the events from a cut on, in log order; "erased" for a forgotten unit's.
inline std::vector<std::string> EventIds(EventStore& store, Cut from = {}) {
  std::vector<std::string> ids;
  const auto cursor = store.log().Read(from);
  while (true) {
    const auto record = cursor->Next();
    if (!record.ok()) {
      ADD_FAILURE() << record.status().ToString();
      return ids;
    }
    if (*record == nullptr) {
      return ids;
    }
    if ((*record)->kind == RecordKind::kEvent) {
      const auto opened = store.Open(**record);
      ids.push_back(!opened.ok()     ? opened.status().ToString()
                    : opened->erased ? "erased"
                                     : opened->id);
    }
  }
}

// Everything that a store shows of its log, as lines: two stores of the same log give the same.
inline std::vector<std::string> Describe(EventStore& store) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("begin {} end {} units {} items {}", store.log().begin().offset,
                              store.log().end().offset, store.unit_count(), store.item_count()));
  for (uint32_t i = 0; i < store.item_count(); ++i) {
    const auto view = store.catalogue().view();
    const ItemInfo* info = view->Find(ItemKey(i));
    std::string line = fmt::format("item {} {}", i, store.ItemId(ItemKey(i)));
    if (info != nullptr) {
      line += fmt::format(" hidden {} removed {} expires {} {}", info->hidden, info->removed,
                          info->expires ? ToUnixMillis(*info->expires) : -1, info->attributes);
      for (const uint32_t category : info->categories) {
        line += " " + store.catalogue().CategoryName(category);
      }
    }
    lines.push_back(line);
    EXPECT_EQ(store.FindItem(store.ItemId(ItemKey(i))), ItemKey(i));
  }
  for (uint32_t u = 0; u < store.unit_count(); ++u) {
    const auto id = store.UnitId(UnitKey(u));
    std::string line = fmt::format("unit {} {} {}", u, id.value_or("erased"),
                                   store.UnitAttributes(UnitKey(u)).value_or("unreadable"));
    if (const auto history = store.history().Get(UnitKey(u))) {
      for (const HistoryEntry& e : *history) {
        line +=
            fmt::format(" {}:{}:{}:{}", e.at.offset, e.item.value(), e.type.value(), e.of_decision);
      }
    }
    lines.push_back(line);
    if (id) {
      EXPECT_EQ(store.FindUnit(*id), UnitKey(u)) << *id;
    }
  }
  const Status scanned = store.ScanDefinitions({}, [&](const Record& record) -> Status {
    lines.push_back(fmt::format("definition {} {} {} {}", record.at.offset, record.definition.kind,
                                record.definition.name, record.definition.json));
    return {};
  });
  EXPECT_TRUE(scanned.ok()) << scanned.ToString();
  for (const std::string& name : store.types().names()) {
    lines.push_back("type " + name + " " + store.types().Get(name));
  }
  return lines;
}

}  // namespace hoego::events
