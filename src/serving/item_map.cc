#include "serving/item_map.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hoego::serving {

ItemMap::ItemMap(std::vector<events::ItemKey> keys, uint32_t key_space) : keys_(std::move(keys)) {
  indexes_.assign(key_space, kNoIndex);
  for (uint32_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] != events::kNoItem) {
      Learn(i, keys_[i]);
    }
  }
}

void ItemMap::Learn(uint32_t index, events::ItemKey key) {
  HOEGO_CHECK(index < keys_.size());
  keys_[index] = key;
  if (key.value() >= indexes_.size()) {
    indexes_.resize(size_t{key.value()} + 1, kNoIndex);
  }
  indexes_[key.value()] = index;
}

namespace {

std::shared_ptr<const ItemMap> FirstMap(const std::vector<std::string>& items,
                                        const events::EventStore& store) {
  std::vector<events::ItemKey> keys;
  keys.reserve(items.size());
  uint32_t space = 0;
  for (const std::string& item : items) {
    const auto key = store.FindItem(item);
    keys.push_back(key.value_or(events::kNoItem));
    if (key.has_value()) {
      space = std::max(space, key->value() + 1);
    }
  }
  return std::make_shared<const ItemMap>(std::move(keys), space);
}

}  // namespace

LiveItemMap::LiveItemMap(const std::vector<std::string>& items, const events::EventStore& store)
    : store_(store), map_(nullptr) {
  // Keys that appear while the map is built may be missed by it: they are looked at again by the
  // first Get.
  const uint32_t known = store.item_count();
  auto map = FirstMap(items, store);
  {
    MutexLock lock(mu_);
    for (uint32_t i = 0; i < map->size(); ++i) {
      if (map->key(i) == events::kNoItem) {
        missing_.emplace(items[i], i);
      }
    }
    missing_count_ = static_cast<uint32_t>(missing_.size());
  }
  checked_ = known;
  map_.Publish(std::move(map));
}

std::shared_ptr<const ItemMap> LiveItemMap::Get() const {
  if (missing() != 0 && checked_.load(std::memory_order_acquire) < store_.item_count()) {
    CatchUp();
  }
  return map_.get();
}

void LiveItemMap::CatchUp() const {
  MutexLock lock(mu_);
  const uint32_t until = store_.item_count();
  std::shared_ptr<ItemMap> next;
  for (uint32_t k = checked_.load(std::memory_order_relaxed); k < until; ++k) {
    const events::ItemKey key(k);
    const auto found = missing_.find(store_.ItemId(key));
    if (found == missing_.end()) {
      continue;
    }
    if (next == nullptr) {
      next = std::make_shared<ItemMap>(*map_.get());
    }
    next->Learn(found->second, key);
    missing_.erase(found);
  }
  if (next != nullptr) {
    map_.Publish(std::move(next));
    missing_count_ = static_cast<uint32_t>(missing_.size());
  }
  // Last, so that who sees the new mark also sees the map that goes with it.
  checked_.store(until, std::memory_order_release);
}

}  // namespace hoego::serving
