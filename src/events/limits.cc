#include "events/limits.h"

#include <cmath>

#include "base/text.h"

namespace hoego::events {
namespace {

enum class Need { kOptional, kRequired };

Status CheckText(std::string_view field, std::string_view text, size_t most, Need need) {
  if (text.empty() && need == Need::kRequired) {
    return Status::InvalidArgument(fmt::format("field \"{}\": must not be empty", field));
  }
  if (text.size() > most) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": {} bytes, at most {}", field, text.size(), most));
  }
  if (!IsValidUtf8(text)) {
    return Status::InvalidArgument(fmt::format("field \"{}\": not valid UTF-8", field));
  }
  return {};
}

Status CheckObject(std::string_view field, std::string_view json) {
  HOEGO_TRY(CheckText(field, json, kMaxPropertiesBytes, Need::kOptional));
  if (!json.empty() && (json.front() != '{' || json.back() != '}')) {
    return Status::InvalidArgument(fmt::format("field \"{}\": expected a JSON object", field));
  }
  return {};
}

Status CheckFinite(std::string_view field, double value) {
  if (!std::isfinite(value)) {
    return Status::InvalidArgument(fmt::format("field \"{}\": expected a finite number", field));
  }
  return {};
}

// A time beyond could be stored, but no answer or export could say it.
Status CheckTime(std::string_view field, Time time) {
  if (time < kFirstTime || time > kLastTime) {
    return Status::InvalidArgument(fmt::format("field \"{}\": expected {} to {}", field,
                                               FormatTime(kFirstTime), FormatTime(kLastTime)));
  }
  return {};
}

Status Check(const NewEvent& e) {
  HOEGO_TRY(CheckText("type", e.type, kMaxTypeBytes, Need::kRequired));
  HOEGO_TRY(CheckText("unit", e.unit, kMaxUnitBytes, Need::kRequired));
  HOEGO_TRY(CheckText("id", e.id, kMaxIdBytes, Need::kOptional));
  HOEGO_TRY(CheckText("item", e.item, kMaxItemBytes, Need::kOptional));
  if (e.time) {
    HOEGO_TRY(CheckTime("time", *e.time));
  }
  if (e.value) {
    HOEGO_TRY(CheckFinite("value", *e.value));
  }
  return CheckObject("properties", e.properties);
}

Status Check(const NewDecision& d) {
  HOEGO_TRY(CheckText("endpoint", d.endpoint, kMaxNameBytes, Need::kRequired));
  HOEGO_TRY(CheckText("unit", d.unit, kMaxUnitBytes, Need::kOptional));
  HOEGO_TRY(CheckText("test", d.test, kMaxNameBytes, Need::kOptional));
  HOEGO_TRY(CheckText("arm", d.arm, kMaxNameBytes, Need::kOptional));
  HOEGO_TRY(CheckText("model", d.model, kMaxNameBytes, Need::kOptional));
  HOEGO_TRY(CheckText("output_digest", d.output_digest, kMaxNameBytes, Need::kOptional));
  HOEGO_TRY(CheckTime("time", d.time));
  HOEGO_TRY(CheckFinite("arm_probability", d.arm_probability));
  if (d.items.size() > kMaxChosenItems) {
    return Status::InvalidArgument(
        fmt::format("field \"items\": {} items, at most {}", d.items.size(), kMaxChosenItems));
  }
  return {};
}

Status Check(const NewExposure& e) {
  HOEGO_TRY(CheckText("test", e.test, kMaxNameBytes, Need::kRequired));
  HOEGO_TRY(CheckText("arm", e.arm, kMaxNameBytes, Need::kRequired));
  HOEGO_TRY(CheckTime("time", e.time));
  return CheckText("unit", e.unit, kMaxUnitBytes, Need::kRequired);
}

Status Check(const ItemChange& c) {
  HOEGO_TRY(CheckText("item", c.item, kMaxItemBytes, Need::kRequired));
  if (c.categories.size() > kMaxCategories) {
    return Status::InvalidArgument(fmt::format("field \"categories\": {} categories, at most {}",
                                               c.categories.size(), kMaxCategories));
  }
  for (const std::string& category : c.categories) {
    HOEGO_TRY(CheckText("categories", category, kMaxNameBytes, Need::kRequired));
  }
  if (c.expires) {
    HOEGO_TRY(CheckTime("expires", *c.expires));
  }
  return CheckObject("attributes", c.attributes);
}

Status Check(const UnitChange& c) {
  HOEGO_TRY(CheckText("unit", c.unit, kMaxUnitBytes, Need::kRequired));
  return CheckObject("attributes", c.attributes);
}

Status Check(const Definition& d) {
  HOEGO_TRY(CheckText("kind", d.kind, kMaxTypeBytes, Need::kRequired));
  HOEGO_TRY(CheckText("name", d.name, kMaxNameBytes, Need::kOptional));
  constexpr size_t kMostJson =
      kMaxRecordBytes - 4096;  // so that the whole record keeps to its limit
  return CheckText("json", d.json, kMostJson, Need::kOptional);
}

}  // namespace

Status CheckRecord(const NewRecord& record) {
  return std::visit([](const auto& r) { return Check(r); }, record);
}

}  // namespace hoego::events
