#include "events/store.h"

#include "events/internal/segment_store.h"

namespace hoego::events {
namespace {

Status OutOfRange(std::string_view field, uint64_t value, std::string_view range) {
  return Status::InvalidArgument(fmt::format("{} = {}: expected {}", field, value, range));
}

}  // namespace

Status StoreOptions::Validate() const {
  if (folder.empty()) {
    return Status::InvalidArgument("folder: must not be empty");
  }
  if (segment_bytes < (1u << 20) || segment_bytes > (1u << 30)) {
    return OutOfRange("segment_bytes", segment_bytes, "1 MiB to 1 GiB");
  }
  if (retain_bytes != 0 && retain_bytes < segment_bytes) {
    return OutOfRange("retain_bytes", retain_bytes, "0 or at least segment_bytes");
  }
  if (dedup_ids > 1'000'000'000) {
    return OutOfRange("dedup_ids", dedup_ids, "at most 10^9");
  }
  if (max_pending_bytes < (1u << 20) || max_pending_bytes > (1u << 30)) {
    return OutOfRange("max_pending_bytes", max_pending_bytes, "1 MiB to 1 GiB");
  }
  if (history_cache_bytes > (uint64_t{1} << 40)) {
    return OutOfRange("history_cache_bytes", history_cache_bytes, "at most 1 TiB");
  }
  if (retain_age.count() < 0 || dedup_age.count() < 0) {
    return Status::InvalidArgument("retain_age, dedup_age: must not be negative");
  }
  return {};
}

Result<std::unique_ptr<EventStore>> EventStore::Open(StoreOptions options, Disk& disk,
                                                     const Clock& clock, Metrics& metrics) {
  HOEGO_TRY(options.Validate());
  HOEGO_TRY_ASSIGN(std::unique_ptr<SegmentStore> store,
                   SegmentStore::Open(std::move(options), disk, clock, metrics));
  return std::unique_ptr<EventStore>(std::move(store));
}

}  // namespace hoego::events
