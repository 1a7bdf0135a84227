#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "events/store.h"
#include "events/types.h"
#include "serving/published.h"

namespace hoego::serving {

inline constexpr uint32_t kNoIndex = UINT32_MAX;

// A model counts its items from 0, and so does the log: which is which, both ways. Immutable; a
// look-up is an array read.
class ItemMap {
 public:
  ItemMap(std::vector<events::ItemKey> keys, uint32_t key_space);

  // kNoItem: the log never met this item of the model.   Pre: index < size().
  events::ItemKey key(uint32_t index) const { return keys_[index]; }
  // kNoIndex: the model does not know this item.
  uint32_t index(events::ItemKey key) const {
    return key.value() < indexes_.size() ? indexes_[key.value()] : kNoIndex;
  }
  uint32_t size() const { return static_cast<uint32_t>(keys_.size()); }
  uint64_t resident_bytes() const { return 4 * (keys_.size() + indexes_.size()); }

  // The same map with one more pair known.
  void Learn(uint32_t index, events::ItemKey key);

 private:
  std::vector<events::ItemKey> keys_;  // by index
  std::vector<uint32_t> indexes_;      // by key
};

// The map of a loaded model while the log goes on meeting items. Items that only the log knows need
// no entry; an item that only the model knew (it was made elsewhere) is found on the first Get
// after the log met it.
//
// Threads: every method from any thread. Cost of Get: one lock and one count; when the model has
// items the log does not know, one look-up for each item that is new in the log, once; a copy of
// the map when one matches.
class LiveItemMap {
 public:
  // Pre: both outlive this.
  LiveItemMap(const std::vector<std::string>& items, const events::EventStore& store);

  std::shared_ptr<const ItemMap> Get() const;
  uint32_t missing() const { return missing_count_.load(std::memory_order_relaxed); }

 private:
  void CatchUp() const EXCLUDES(mu_);

  const events::EventStore& store_;
  mutable Published<ItemMap> map_;
  mutable std::atomic<uint32_t> checked_{0};  // keys below it were looked at
  mutable std::atomic<uint32_t> missing_count_{0};
  mutable Mutex mu_;
  mutable std::unordered_map<std::string_view, uint32_t> missing_ GUARDED_BY(mu_);  // id → index
};

}  // namespace hoego::serving
