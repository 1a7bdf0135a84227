#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "events/types.h"

namespace hoego::events {

// One event of a unit that named an item.
struct HistoryEntry {
  Time time;
  Cut at;
  ItemKey item;
  TypeKey type;
  float value = 0;           // NaN when the event had none
  bool of_decision = false;  // it named the decision it follows
};

// What each unit did, oldest first in log order, as of the last acknowledged append: an event whose
// append was answered is in the next Get. Held for recently met units in a bounded cache, found
// again by walking the unit's chain of records. Threads: any. Cost: a cached unit is one lock and
// one count; another reads its own events once.
class UnitHistory {
 public:
  virtual ~UnitHistory() = default;
  // Null when the unit has no events with items.
  virtual std::shared_ptr<const std::vector<HistoryEntry>> Get(UnitKey unit) const = 0;
};

}  // namespace hoego::events
