#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "events/catalogue.h"
#include "events/history.h"
#include "events/types.h"
#include "serving/internal/scratch.h"
#include "serving/item_map.h"

namespace hoego::serving::internal {

// Which items one answer may hold, in the log's keys.
struct ItemRules {
  std::shared_ptr<const std::vector<events::HistoryEntry>> seen;  // null: seen items are allowed
  std::vector<events::ItemKey> exclude;
  std::vector<events::ItemKey> shown;                      // on earlier pages
  std::optional<std::vector<events::ItemKey>> candidates;  // absent: every item
  // Each set asks for one category of its own; a set with none that the catalogue knows lets
  // nothing through.
  std::vector<std::vector<uint32_t>> categories;
  std::shared_ptr<const events::CatalogueView> catalogue;
  Time now;
};

// The rules in the numbers of one model: marks for what the lists say, the catalogue only for items
// that are asked about. Pre: rules, map and scratch outlive it; one filter a scratch at a time.
// Cost: the lists once; then one array read an item, and the catalogue for those that pass.
class ItemFilter {
 public:
  // map null: the model counts as the log does.   items: of the model
  ItemFilter(const ItemRules& rules, const ItemMap* map, uint32_t items, Scratch& scratch)
      : rules_(rules), map_(map), items_(items), scratch_(scratch) {
    if (scratch.marks.size() < items) {
      scratch.marks.resize(items);
    }
    if (rules.candidates.has_value()) {
      for (const events::ItemKey key : *rules.candidates) {
        allowed_ += Mark(key, kAllowed) ? 1u : 0u;
      }
    }
    if (rules.seen != nullptr) {
      for (const events::HistoryEntry& event : *rules.seen) {
        Block(event.item);
      }
    }
    for (const events::ItemKey key : rules.exclude) {
      Block(key);
    }
    for (const events::ItemKey key : rules.shown) {
      Block(key);
    }
  }
  ~ItemFilter() {
    for (const uint32_t index : scratch_.marked) {
      scratch_.marks[index] = 0;
    }
    scratch_.marked.clear();
  }
  ItemFilter(const ItemFilter&) = delete;
  ItemFilter& operator=(const ItemFilter&) = delete;

  bool operator()(uint32_t index) const {
    if (scratch_.marks[index] != (rules_.candidates.has_value() ? kAllowed : 0)) {
      return false;
    }
    const events::ItemKey item = KeyOf(index);
    if (item == events::kNoItem) {
      return false;  // the log does not know it, so no decision could name it
    }
    return rules_.catalogue->Visible(item, rules_.now) && InCategories(item);
  }

  events::ItemKey KeyOf(uint32_t index) const {
    return map_ == nullptr ? events::ItemKey(index) : map_->key(index);
  }

  // Items that the lists leave; what the catalogue hides is not counted off, since that would cost
  // a look at every item.
  uint32_t candidates() const {
    return rules_.candidates.has_value() ? allowed_ - blocked_allowed_ : items_ - blocked_;
  }

 private:
  static constexpr uint8_t kAllowed = 1;
  static constexpr uint8_t kBlocked = 2;

  // True when the mark is new.
  bool Mark(events::ItemKey key, uint8_t mark) {
    const uint32_t index = map_ == nullptr ? key.value() : map_->index(key);
    if (index >= items_ || (scratch_.marks[index] & mark) != 0) {
      return false;
    }
    if (scratch_.marks[index] == 0) {
      scratch_.marked.push_back(index);
    }
    scratch_.marks[index] = static_cast<uint8_t>(scratch_.marks[index] | mark);
    if (mark == kBlocked) {
      blocked_allowed_ += (scratch_.marks[index] & kAllowed) != 0 ? 1u : 0u;
    }
    return true;
  }
  void Block(events::ItemKey key) { blocked_ += Mark(key, kBlocked) ? 1u : 0u; }

  bool InCategories(events::ItemKey item) const {
    if (rules_.categories.empty()) {
      return true;
    }
    const events::ItemInfo* info = rules_.catalogue->Find(item);
    if (info == nullptr) {
      return false;
    }
    const auto has_one_of = [info](const std::vector<uint32_t>& wanted) {
      return std::find_first_of(info->categories.begin(), info->categories.end(), wanted.begin(),
                                wanted.end()) != info->categories.end();
    };
    return std::all_of(rules_.categories.begin(), rules_.categories.end(), has_one_of);
  }

  const ItemRules& rules_;
  const ItemMap* const map_;
  const uint32_t items_;
  Scratch& scratch_;
  uint32_t allowed_ = 0;
  uint32_t blocked_ = 0;
  uint32_t blocked_allowed_ = 0;
};

}  // namespace hoego::serving::internal
