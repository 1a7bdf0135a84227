#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "events/internal/catalogue_table.h"
#include "events/internal/event_type_table.h"
#include "events/internal/head_table.h"
#include "events/internal/layout.h"
#include "events/internal/string_table.h"
#include "events/internal/unit_keys.h"

namespace hoego::events {

// Positions in log order. Threads: any.
class PositionList {
 public:
  void Add(uint64_t position);
  std::vector<uint64_t> From(uint64_t position) const;
  size_t size() const;

 private:
  mutable Mutex mu_;
  std::vector<uint64_t> positions_ GUARDED_BY(mu_);
};

// Where each unit's newest attributes lie. Threads: any.
class AttributeIndex {
 public:
  void Set(uint32_t unit, uint64_t position);
  void Drop(uint32_t unit);
  uint64_t Get(uint32_t unit) const;  // 0: none

 private:
  mutable Mutex mu_;
  std::unordered_map<uint32_t, uint64_t> positions_ GUARDED_BY(mu_);
};

// Every 256 KiB of the log: when the record at that place was received. Threads: any.
class TimeIndex {
 public:
  static constexpr uint64_t kStepBytes = 256u << 10;
  struct Entry {
    int64_t received = 0;
    uint64_t position = 0;
  };
  void Note(int64_t received, uint64_t position);
  void DropBefore(uint64_t position);
  // The place of the last noted record received before t: what is sought lies behind it. 0: none
  // was.
  uint64_t LastBefore(int64_t received) const;
  std::vector<Entry> Between(uint64_t from, uint64_t to) const;

 private:
  mutable Mutex mu_;
  std::vector<Entry> entries_ GUARDED_BY(mu_);
};

// What is known from the durable records alone: everything here may be thrown away and folded anew
// from the log. Threads: Apply, Restore and Publish from one thread at a time (opening, then
// committing); reads from any.
struct LogState {
  LogState(std::unique_ptr<UnitKeys> keys, Metrics& metrics);

  // Opening: a record of the log, in log order. Dictionary records must name the next free key.
  Status Restore(const RawRecord& record);
  // Opening: a declared event type, whose place in `definitions` is added by the caller.
  Status RestoreEventType(const RawRecord& record);
  // Live: the sequencer has given the keys already. Readers see it with the next Publish.
  void Apply(const RawRecord& record);
  // Returns the failure to write behind what the log holds safely; readers see everything applied
  // even then.
  Status Publish();

  std::unique_ptr<UnitKeys> units;
  StringTable items;
  StringTable types;
  HeadTable heads;
  CatalogueTable catalogue;
  EventTypeTable event_types;
  PositionList definitions;
  AttributeIndex attributes;
  TimeIndex times;

 private:
  std::vector<uint64_t> new_units_;  // positions of their kUnitKey records
  uint32_t items_end_ = 0;
  uint32_t types_end_ = 0;
};

}  // namespace hoego::events
