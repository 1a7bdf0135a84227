#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "events/internal/history_cache.h"
#include "events/internal/keeper.h"
#include "events/internal/log_state.h"
#include "events/internal/segment_log.h"
#include "events/internal/segments.h"
#include "events/store.h"

namespace hoego::events {

// EventStore on segments: the log, what is folded from it, and the housekeeping behind it.
class SegmentStore final : public EventStore {
 public:
  // As EventStore::Open, without its lower bound on segment_bytes.
  static Result<std::unique_ptr<SegmentStore>> Open(StoreOptions options, Disk& disk,
                                                    const Clock& clock, Metrics& metrics);
  ~SegmentStore() override;

  EventLog& log() override { return *log_; }
  Catalogue& catalogue() override { return state_->catalogue; }
  UnitHistory& history() override { return *history_; }
  EventTypes& types() override { return state_->event_types; }

  std::optional<UnitKey> FindUnit(std::string_view unit) const override;
  std::optional<std::string> UnitId(UnitKey key) const override;
  std::optional<ItemKey> FindItem(std::string_view item) const override;
  std::string ItemId(ItemKey key) const override;
  std::string TypeName(TypeKey key) const override;
  std::optional<TypeKey> FindType(std::string_view name) const override;
  uint32_t unit_count() const override;
  uint32_t item_count() const override;

  Result<OpenedEvent> Open(const Record& record) const override;
  std::shared_ptr<const Record> FindDecision(const Uuid& id) const override;
  Status ScanDefinitions(Cut from,
                         const std::function<Status(const Record&)>& visit) const override;
  Result<std::string> UnitAttributes(UnitKey key) const override;

  Status Forget(std::string_view unit) override;
  Result<std::vector<std::string>> Doctor() override;
  Result<uint64_t> Retain() override;

 private:
  SegmentStore(StoreOptions options, Disk& disk, const Clock& clock, Metrics& metrics);
  Status Start();
  void NoteUnreadable(uint32_t unit) const;
  Status ReadAnywhere(uint64_t position, std::string& buffer, RawRecord& out) const;

  const StoreOptions options_;
  Disk& disk_;
  const Clock& clock_;
  Metrics& metrics_;
  Counter& unreadable_;
  mutable Mutex unreadable_mu_;
  mutable std::set<uint32_t> unreadable_units_ GUARDED_BY(unreadable_mu_);  // were logged
  SegmentSet segments_;
  std::unique_ptr<LogState> state_;
  std::unique_ptr<HistoryCache> history_;
  std::unique_ptr<SegmentLog> log_;
  std::unique_ptr<Keeper> keeper_;
};

}  // namespace hoego::events
