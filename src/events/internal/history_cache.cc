#include "events/internal/history_cache.h"

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "events/internal/bodies.h"

namespace hoego::events {
namespace {

float ToFloat(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMost, kMost));
}

HistoryEntry EntryOf(const RawRecord& raw, const EventBody& event) {
  HistoryEntry entry;
  entry.time = FromUnixMillis(raw.time);
  entry.at = Cut{raw.at};
  entry.item = ItemKey(event.item);
  entry.type = TypeKey(event.type);
  entry.value = event.value ? ToFloat(*event.value) : std::numeric_limits<float>::quiet_NaN();
  entry.of_decision = event.decision.has_value();
  return entry;
}

}  // namespace

// A unit's list and how far it goes. `readers` counts the leases that point into it; new ones are
// made under the shard's lock alone, so a list without readers may be changed there.
struct HistoryCache::Held {
  List list;
  uint64_t head = 0;  // the newest record in the list
  std::atomic<int> readers{0};
  uint64_t bytes() const { return sizeof(Held) + list.capacity() * sizeof(HistoryEntry) + 128; }
};

struct HistoryCache::Lease {
  explicit Lease(std::shared_ptr<Held> h) : held(std::move(h)) {
    held->readers.fetch_add(1, std::memory_order_relaxed);
  }
  ~Lease() { held->readers.fetch_sub(1, std::memory_order_release); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  std::shared_ptr<Held> held;
};

HistoryCache::HistoryCache(const SegmentSet& segments, const HeadTable& heads, uint64_t most_bytes,
                           Metrics& metrics)
    : segments_(segments),
      heads_(heads),
      most_bytes_a_shard_(most_bytes / kShards),
      hits_(metrics.counter("hoego_unit_history_reads_total", "Histories asked for.",
                            {{"cached", "yes"}})),
      misses_(metrics.counter("hoego_unit_history_reads_total", "Histories asked for.",
                              {{"cached", "no"}})) {}

HistoryCache::~HistoryCache() = default;

bool HistoryCache::Walk(uint64_t head, uint64_t until, List& newest_first) const {
  std::string buffer;
  RawRecord raw;
  while (head > until && head >= segments_.begin()) {
    const Status read = ReadRecordAt(segments_, head, buffer, raw);
    if (read.code() == Code::kNotFound) {
      return true;  // retention overtook us
    }
    ByteReader reader(raw.body);
    const EventBody event =
        read.ok() && raw.known_kind() == RecordKind::kEvent ? TakeEventBody(reader) : EventBody{};
    if (!event.ok) {
      Log(LogLevel::kError, "events", "a unit's history ends early: its record cannot be read",
          {{"position", head}, {"why", read.message()}});
      return false;
    }
    newest_first.push_back(EntryOf(raw, event));
    head = raw.prev < head ? raw.prev : 0;  // a chain only ever goes back
  }
  return true;
}

HistoryCache::Extension HistoryCache::Extended(const std::shared_ptr<Held>& old,
                                               uint64_t head) const {
  List newest_first;
  Extension extension;
  extension.whole = Walk(head, old == nullptr ? 0 : old->head, newest_first);
  std::shared_ptr<Held>& held = extension.held;
  held = old;
  if (held == nullptr || held->readers.load(std::memory_order_acquire) > 0) {
    held = std::make_shared<Held>();
    if (old != nullptr) {
      held->list.reserve(old->list.size() + old->list.size() / 2 + newest_first.size());
      held->list = old->list;
    }
  }
  held->list.insert(held->list.end(), newest_first.rbegin(), newest_first.rend());
  held->head = head;
  return extension;
}

std::shared_ptr<const std::vector<HistoryEntry>> HistoryCache::Get(UnitKey unit) const {
  Shard& shard = ShardOf(unit);
  std::shared_ptr<Lease> lease;
  {
    MutexLock lock(shard.mu);
    const uint64_t head = heads_.Get(unit.value());
    if (head == 0) {
      return nullptr;
    }
    const auto place = shard.places.find(unit.value());
    std::shared_ptr<Held> held = place == shard.places.end() ? nullptr : place->second->second;
    if (held != nullptr && held->head == head) {
      hits_.Add();
      shard.order.splice(shard.order.begin(), shard.order, place->second);
      lease = std::make_shared<Lease>(std::move(held));
    } else {
      misses_.Add();
      Forget(shard, unit.value());
      Extension extension = Extended(held, head);
      if (extension.whole) {
        shard.order.emplace_front(unit.value(), extension.held);
        shard.places[unit.value()] = shard.order.begin();
        shard.bytes += extension.held->bytes();
      }
      lease = std::make_shared<Lease>(std::move(extension.held));
      Shrink(shard);
    }
  }
  if (lease->held->list.empty()) {
    return nullptr;
  }
  const List* const list = &lease->held->list;
  return {std::move(lease), list};
}

void HistoryCache::Forget(Shard& shard, uint32_t unit) const {
  const auto place = shard.places.find(unit);
  if (place != shard.places.end()) {
    shard.bytes -= place->second->second->bytes();
    shard.order.erase(place->second);
    shard.places.erase(place);
  }
}

void HistoryCache::Shrink(Shard& shard) const {
  while (shard.bytes > most_bytes_a_shard_ && shard.order.size() > 1) {
    shard.bytes -= shard.order.back().second->bytes();
    shard.places.erase(shard.order.back().first);
    shard.order.pop_back();
  }
}

void HistoryCache::Drop(UnitKey unit) {
  Shard& shard = ShardOf(unit);
  MutexLock lock(shard.mu);
  Forget(shard, unit.value());
}

void HistoryCache::DropAll() {
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    shard.order.clear();
    shard.places.clear();
    shard.bytes = 0;
  }
}

}  // namespace hoego::events
