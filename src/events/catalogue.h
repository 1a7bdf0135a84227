#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "events/types.h"

namespace hoego::events {

// What the catalogue says of one item. An item that was only met in events has no entry: it is
// visible, in no category.
struct ItemInfo {
  std::vector<uint32_t> categories;  // ids of Catalogue::CategoryId
  bool hidden = false;
  bool removed = false;
  std::optional<Time> expires;
  std::string attributes;  // JSON object text, "{}" when none
};

// All items at one moment; immutable. A look-up is two array reads.
class CatalogueView {
 public:
  virtual ~CatalogueView() = default;
  virtual const ItemInfo* Find(ItemKey item) const = 0;  // null: no entry
  bool Visible(ItemKey item, Time now) const {
    const ItemInfo* info = Find(item);
    return info == nullptr ||
           (!info->hidden && !info->removed && (!info->expires || *info->expires > now));
  }
};

// The items as the log last said. Changing one item copies one small chunk, not the table.
// Threads: every method from any thread.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  virtual std::shared_ptr<const CatalogueView> view() const = 0;
  virtual std::optional<uint32_t> CategoryId(std::string_view name) const = 0;
  virtual std::string CategoryName(uint32_t id) const = 0;
  virtual uint64_t entries() const = 0;
};

}  // namespace hoego::events
