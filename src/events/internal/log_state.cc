#include "events/internal/log_state.h"

#include <algorithm>

#include "base/log.h"
#include "events/internal/bodies.h"

namespace hoego::events {

void PositionList::Add(uint64_t position) {
  MutexLock lock(mu_);
  positions_.push_back(position);
}

std::vector<uint64_t> PositionList::From(uint64_t position) const {
  MutexLock lock(mu_);
  return {std::lower_bound(positions_.begin(), positions_.end(), position), positions_.end()};
}

size_t PositionList::size() const {
  MutexLock lock(mu_);
  return positions_.size();
}

void AttributeIndex::Set(uint32_t unit, uint64_t position) {
  MutexLock lock(mu_);
  positions_[unit] = position;
}

void AttributeIndex::Drop(uint32_t unit) {
  MutexLock lock(mu_);
  positions_.erase(unit);
}

uint64_t AttributeIndex::Get(uint32_t unit) const {
  MutexLock lock(mu_);
  const auto it = positions_.find(unit);
  return it == positions_.end() ? 0 : it->second;
}

void TimeIndex::Note(int64_t received, uint64_t position) {
  MutexLock lock(mu_);
  if (entries_.empty() || position >= entries_.back().position + kStepBytes) {
    entries_.push_back({received, position});
  }
}

void TimeIndex::DropBefore(uint64_t position) {
  MutexLock lock(mu_);
  entries_.erase(entries_.begin(),
                 std::lower_bound(entries_.begin(), entries_.end(), position,
                                  [](const Entry& e, uint64_t p) { return e.position < p; }));
}

uint64_t TimeIndex::LastBefore(int64_t received) const {
  MutexLock lock(mu_);
  const auto first_not = std::lower_bound(entries_.begin(), entries_.end(), received,
                                          [](const Entry& e, int64_t t) { return e.received < t; });
  return first_not == entries_.begin() ? 0 : std::prev(first_not)->position;
}

std::vector<TimeIndex::Entry> TimeIndex::Between(uint64_t from, uint64_t to) const {
  MutexLock lock(mu_);
  std::vector<Entry> some;
  for (const Entry& e : entries_) {
    if (e.position >= from && e.position < to) {
      some.push_back(e);
    }
  }
  return some;
}

LogState::LogState(std::unique_ptr<UnitKeys> keys, Metrics& metrics)
    : units(std::move(keys)),
      items(units->table_seed()),
      types(units->table_seed() + 1),
      catalogue(units->table_seed() + 2),
      event_types(metrics) {}

Status LogState::Restore(const RawRecord& record) {
  if (record.known_kind() == RecordKind::kItemKey || record.known_kind() == RecordKind::kTypeKey) {
    StringTable& table = record.known_kind() == RecordKind::kItemKey ? items : types;
    const NamedKeyBody named = TakeNamedKey(record.kind, record.body);
    if (!named.ok || named.key != table.assigned() || table.FindAssigned(named.text)) {
      return Status::DataLoss(fmt::format("record at {}: key {} where {} was due", record.at,
                                          named.key, table.assigned()));
    }
    table.Assign(named.text);
  } else if (record.known_kind() == RecordKind::kUnitKey) {
    return units->Restore(record);
  } else if (record.known_kind() == RecordKind::kForget) {
    attributes.Drop(record.unit);
    return units->MarkForgotten(record.unit);
  }
  Apply(record);
  return {};
}

void LogState::Apply(const RawRecord& record) {
  switch (record.known_kind()) {
    case RecordKind::kEvent:
      if ((record.flags & kFlagChained) != 0 && record.unit < HeadTable::kMostUnits) {
        heads.Set(record.unit, record.at);
      }
      break;
    case RecordKind::kItemChange: {
      const ItemChangeBody change = TakeItemChange(record.body);
      if (change.ok && change.item < items.assigned()) {
        catalogue.Change(change);
      }
      break;
    }
    case RecordKind::kUnitChange:
      attributes.Set(record.unit, record.at);
      break;
    case RecordKind::kDefinition:
      definitions.Add(record.at);
      static_cast<void>(RestoreEventType(record));  // what it cannot use it logs
      break;
    case RecordKind::kUnitKey:
      new_units_.push_back(record.at);
      break;
    case RecordKind::kItemKey:
      items_end_ = TakeNamedKey(record.kind, record.body).key + 1;
      break;
    case RecordKind::kTypeKey:
      types_end_ = TakeNamedKey(record.kind, record.body).key + 1;
      break;
    case RecordKind::kForget:
      attributes.Drop(record.unit);
      break;
    case RecordKind::kDecision:
    case RecordKind::kExposure:
      break;
  }
  times.Note(record.received, record.at);
}

Status LogState::RestoreEventType(const RawRecord& record) {
  Record decoded;
  if (DecodeRecord(record, decoded).ok() && decoded.definition.kind == "event_type") {
    const Status applied = event_types.Apply(decoded.definition.name, decoded.definition.json);
    if (!applied.ok()) {
      Log(LogLevel::kWarning, "events", "a stored event type is not understood and checks nothing",
          {{"type", decoded.definition.name}, {"why", applied.message()}});
    }
  }
  return {};
}

Status LogState::Publish() {
  if (items_end_ > 0) {
    items.Publish(items_end_);
    items_end_ = 0;
  }
  if (types_end_ > 0) {
    types.Publish(types_end_);
    types_end_ = 0;
  }
  catalogue.Publish();
  Status written = units->Publish(new_units_);
  new_units_.clear();
  return written;
}

}  // namespace hoego::events
