#include "events/internal/draft.h"

#include "base/uuid.h"
#include "events/internal/bodies.h"
#include "events/limits.h"

namespace hoego::events {
std::string_view UnitOf(const NewRecord& record) {
  return std::visit(
      [](const auto& r) -> std::string_view {
        if constexpr (requires { r.unit; }) {
          return r.unit;
        } else {
          return {};
        }
      },
      record);
}

std::string_view ItemOf(const NewRecord& record) {
  if (const auto* event = std::get_if<NewEvent>(&record)) {
    return event->item;
  }
  const auto* change = std::get_if<ItemChange>(&record);
  return change == nullptr ? std::string_view() : change->item;
}

std::string_view TypeOf(const NewRecord& record) {
  const auto* event = std::get_if<NewEvent>(&record);
  return event == nullptr ? std::string_view() : event->type;
}

Status Draft::Prepare(std::span<const NewRecord> batch, const LogState& state, NonceSource& nonces,
                      Time now, uint64_t most_bytes) {
  generation_ = state.units->generation();
  lines_.clear();
  lines_.resize(batch.size());
  unit_hashes_.clear();
  bytes_.clear();
  made_used_ = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Status checked = CheckAndHash(batch[i], state, lines_[i], now);
    if (!checked.ok()) {
      return checked.Within(fmt::format("record {}", i));
    }
  }
  FindUnits(batch, state);
  FindItems(batch, state);
  return EncodeKnown(batch, state, nonces, most_bytes);
}

Status Draft::CheckAndHash(const NewRecord& record, const LogState& state, Line& line, Time now) {
  HOEGO_TRY(CheckRecord(record));
  LookAt(record, line, now);
  if (const std::string_view unit = UnitOf(record); !unit.empty()) {
    unit_hashes_.push_back(state.units->HashUnit(unit));
  }
  if (line.chained || std::holds_alternative<NewEvent>(record)) {
    line.id = state.units->HashEventId(line.event_id);
  } else if (const auto* decision = std::get_if<NewDecision>(&record)) {
    line.id = state.units->HashDecisionId(decision->id);
    for (const ChosenItem& chosen : decision->items) {
      if (chosen.item.value() >= state.items.published()) {
        return Status::InvalidArgument(
            fmt::format("field \"items\": no item has key {}", chosen.item.value()));
      }
    }
  }
  return {};
}

void Draft::LookAt(const NewRecord& record, Line& line, Time now) {
  if (const auto* event = std::get_if<NewEvent>(&record)) {
    line.has_id = true;
    line.chained = !event->item.empty();
    line.takes_received = !event->time;
    line.event_id = event->id;
    if (event->id.empty()) {
      if (made_used_ == made_ids_.size()) {
        made_ids_.push_back(std::make_unique<std::string>());
      }
      std::string& made = *made_ids_[made_used_++];
      made = NewUuid(now).ToString();
      line.event_id = made;
    }
    return;
  }
  line.has_id = std::holds_alternative<NewDecision>(record);
  line.takes_received = !line.has_id && !std::holds_alternative<NewExposure>(record);
}

void Draft::FindUnits(std::span<const NewRecord> batch, const LogState& state) {
  found_.assign(unit_hashes_.size(), {});
  state.units->FindMany(unit_hashes_, found_);
  size_t next = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!UnitOf(batch[i]).empty()) {
      lines_[i].unit_hash = unit_hashes_[next];
      lines_[i].unit = found_[next++];
    }
  }
}

void Draft::FindItems(std::span<const NewRecord> batch, const LogState& state) {
  item_names_.clear();
  for (const NewRecord& record : batch) {
    if (const std::string_view item = ItemOf(record); !item.empty()) {
      item_names_.push_back(item);
    }
  }
  item_keys_.resize(item_names_.size());
  state.items.FindManyAssigned(item_names_, item_keys_);
}

Status Draft::EncodeKnown(std::span<const NewRecord> batch, const LogState& state,
                          NonceSource& nonces, uint64_t most_bytes) {
  uint64_t nonce = nonces.Take(batch.size());
  open_lines_ = 0;
  type_name_.clear();
  type_key_.reset();
  size_t next_item = 0;
  for (size_t i = 0; i < batch.size(); ++i, ++nonce) {
    Line& line = lines_[i];
    RecordKeys keys;
    bool known = UnitOf(batch[i]).empty() || line.unit.unit != nullptr;
    if (const std::string_view type = TypeOf(batch[i]); !type.empty()) {
      if (type != type_name_) {
        type_name_ = type;
        type_key_ = state.types.FindAssigned(type);
      }
      known = known && type_key_.has_value();
      keys.type = static_cast<uint16_t>(type_key_.value_or(0));
    }
    if (!ItemOf(batch[i]).empty()) {
      keys.item = item_keys_[next_item++];
      known = known && keys.item != UINT32_MAX;
    }
    if (!known) {
      ++open_lines_;
      continue;
    }
    keys.unit = line.unit.key;
    keys.secret = &line.unit.secret;
    keys.id = line.id;
    keys.nonce = nonces.At(nonce);
    line.begin = static_cast<uint32_t>(bytes_.size());
    EncodeRecord(bytes_, batch[i], line.event_id, keys, scratch_);
    line.length = static_cast<uint32_t>(bytes_.size() - line.begin);
    if (bytes_.size() > most_bytes) {
      return Status::InvalidArgument(
          fmt::format("batch: more than {} bytes as stored; send it in smaller parts", most_bytes));
    }
  }
  return {};
}

void Draft::Distrust() {
  for (Line& line : lines_) {
    line.length = 0;
    line.unit = {};
  }
  open_lines_ = lines_.size();
}

std::unique_ptr<Draft> DraftPool::Take() {
  MutexLock lock(mu_);
  if (drafts_.empty()) {
    return std::make_unique<Draft>();
  }
  std::unique_ptr<Draft> draft = std::move(drafts_.back());
  drafts_.pop_back();
  return draft;
}

void DraftPool::GiveBack(std::unique_ptr<Draft> draft) {
  MutexLock lock(mu_);
  if (drafts_.size() < kMostKept && draft->bytes().capacity() <= kMostBytesKept) {
    drafts_.push_back(std::move(draft));
  }
}

}  // namespace hoego::events
