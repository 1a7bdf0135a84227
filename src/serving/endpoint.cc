#include "serving/endpoint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace hoego::serving {
namespace {

constexpr size_t kMaxNameBytes = 250;
constexpr size_t kMaxFallbacks = 8;
constexpr size_t kMaxCategories = 100;
constexpr int64_t kMaxDeadlineMs = 60'000;

Status Wrong(std::string_view field, std::string_view expected, std::string_view got) {
  return Status::InvalidArgument(
      fmt::format("endpoint: field \"{}\": expected {}, got {}", field, expected, got));
}

std::optional<JsonRef> Present(JsonRef object, std::string_view field) {
  const auto value = object.Find(field);
  return value.has_value() && !value->is_null() ? value : std::nullopt;
}

template <class Words>
std::string Listed(const Words& words) {
  std::string text;
  for (const std::string_view word : words) {
    text += text.empty() ? "" : ", ";
    text += word;
  }
  return text;
}

Status RefuseUnknown(JsonRef object, std::string_view prefix,
                     const std::vector<std::string>& known) {
  return object.ForEachField([&](std::string_view key, JsonRef) {
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      return Status();
    }
    const auto nearest = NearestName(key, known);
    return Status::InvalidArgument(
        fmt::format("endpoint: unknown field \"{}{}\"{}", prefix, key,
                    nearest ? fmt::format(", did you mean \"{}{}\"?", prefix, *nearest)
                            : ", known are " + Listed(known)));
  });
}

Status ReadStrings(JsonRef object, std::string_view field, std::string_view shown, size_t most,
                   std::vector<std::string>& out) {
  const auto list = Present(object, field);
  if (!list.has_value()) {
    return {};
  }
  if (!list->is_array()) {
    return Wrong(shown, "an array of strings", list->kind_name());
  }
  if (list->size() > most) {
    return Wrong(shown, fmt::format("at most {} entries", most), fmt::format("{}", list->size()));
  }
  return list->ForEachElement([&](JsonRef element) {
    const auto text = element.AsString();
    if (!text.has_value() || text->empty()) {
      return Wrong(shown, "strings that are not empty", element.kind_name());
    }
    out.emplace_back(*text);
    return Status();
  });
}

// One of a few words; `index` stays when the field is absent.
template <size_t N>
Status ReadWord(JsonRef object, std::string_view field, std::string_view shown,
                const std::array<std::string_view, N>& words, size_t& index) {
  const auto value = Present(object, field);
  if (!value.has_value()) {
    return {};
  }
  const auto text = value->AsString();
  const auto found = text ? std::find(words.begin(), words.end(), *text) : words.end();
  if (found == words.end()) {
    return Wrong(shown, "one of " + Listed(words),
                 text ? fmt::format("\"{}\"", *text) : std::string(value->kind_name()));
  }
  index = static_cast<size_t>(found - words.begin());
  return {};
}

Status CheckExploration(JsonRef definition, bool strict) {
  const auto exploration = Present(definition, "exploration");
  if (!exploration.has_value()) {
    return {};
  }
  if (!exploration->is_object()) {
    return Wrong("exploration", "an object", exploration->kind_name());
  }
  if (strict) {
    HOEGO_TRY(
        RefuseUnknown(*exploration, "exploration.", {"kind", "epsilon", "temperature", "slots"}));
  }
  constexpr std::array<std::string_view, 4> kKinds{"none", "epsilon", "plackett_luce", "slots"};
  size_t kind = 0;
  HOEGO_TRY(ReadWord(*exploration, "kind", "exploration.kind", kKinds, kind));
  if (kind != 0) {
    return Status::InvalidArgument(
        fmt::format("endpoint: field \"exploration.kind\": not yet supported: {}", kKinds[kind]));
  }
  return {};
}

Status ReadFilters(JsonRef definition, bool strict, EndpointDefinition& out) {
  const auto filters = Present(definition, "filters");
  if (!filters.has_value()) {
    return {};
  }
  if (!filters->is_object()) {
    return Wrong("filters", "an object", filters->kind_name());
  }
  if (strict) {
    HOEGO_TRY(RefuseUnknown(*filters, "filters.", {"seen", "categories"}));
  }
  size_t seen = 0;
  HOEGO_TRY(ReadWord(*filters, "seen", "filters.seen",
                     std::array<std::string_view, 2>{"exclude", "allow"}, seen));
  out.seen = static_cast<SeenItems>(seen);
  return ReadStrings(*filters, "categories", "filters.categories", kMaxCategories, out.categories);
}

Status ReadDeadline(JsonRef definition, EndpointDefinition& out) {
  const auto value = Present(definition, "deadline_ms");
  if (!value.has_value()) {
    return {};
  }
  const auto ms = value->AsInt();
  if (!ms.has_value() || *ms < 1 || *ms > kMaxDeadlineMs) {
    return Wrong("deadline_ms", fmt::format("a whole number, 1..{}", kMaxDeadlineMs),
                 value->ToText());
  }
  out.deadline = std::chrono::milliseconds(*ms);
  return {};
}

void WriteStrings(JsonWriter& w, std::string_view key, const std::vector<std::string>& values) {
  w.Key(key).BeginArray();
  for (const std::string& value : values) {
    w.String(value);
  }
  w.EndArray();
}

}  // namespace

Result<EndpointDefinition> EndpointDefinition::Parse(std::string_view json, bool strict) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef object, parser.Parse(json));
  if (!object.is_object()) {
    return Status::InvalidArgument(
        fmt::format("endpoint: expected an object, got {}", object.kind_name()));
  }
  if (strict) {
    HOEGO_TRY(RefuseUnknown(
        object, "", {"model", "fallback", "deadline_ms", "exploration", "filters", "decisions"}));
  }
  EndpointDefinition out;
  const auto model = Present(object, "model");
  if (!model.has_value() || !model->is_string()) {
    return Wrong("model", "a model like \"films@champion\"",
                 model ? model->kind_name() : "nothing");
  }
  out.model = *model->AsString();
  HOEGO_TRY(ReadStrings(object, "fallback", "fallback", kMaxFallbacks, out.fallback));
  HOEGO_TRY(ReadDeadline(object, out));
  HOEGO_TRY(CheckExploration(object, strict));
  HOEGO_TRY(ReadFilters(object, strict, out));
  size_t mode = 0;
  HOEGO_TRY(ReadWord(object, "decisions", "decisions",
                     std::array<std::string_view, 2>{"async", "durable"}, mode));
  out.decisions = static_cast<DecisionMode>(mode);
  return out;
}

std::string EndpointDefinition::ToJson() const {
  JsonWriter w;
  w.BeginObject().Field("model", model);
  WriteStrings(w, "fallback", fallback);
  w.Field("deadline_ms", int64_t{deadline.count()});
  w.Key("exploration").BeginObject().Field("kind", "none").EndObject();
  w.Key("filters").BeginObject().Field("seen", seen == SeenItems::kExclude ? "exclude" : "allow");
  WriteStrings(w, "categories", categories);
  w.EndObject();
  w.Field("decisions", decisions == DecisionMode::kAsync ? "async" : "durable").EndObject();
  return w.Take();
}

Status CheckEndpointName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return Status::InvalidArgument(
        fmt::format("endpoint name: expected 1..{} bytes, got {}", kMaxNameBytes, name.size()));
  }
  for (const char c : name) {
    if (c == '@' || c == '/' || c == ':' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Status::InvalidArgument(
          "endpoint name: expected no '@', '/', ':' or control character");
    }
  }
  if (!IsValidUtf8(name)) {
    return Status::InvalidArgument("endpoint name: expected UTF-8");
  }
  return {};
}

Result<Source> Source::Parse(std::string_view text) {
  Source source;
  source.text = text;
  source.popular = text == kPopular;
  if (!source.popular) {
    HOEGO_TRY_ASSIGN(source.ref, registry::ModelRef::Parse(text));
  }
  return source;
}

}  // namespace hoego::serving
