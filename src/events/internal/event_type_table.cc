#include "events/internal/event_type_table.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace hoego::events {
namespace {

constexpr std::array<std::string_view, 5> kTypes = {"number", "string", "boolean", "object",
                                                    "array"};
constexpr std::string_view kViolations = "hoego_event_type_violations_total";
constexpr std::string_view kViolationsHelp = "Events that did not fit their declared type.";

// Every key of the object must be one of the known.
Status CheckKeys(JsonRef object, std::string_view where, const std::vector<std::string>& known) {
  return object
      .ForEachField([&](std::string_view key, JsonRef) -> Status {
        if (std::find(known.begin(), known.end(), key) != known.end()) {
          return {};
        }
        const auto nearest = NearestName(key, known);
        return Status::InvalidArgument(
            fmt::format("unknown key \"{}\"{}", key,
                        nearest ? fmt::format(", did you mean \"{}\"?", *nearest) : ""));
      })
      .Within(where);
}

}  // namespace

EventTypeTable::EventTypeTable(Metrics& metrics)
    : warned_(metrics.counter(kViolations, kViolationsHelp, {{"action", "warned"}})),
      refused_(metrics.counter(kViolations, kViolationsHelp, {{"action", "refused"}})),
      map_(std::make_shared<Map>()) {}

Result<EventTypeTable::Declaration> EventTypeTable::Parse(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(json));
  Declaration declaration;
  declaration.json = root.ToText();
  HOEGO_TRY(CheckKeys(root, "event type", {"fields", "on_violation"}));
  HOEGO_TRY_ASSIGN(const std::string action, root.StringOr("on_violation", "warn"));
  if (action != "accept" && action != "warn" && action != "refuse") {
    return Status::InvalidArgument(
        fmt::format("field \"on_violation\": expected accept, warn or refuse, got \"{}\"", action));
  }
  declaration.on_violation = action == "accept" ? OnViolation::kAccept
                             : action == "warn" ? OnViolation::kWarn
                                                : OnViolation::kRefuse;
  const auto fields = root.Find("fields");
  if (!fields || fields->is_null()) {
    return declaration;
  }
  const Status read = fields->ForEachField([&](std::string_view name, JsonRef spec) -> Status {
    const std::string where = fmt::format("field \"{}\"", name);
    HOEGO_TRY(CheckKeys(spec, where, {"type", "required"}));
    Field field{std::string(name), "", false};
    HOEGO_TRY_ASSIGN(field.type, spec.RequireString("type"));
    HOEGO_TRY_ASSIGN(field.required, spec.BoolOr("required", false));
    if (std::find(kTypes.begin(), kTypes.end(), field.type) == kTypes.end()) {
      return Status::InvalidArgument(fmt::format(
          "{}: type \"{}\" is none of number, string, boolean, object, array", where, field.type));
    }
    declaration.fields.push_back(std::move(field));
    return {};
  });
  if (!read.ok()) {
    return read.Within("\"fields\"");
  }
  return declaration;
}

Status EventTypeTable::CheckDeclaration(std::string_view json) const {
  return Parse(json).status();
}

Status EventTypeTable::Apply(std::string_view name, std::string_view json) {
  HOEGO_TRY_ASSIGN(Declaration declaration, Parse(json));
  MutexLock lock(mu_);
  auto next = std::make_shared<Map>(*map_);
  next->insert_or_assign(std::string(name), std::move(declaration));
  map_ = std::move(next);
  return {};
}

std::shared_ptr<const EventTypeTable::Map> EventTypeTable::now() const {
  MutexLock lock(mu_);
  return map_;
}

std::string EventTypeTable::Get(std::string_view name) const {
  const auto map = now();
  const auto it = map->find(name);
  return it == map->end() ? std::string() : it->second.json;
}

std::vector<std::string> EventTypeTable::names() const {
  std::vector<std::string> all;
  for (const auto& [name, declaration] : *now()) {
    all.push_back(name);
  }
  return all;
}

Status EventTypeTable::CheckFields(const Declaration& declaration, std::string_view type,
                                   const JsonRef* properties) {
  for (const Field& field : declaration.fields) {
    const auto value = properties == nullptr ? std::nullopt : properties->Find(field.name);
    if (!value || value->is_null()) {
      if (field.required) {
        return Status::InvalidArgument(
            fmt::format("event type \"{}\": property \"{}\" is required", type, field.name));
      }
    } else if (value->kind_name() != field.type) {
      return Status::InvalidArgument(
          fmt::format("event type \"{}\": property \"{}\": expected {}, got {}", type, field.name,
                      field.type, value->kind_name()));
    }
  }
  return {};
}

Status EventTypeTable::Check(std::string_view type, const JsonRef* properties) const {
  const auto map = now();
  const auto it = map->find(type);
  if (it == map->end()) {
    if (refuse_unknown_.load(std::memory_order_relaxed)) {
      refused_.Add();
      return Status::InvalidArgument(
          fmt::format("event type \"{}\": not declared, and events.unknown_types = refuse", type));
    }
    return {};
  }
  if (it->second.on_violation == OnViolation::kAccept) {
    return {};
  }
  Status fits = CheckFields(it->second, type, properties);
  if (fits.ok()) {
    return {};
  }
  if (it->second.on_violation == OnViolation::kWarn) {
    warned_.Add();
    return {};
  }
  refused_.Add();
  return fits;
}

}  // namespace hoego::events
