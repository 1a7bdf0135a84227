#include "events/internal/bodies.h"

#include <array>

#include "events/internal/seal.h"

namespace hoego::events {
namespace {

enum EventHas : uint8_t { kHasItem = 1, kHasValue = 2, kHasDecision = 4 };
enum ItemHas : uint8_t { kRemoved = 1, kHidden = 2, kHasExpiry = 4 };

void PutBody(std::string& out, const NewEvent& e, std::string_view id, const RecordKeys& keys,
             std::string& scratch) {
  const auto has =
      static_cast<uint8_t>((keys.item != UINT32_MAX ? kHasItem : 0) | (e.value ? kHasValue : 0) |
                           (e.decision ? kHasDecision : 0));
  PutLe(out, keys.type);
  PutLe(out, has);
  PutLe(out, uint8_t{0});
  PutLe(out, keys.item);
  PutLe(out, e.value.value_or(0));
  PutLe(out, keys.id.low);
  PutLe(out, keys.id.high);
  if (e.decision) {
    PutLe(out, e.decision->bytes);
  }
  scratch.clear();
  PutText16(scratch, id);
  scratch.append(e.properties);
  AppendSealed(out, *keys.secret, keys.nonce, RecordKind::kEvent, keys.unit, scratch);
}

void PutBody(std::string& out, const NewDecision& d) {
  PutLe(out, d.id.bytes);
  PutLe(out, static_cast<uint8_t>(d.kind));
  PutLe(out, static_cast<uint8_t>(d.fallback ? 1 : 0));
  PutLe(out, uint16_t{0});
  PutLe(out, d.latency_us);
  PutLe(out, d.route_revision);
  PutLe(out, d.arm_probability);
  PutLe(out, d.version);
  PutLe(out, d.candidates);
  PutText16(out, d.endpoint);
  PutText16(out, d.test);
  PutText16(out, d.arm);
  PutText16(out, d.model);
  PutText16(out, d.output_digest);
  PutLe(out, static_cast<uint32_t>(d.items.size()));
  for (const ChosenItem& item : d.items) {
    PutLe(out, item.item.value());
    PutLe(out, item.score);
    PutLe(out, item.propensity);
  }
}

void PutBody(std::string& out, const ItemChange& c, uint32_t item) {
  PutLe(out, item);
  PutLe(out, static_cast<uint8_t>((c.removed ? kRemoved : 0) | (c.hidden ? kHidden : 0) |
                                  (c.expires ? kHasExpiry : 0)));
  PutLe(out, uint8_t{0});
  PutLe(out, static_cast<uint16_t>(c.categories.size()));
  PutLe(out, c.expires ? ToUnixMillis(*c.expires) : int64_t{0});
  for (const std::string& category : c.categories) {
    PutText16(out, category);
  }
  PutText32(out, c.attributes);
}

struct Encoder {
  std::string& out;
  std::string_view event_id;
  const RecordKeys& keys;
  std::string& scratch;

  void operator()(const NewEvent& e) const {
    const size_t begin =
        BeginRecord(out, RecordKind::kEvent, keys.unit, e.time ? ToUnixMillis(*e.time) : 0);
    PutBody(out, e, event_id, keys, scratch);
    EndRecord(out, begin);
    if (keys.item != UINT32_MAX) {
      MarkChained(out.data() + begin);
    }
  }
  void operator()(const NewDecision& d) const {
    const size_t begin = BeginRecord(out, RecordKind::kDecision, keys.unit, ToUnixMillis(d.time));
    PutBody(out, d);
    EndRecord(out, begin);
  }
  void operator()(const NewExposure& e) const {
    const size_t begin = BeginRecord(out, RecordKind::kExposure, keys.unit, ToUnixMillis(e.time));
    PutText16(out, e.test);
    PutText16(out, e.arm);
    EndRecord(out, begin);
  }
  void operator()(const ItemChange& c) const {
    const size_t begin = BeginRecord(out, RecordKind::kItemChange, UINT32_MAX, 0);
    PutBody(out, c, keys.item);
    EndRecord(out, begin);
  }
  void operator()(const UnitChange& c) const {
    const size_t begin = BeginRecord(out, RecordKind::kUnitChange, keys.unit, 0);
    AppendSealed(out, *keys.secret, keys.nonce, RecordKind::kUnitChange, keys.unit, c.attributes);
    EndRecord(out, begin);
  }
  void operator()(const Definition& d) const {
    const size_t begin = BeginRecord(out, RecordKind::kDefinition, UINT32_MAX, 0);
    PutText16(out, d.kind);
    PutText16(out, d.name);
    PutText32(out, d.json);
    EndRecord(out, begin);
  }
};

bool DecodeDecision(std::string_view body, DecisionView& d) {
  ByteReader r(body);
  d.id.bytes = r.Take<std::array<uint8_t, 16>>();
  d.kind = static_cast<DecisionKind>(r.Take<uint8_t>());
  d.fallback = r.Take<uint8_t>() != 0;
  r.Take<uint16_t>();
  d.latency_us = r.Take<uint32_t>();
  d.route_revision = r.Take<uint64_t>();
  d.arm_probability = r.Take<double>();
  d.version = r.Take<uint32_t>();
  d.candidates = r.Take<uint32_t>();
  d.endpoint = r.TakeText16();
  d.test = r.TakeText16();
  d.arm = r.TakeText16();
  d.model = r.TakeText16();
  d.output_digest = r.TakeText16();
  const auto n = r.Take<uint32_t>();
  d.items.clear();
  if (uint64_t{n} * 12 > r.rest().size()) {
    return false;
  }
  d.items.reserve(n);
  for (uint32_t i = 0; i < n; ++i) {
    ChosenItem item;
    item.item = ItemKey(r.Take<uint32_t>());
    item.score = r.Take<float>();
    item.propensity = r.Take<float>();
    d.items.push_back(item);
  }
  return r.ok();
}

bool DecodeBody(const RawRecord& raw, Record& out) {
  ByteReader reader(raw.body);
  switch (raw.known_kind()) {
    case RecordKind::kEvent: {
      const EventBody event = TakeEventBody(reader);
      out.event = {TypeKey(event.type), ItemKey(event.item), event.value, event.decision};
      return event.ok;
    }
    case RecordKind::kDecision:
      return DecodeDecision(raw.body, out.decision);
    case RecordKind::kExposure:
      out.exposure.test = reader.TakeText16();
      out.exposure.arm = reader.TakeText16();
      return reader.ok();
    case RecordKind::kDefinition:
      out.definition.kind = reader.TakeText16();
      out.definition.name = reader.TakeText16();
      out.definition.json = reader.TakeText32();
      return reader.ok();
    case RecordKind::kItemChange:
      return TakeItemChange(raw.body).ok;
    case RecordKind::kItemKey:
    case RecordKind::kTypeKey:
      return TakeNamedKey(raw.kind, raw.body).ok;
    case RecordKind::kUnitChange:
    case RecordKind::kUnitKey:
      return !SealedPart(raw).empty();
    case RecordKind::kForget:
      return true;
  }
  return true;
}

}  // namespace

EventBody TakeEventBody(ByteReader& r) {
  EventBody e;
  e.type = r.Take<uint16_t>();
  const auto has = r.Take<uint8_t>();
  r.Take<uint8_t>();
  const auto item = r.Take<uint32_t>();
  const auto value = r.Take<double>();
  e.id.low = r.Take<uint64_t>();
  e.id.high = r.Take<uint64_t>();
  if ((has & kHasItem) != 0) {
    e.item = item;
  }
  if ((has & kHasValue) != 0) {
    e.value = value;
  }
  if ((has & kHasDecision) != 0) {
    e.decision = Uuid{r.Take<std::array<uint8_t, 16>>()};
  }
  e.sealed = r.TakeText32();
  e.ok = r.ok();
  return e;
}

ItemChangeBody TakeItemChange(std::string_view body) {
  ByteReader r(body);
  ItemChangeBody c;
  c.item = r.Take<uint32_t>();
  const auto has = r.Take<uint8_t>();
  r.Take<uint8_t>();
  const auto categories = r.Take<uint16_t>();
  const auto expires = r.Take<int64_t>();
  c.removed = (has & kRemoved) != 0;
  c.hidden = (has & kHidden) != 0;
  if ((has & kHasExpiry) != 0) {
    c.expires = FromUnixMillis(expires);
  }
  for (uint16_t i = 0; i < categories && r.ok(); ++i) {
    c.categories.push_back(r.TakeText16());
  }
  c.attributes = r.TakeText32();
  c.ok = r.ok();
  return c;
}

NamedKeyBody TakeNamedKey(uint8_t kind, std::string_view body) {
  ByteReader r(body);
  NamedKeyBody named;
  named.key = static_cast<RecordKind>(kind) == RecordKind::kTypeKey ? r.Take<uint16_t>()
                                                                    : r.Take<uint32_t>();
  named.text = r.TakeText16();
  named.ok = r.ok();
  return named;
}

void EncodeRecord(std::string& out, const NewRecord& record, std::string_view event_id,
                  const RecordKeys& keys, std::string& scratch) {
  std::visit(Encoder{out, event_id, keys, scratch}, record);
}

void EncodeUnitKey(std::string& out, uint32_t unit, std::string_view id, const AesKey& secret,
                   const AesNonce& nonce) {
  const size_t begin = BeginRecord(out, RecordKind::kUnitKey, unit, 0);
  AppendSealed(out, secret, nonce, RecordKind::kUnitKey, unit, id);
  EndRecord(out, begin);
}

void EncodeNamedKey(std::string& out, RecordKind kind, uint32_t key, std::string_view text) {
  const size_t begin = BeginRecord(out, kind, UINT32_MAX, 0);
  if (kind == RecordKind::kTypeKey) {
    PutLe(out, static_cast<uint16_t>(key));
  } else {
    PutLe(out, key);
  }
  PutText16(out, text);
  EndRecord(out, begin);
}

void EncodeForget(std::string& out, uint32_t unit) {
  EndRecord(out, BeginRecord(out, RecordKind::kForget, unit, 0));
}

Status DecodeRecord(const RawRecord& raw, Record& out) {
  out.kind = raw.known_kind();
  out.at = Cut{raw.at};
  out.next = Cut{raw.next()};
  out.time = FromUnixMillis(raw.time);
  out.received = FromUnixMillis(raw.received);
  out.future = (raw.flags & kFlagFuture) != 0;
  out.unit = UnitKey(raw.unit);
  out.body = raw.body;
  out.event = {};
  out.exposure = {};
  out.definition = {};
  if (out.kind != RecordKind::kDecision && !out.decision.endpoint.empty()) {
    out.decision = {};
  }
  if (!DecodeBody(raw, out)) {
    return Status::DataLoss(fmt::format(
        "record at {}: kind {} with a body that does not hold what it needs", raw.at, raw.kind));
  }
  return {};
}

bool IsKnownKind(uint8_t kind) {
  return kind >= static_cast<uint8_t>(RecordKind::kEvent) &&
         kind <= static_cast<uint8_t>(RecordKind::kForget);
}

std::optional<IdHash> EventIdOf(const RawRecord& raw) {
  if (raw.known_kind() != RecordKind::kEvent) {
    return std::nullopt;
  }
  ByteReader reader(raw.body);
  const EventBody event = TakeEventBody(reader);
  return event.ok ? std::optional(event.id) : std::nullopt;
}

std::optional<Uuid> DecisionIdOf(const RawRecord& raw) {
  if (raw.known_kind() != RecordKind::kDecision) {
    return std::nullopt;
  }
  ByteReader reader(raw.body);
  const Uuid id{reader.Take<std::array<uint8_t, 16>>()};
  return reader.ok() ? std::optional(id) : std::nullopt;
}

}  // namespace hoego::events
