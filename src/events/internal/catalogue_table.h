#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "events/catalogue.h"
#include "events/internal/bodies.h"
#include "events/internal/string_table.h"

namespace hoego::events {

// Catalogue as chunks of 256 items that readers share: a change copies the chunk it falls into,
// once a commit. Threads: Change and Publish from one thread at a time, the rest from any.
class CatalogueTable final : public Catalogue {
 public:
  explicit CatalogueTable(uint64_t seed);
  ~CatalogueTable() override;

  // Takes the change over for the next Publish.
  void Change(const ItemChangeBody& change);
  // Readers see what was changed since the last call.
  void Publish();

  std::shared_ptr<const CatalogueView> view() const override;
  std::optional<uint32_t> CategoryId(std::string_view name) const override {
    return categories_.Find(name);
  }
  std::string CategoryName(uint32_t id) const override { return categories_.At(id); }
  uint64_t entries() const override;

 private:
  struct Chunk;
  class View;
  StringTable categories_;
  std::vector<std::pair<uint32_t, std::shared_ptr<const ItemInfo>>>
      changes_;  // the committing thread's
  mutable Mutex mu_;
  std::shared_ptr<const View> now_ GUARDED_BY(mu_);
};

}  // namespace hoego::events
