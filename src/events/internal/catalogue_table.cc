#include "events/internal/catalogue_table.h"

#include <array>

namespace hoego::events {
namespace {
constexpr uint32_t kChunkItems = 256;
}  // namespace

struct CatalogueTable::Chunk {
  std::array<std::shared_ptr<const ItemInfo>, kChunkItems> items;
};

class CatalogueTable::View final : public CatalogueView {
 public:
  const ItemInfo* Find(ItemKey item) const override {
    const size_t chunk = item.value() / kChunkItems;
    return chunk < chunks.size() && chunks[chunk] != nullptr
               ? chunks[chunk]->items[item.value() % kChunkItems].get()
               : nullptr;
  }
  std::vector<std::shared_ptr<Chunk>> chunks;
  uint64_t entries = 0;  // that are not removed
};

CatalogueTable::CatalogueTable(uint64_t seed) : categories_(seed), now_(std::make_shared<View>()) {}
CatalogueTable::~CatalogueTable() = default;

void CatalogueTable::Change(const ItemChangeBody& change) {
  auto info = std::make_shared<ItemInfo>();
  info->removed = change.removed;
  info->hidden = change.hidden;
  info->expires = change.expires;
  info->attributes = change.attributes.empty() ? "{}" : std::string(change.attributes);
  info->categories.reserve(change.categories.size());
  for (const std::string_view name : change.categories) {
    const auto known = categories_.FindAssigned(name);
    info->categories.push_back(known ? *known : categories_.Assign(name));
  }
  changes_.emplace_back(change.item, std::move(info));
}

void CatalogueTable::Publish() {
  if (changes_.empty()) {
    return;
  }
  categories_.Publish(categories_.assigned());
  std::shared_ptr<View> next;
  {
    MutexLock lock(mu_);
    next = std::make_shared<View>(*now_);
  }
  std::vector<bool> copied(next->chunks.size());
  for (auto& [item, info] : changes_) {
    const size_t at = item / kChunkItems;
    if (at >= next->chunks.size()) {
      next->chunks.resize(at + 1);
      copied.resize(at + 1);
    }
    std::shared_ptr<Chunk>& chunk = next->chunks[at];
    if (!copied[at]) {
      chunk = chunk == nullptr ? std::make_shared<Chunk>() : std::make_shared<Chunk>(*chunk);
      copied[at] = true;
    }
    std::shared_ptr<const ItemInfo>& entry = chunk->items[item % kChunkItems];
    next->entries -= entry != nullptr && !entry->removed ? 1 : 0;
    next->entries += info->removed ? 0 : 1;
    entry = std::move(info);
  }
  changes_.clear();
  std::shared_ptr<const View> old = std::move(next);
  MutexLock lock(mu_);
  now_.swap(old);  // the old view dies after the lock
}

std::shared_ptr<const CatalogueView> CatalogueTable::view() const {
  MutexLock lock(mu_);
  return now_;
}

uint64_t CatalogueTable::entries() const {
  MutexLock lock(mu_);
  return now_->entries;
}

}  // namespace hoego::events
