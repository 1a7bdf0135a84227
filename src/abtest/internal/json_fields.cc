#include "abtest/internal/json_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace hoego::abtest::internal {

Status CheckFields(JsonRef json, std::string_view where,
                   std::initializer_list<std::string_view> known) {
  if (!json.is_object()) {
    return Status::InvalidArgument(
        fmt::format("{}: expected an object, got {}", where, json.kind_name()));
  }
  return json.ForEachField([&](std::string_view key, JsonRef) -> Status {
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      return {};
    }
    const std::vector<std::string> names(known.begin(), known.end());
    const std::optional<std::string> near = NearestName(key, names);
    return Status::InvalidArgument(
        fmt::format("{}: field \"{}\" is unknown{}", where, key,
                    near ? fmt::format(", did you mean \"{}\"?", *near) : ""));
  });
}

Result<std::vector<double>> RequireNumbers(JsonRef json, std::string_view key) {
  const std::optional<JsonRef> field = json.Find(key);
  if (!field || !field->is_array()) {
    return Status::InvalidArgument(fmt::format("field \"{}\": expected an array of numbers, got {}",
                                               key, field ? field->kind_name() : "nothing"));
  }
  std::vector<double> numbers;
  HOEGO_TRY(field->ForEachElement([&](JsonRef element) -> Status {
    const std::optional<double> v = element.AsDouble();
    if (!v || !std::isfinite(*v)) {
      return Status::InvalidArgument(
          fmt::format("field \"{}\": element {} is a {}, expected a number", key, numbers.size(),
                      element.kind_name()));
    }
    numbers.push_back(*v);
    return {};
  }));
  return numbers;
}

Result<std::string> WordOr(JsonRef json, std::string_view key,
                           std::initializer_list<std::string_view> allowed) {
  HOEGO_TRY_ASSIGN(std::string word, json.StringOr(key, *allowed.begin()));
  if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": \"{}\" is unknown, expected one of {}", key, word,
                    fmt::join(allowed, ", ")));
  }
  return word;
}

Result<double> RequireCount(JsonRef json, std::string_view key) {
  HOEGO_TRY_ASSIGN(const double v, json.RequireDouble(key));
  if (!(v >= 0) || v != std::floor(v) || std::isinf(v)) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": {} is no count, expected a whole number from 0 on", key, v));
  }
  return v;
}

Result<double> ShareOr(JsonRef json, std::string_view key, double fallback) {
  HOEGO_TRY_ASSIGN(const double v, json.DoubleOr(key, fallback));
  if (!(v > 0 && v < 1)) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": {} is out of range, expected 0 < {} < 1", key, v, key));
  }
  return v;
}

}  // namespace hoego::abtest::internal
