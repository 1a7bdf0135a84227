#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/metrics.h"
#include "events/catalogue.h"
#include "events/event_log.h"
#include "events/event_types.h"
#include "events/history.h"

namespace hoego::events {

struct StoreOptions {
  std::string folder;  // DIR/log
  uint64_t segment_bytes =
      64u << 20;  // 1 MiB..1 GiB; larger: fewer files, longer restart (the tail is scanned)
  uint64_t retain_bytes = 0;         // oldest sealed segments beyond it are removed; 0: keep all
  std::chrono::hours retain_age{0};  // 0: keep all
  uint64_t dedup_ids = 10'000'000;   // the window: this many ids or dedup_age, whichever is shorter
  std::chrono::hours dedup_age{24};
  uint64_t history_cache_bytes = 64u << 20;
  uint64_t max_pending_bytes =
      64u << 20;  // written but not yet durable; beyond it Append answers ResourceExhausted
  Status Validate() const;
};

// The embedded event log with everything that is read from it in passing: dictionaries, per-unit
// history, catalogue, declared event types. One folder, one process. Life: opened by app/, closed
// after every reader. Threads: every method from any thread.
class EventStore {
 public:
  static Result<std::unique_ptr<EventStore>> Open(StoreOptions options, Disk& disk,
                                                  const Clock& clock, Metrics& metrics);
  virtual ~EventStore() = default;

  virtual EventLog& log() = 0;
  virtual Catalogue& catalogue() = 0;
  virtual UnitHistory& history() = 0;
  virtual EventTypes& types() = 0;

  virtual std::optional<UnitKey> FindUnit(std::string_view unit) const = 0;
  // The id behind a key; nothing when it was forgotten.
  virtual std::optional<std::string> UnitId(UnitKey key) const = 0;
  virtual std::optional<ItemKey> FindItem(std::string_view item) const = 0;
  virtual std::string ItemId(ItemKey key) const = 0;  // Pre: a key this log gave
  virtual std::string TypeName(TypeKey key) const = 0;
  virtual std::optional<TypeKey> FindType(std::string_view name) const = 0;
  virtual uint32_t unit_count() const = 0;
  virtual uint32_t item_count() const = 0;

  // The sealed parts of an event or unit change. Erased also when the unit's key is damaged, which
  // is counted and logged: one such unit ends no reading of the others.
  virtual Result<OpenedEvent> Open(const Record& record) const = 0;
  // The decision with this id, if it lies in the window of ids; its Record's views live in the
  // returned object.
  virtual std::shared_ptr<const Record> FindDecision(const Uuid& id) const = 0;
  // Visits definitions from `from` on in log order without reading what lies between them.
  virtual Status ScanDefinitions(Cut from,
                                 const std::function<Status(const Record&)>& visit) const = 0;
  virtual Result<std::string> UnitAttributes(UnitKey key) const = 0;  // "{}" when none

  // Destroys the unit's key: its id and properties can never be read again. Durable when it
  // returns.
  virtual Status Forget(std::string_view unit) = 0;
  // Checks every segment's checksums and every derived file against the log; findings are returned
  // as text lines.
  virtual Result<std::vector<std::string>> Doctor() = 0;
  // Applies retention now; returns bytes freed. Also runs after each sealed segment.
  virtual Result<uint64_t> Retain() = 0;
};

}  // namespace hoego::events
