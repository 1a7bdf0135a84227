#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "registry/registry.h"

namespace hoego::serving {

// The name of the built-in model that counts the log's recent events (popularity.h).
inline constexpr std::string_view kPopular = "popular";

enum class SeenItems : uint8_t { kExclude, kAllow };
enum class DecisionMode : uint8_t { kAsync, kDurable };

// What an endpoint does, as its owner wrote it (docs/formats/definitions.md, "endpoint").
struct EndpointDefinition {
  std::string model;                       // "films@champion", "films/2", "films" or "popular"
  std::vector<std::string> fallback;       // tried in this order, at most 8
  std::chrono::milliseconds deadline{50};  // 1..60000
  SeenItems seen = SeenItems::kExclude;
  std::vector<std::string> categories;  // an item in none of them is not shown; empty: all are
  DecisionMode decisions = DecisionMode::kAsync;

  // InvalidArgument naming the field, what it was and what was expected. `strict` refuses fields
  // that it does not know, for what people write; what lies in the log may come from a newer server
  // and keeps its unknown fields.
  static Result<EndpointDefinition> Parse(std::string_view json, bool strict);
  // All fields in a fixed order, defaults filled in.
  std::string ToJson() const;
};

// InvalidArgument for an empty name, one over 250 bytes or one with '@', '/', ':' or a control
// character.
Status CheckEndpointName(std::string_view name);

// A place where an answer may come from.
struct Source {
  std::string text;      // as written
  bool popular = false;  // else:
  registry::ModelRef ref;
  static Result<Source> Parse(std::string_view text);
};

}  // namespace hoego::serving
