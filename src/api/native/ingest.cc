#include "api/native/ingest.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "events/limits.h"

namespace hoego::native {
namespace {

constexpr size_t kMaxErrors = 20;
// Blocks double: a single event pays for no large one.
constexpr size_t kFirstBlockBytes = 4 << 10;
constexpr size_t kMostBlockBytes = 256 << 10;

Status Expected(std::string_view key, std::string_view what, JsonRef got) {
  return Status::InvalidArgument(fmt::format("{}: expected {}, got {}", key, what, got.kind_name()));
}

Status UnknownField(std::string_view key, const std::vector<std::string>& known) {
  const auto near = NearestName(key, known);
  return Status::InvalidArgument(fmt::format("unknown field \"{}\"{}; known: {}", key.substr(0, 60),
                                             near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                             fmt::join(known, ", ")));
}

Status TakeText(std::string_view key, JsonRef value, ParsedBatch& into, std::string_view& to) {
  if (value.is_null()) {
    return {};
  }
  const auto text = value.AsString();
  if (!text) {
    return Expected(key, "a string", value);
  }
  to = into.Keep(*text);
  return {};
}

Status TakeObject(std::string_view key, JsonRef value, ParsedBatch& into, std::string_view& to) {
  if (value.is_null()) {
    return {};
  }
  if (!value.is_object()) {
    return Expected(key, "an object", value);
  }
  if (value.size() > 0) {
    to = into.Keep(value.ToText());
  }
  return {};
}

Result<Time> TakeTime(std::string_view key, JsonRef value) {
  if (const auto text = value.AsString()) {
    auto time = ParseTime(*text);
    return time.ok() ? time : Result<Time>(time.status().Within(key));
  }
  if (const auto ms = value.AsInt()) {
    return FromUnixMillis(*ms);
  }
  return Expected(key, "RFC 3339 text or Unix milliseconds", value);
}

// What the visitors below need, behind one pointer so that std::function does not allocate.
struct EventFields {
  events::NewEvent event;
  ParsedBatch* into = nullptr;
  std::optional<JsonRef> properties;
};

Status VisitEvent(EventFields& f, std::string_view key, JsonRef value) {
  static const std::vector<std::string> kKnown = {"id",   "time",  "type",     "unit",
                                                  "item", "value", "decision", "properties"};
  if (key == "id") {
    return TakeText(key, value, *f.into, f.event.id);
  }
  if (key == "type") {
    return TakeText(key, value, *f.into, f.event.type);
  }
  if (key == "unit") {
    return TakeText(key, value, *f.into, f.event.unit);
  }
  if (key == "item") {
    return TakeText(key, value, *f.into, f.event.item);
  }
  if (key == "time") {
    if (!value.is_null()) {
      HOEGO_TRY_ASSIGN(f.event.time, TakeTime(key, value));
    }
    return {};
  }
  if (key == "value") {
    if (!value.is_null()) {
      f.event.value = value.AsDouble();
      return f.event.value ? Status{} : Expected(key, "a number", value);
    }
    return {};
  }
  if (key == "decision") {
    if (value.is_null()) {
      return {};
    }
    const auto text = value.AsString();
    f.event.decision = text ? Uuid::Parse(*text) : std::nullopt;
    return f.event.decision ? Status{}
                            : Status::InvalidArgument("decision: expected the decision_id of an answer (a UUID)");
  }
  if (key == "properties") {
    f.properties = value;
    return TakeObject(key, value, *f.into, f.event.properties);
  }
  return UnknownField(key, kKnown);
}

Status ParseEvent(JsonRef object, const events::EventTypes& types, ParsedBatch& into, size_t line) {
  EventFields fields;
  fields.into = &into;
  EventFields* const f = &fields;
  HOEGO_TRY(object.ForEachField([f](std::string_view key, JsonRef value) { return VisitEvent(*f, key, value); }));
  if (fields.event.type.empty()) {
    return Status::InvalidArgument("type: required, such as \"watch\"");
  }
  if (fields.event.unit.empty()) {
    return Status::InvalidArgument("unit: required, such as a user's id");
  }
  HOEGO_TRY(types.Check(fields.event.type, fields.properties ? &*fields.properties : nullptr));
  events::NewRecord record = fields.event;
  HOEGO_TRY(events::CheckRecord(record));
  into.records.push_back(std::move(record));
  into.lines.push_back(line);
  return {};
}

Status TakeCategories(JsonRef value, events::ItemChange& item) {
  if (value.is_null()) {
    return {};
  }
  if (!value.is_array()) {
    return Expected("categories", "an array of strings", value);
  }
  return value.ForEachElement([&item](JsonRef e) -> Status {
    const auto text = e.AsString();
    if (!text) {
      return Expected("categories", "strings", e);
    }
    item.categories.emplace_back(*text);
    return {};
  });
}

Status ParseItem(JsonRef object, ParsedBatch& into, size_t line) {
  static const std::vector<std::string> kKnown = {"item", "categories", "hidden", "expires", "attributes"};
  events::ItemChange item;
  HOEGO_TRY(object.ForEachField([&](std::string_view key, JsonRef value) -> Status {
    if (key == "item") {
      return TakeText(key, value, into, item.item);
    }
    if (key == "categories") {
      return TakeCategories(value, item);
    }
    if (key == "hidden") {
      const auto hidden = value.AsBool();
      item.hidden = hidden.value_or(false);
      return hidden || value.is_null() ? Status{} : Expected(key, "true or false", value);
    }
    if (key == "expires") {
      if (!value.is_null()) {
        HOEGO_TRY_ASSIGN(item.expires, TakeTime(key, value));
      }
      return {};
    }
    if (key == "attributes") {
      return TakeObject(key, value, into, item.attributes);
    }
    return UnknownField(key, kKnown);
  }));
  if (item.item.empty()) {
    return Status::InvalidArgument("item: required");
  }
  events::NewRecord record = std::move(item);
  HOEGO_TRY(events::CheckRecord(record));
  into.records.push_back(std::move(record));
  into.lines.push_back(line);
  return {};
}

Status ParseUnit(JsonRef object, ParsedBatch& into, size_t line) {
  static const std::vector<std::string> kKnown = {"unit", "attributes"};
  events::UnitChange unit;
  HOEGO_TRY(object.ForEachField([&](std::string_view key, JsonRef value) -> Status {
    if (key == "unit") {
      return TakeText(key, value, into, unit.unit);
    }
    if (key == "attributes") {
      return TakeObject(key, value, into, unit.attributes);
    }
    return UnknownField(key, kKnown);
  }));
  if (unit.unit.empty()) {
    return Status::InvalidArgument("unit: required");
  }
  if (unit.attributes.empty()) {
    unit.attributes = "{}";
  }
  events::NewRecord record = unit;
  HOEGO_TRY(events::CheckRecord(record));
  into.records.push_back(std::move(record));
  into.lines.push_back(line);
  return {};
}

JsonParser& ThreadParser() {
  thread_local JsonParser parser;
  return parser;
}

void ParseLines(std::string_view body, BatchShape shape, const events::EventTypes& types, ParsedBatch& batch) {
  size_t at = 0;
  size_t number = 0;
  while (at < body.size()) {
    const size_t end = std::min(body.find('\n', at), body.size());
    std::string_view line = body.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (Trim(line).empty()) {
      continue;
    }
    ++batch.line_count;
    auto root = ThreadParser().Parse(line);
    const Status status = root.ok() ? ParseOne(*root, shape, types, batch, number) : root.status();
    if (!status.ok()) {
      batch.AddError(number, std::string(status.message()));
    }
  }
}

void ParseDocument(std::string_view body, BatchShape shape, const events::EventTypes& types, ParsedBatch& batch) {
  auto root = ThreadParser().Parse(body);
  if (!root.ok()) {
    batch.line_count = 1;
    batch.AddError(1, std::string(root.status().message()));
    return;
  }
  const auto one = [&](JsonRef object) -> Status {
    ++batch.line_count;
    if (const Status status = ParseOne(object, shape, types, batch, batch.line_count); !status.ok()) {
      batch.AddError(batch.line_count, std::string(status.message()));
    }
    return {};
  };
  const Status visited = root->is_array() ? root->ForEachElement(one) : one(*root);
  HOEGO_CHECK(visited.ok());
}

}  // namespace

std::string_view ParsedBatch::Keep(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  if (blocks_.empty() || used_ + text.size() > block_) {
    block_ = std::max(std::clamp(2 * block_, kFirstBlockBytes, kMostBlockBytes), text.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_));
    used_ = 0;
  }
  char* const to = blocks_.back().get() + used_;
  std::memcpy(to, text.data(), text.size());
  used_ += text.size();
  return {to, text.size()};
}

void ParsedBatch::AddError(size_t line, std::string error) {
  ++error_count;
  if (errors.size() < kMaxErrors) {
    errors.push_back({line, std::move(error)});
  }
}

Status ParseOne(JsonRef object, BatchShape shape, const events::EventTypes& types, ParsedBatch& into, size_t line) {
  if (!object.is_object()) {
    return Status::InvalidArgument(fmt::format("expected an object, got {}", object.kind_name()));
  }
  switch (shape) {
    case BatchShape::kEvents: return ParseEvent(object, types, into, line);
    case BatchShape::kItems: return ParseItem(object, into, line);
    case BatchShape::kUnits: return ParseUnit(object, into, line);
  }
  return Status::Internal("unknown batch shape");
}

ParsedBatch ParseBatch(std::string_view body, bool ndjson, BatchShape shape, const events::EventTypes& types) {
  ParsedBatch batch;
  if (ndjson) {
    ParseLines(body, shape, types, batch);
  } else {
    ParseDocument(body, shape, types, batch);
  }
  return batch;
}

}  // namespace hoego::native
