#include "tracking/limits.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/text.h"

namespace hoego::tracking {
namespace {

size_t CountChars(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// Safe to show: cut, and only with printable ASCII.
std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, 60)) {
    shown += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return shown;
}

std::string_view KeyFault(std::string_view key) {
  if (key.empty()) {
    return "is empty";
  }
  if (!IsValidUtf8(key)) {
    return "is not valid UTF-8";
  }
  if (std::any_of(key.begin(), key.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return "holds a control character";
  }
  if (CountChars(key) > kMaxKeyChars) {
    return "is longer than 250 characters";
  }
  for (const std::string_view component : Split(key, '/')) {
    if (component.empty() || component == "." || component == "..") {
      return "has an empty component or one that is \".\" or \"..\"";
    }
  }
  return {};
}

Status TooMany(std::string_view what, size_t got, size_t most) {
  return got <= most ? Status{}
                     : Status::InvalidArgument(
                           fmt::format("batch of {} {}, expected at most {}", got, what, most));
}

}  // namespace

Status CheckKey(std::string_view what, std::string_view key) {
  const std::string_view fault = KeyFault(key);
  return fault.empty() ? Status{}
                       : Status::InvalidArgument(
                             fmt::format("{} key \"{}\" {}, expected a name such as train/loss",
                                         what, Shown(key), fault));
}

Status CheckText(std::string_view what, std::string_view key, std::string_view text,
                 size_t most_chars) {
  if (!IsValidUtf8(text) || text.find('\0') != std::string_view::npos) {
    return Status::InvalidArgument(
        fmt::format("{} \"{}\": expected UTF-8 text without NUL", what, Shown(key)));
  }
  if (const size_t chars = CountChars(text); chars > most_chars) {
    return Status::InvalidArgument(fmt::format("{} \"{}\": {} characters, expected at most {}",
                                               what, Shown(key), chars, most_chars));
  }
  return {};
}

Status CheckExperimentName(std::string_view name) {
  if (Trim(name).empty()) {
    return Status::InvalidArgument("experiment name is empty");
  }
  return CheckText("experiment", name, name, kMaxNameChars);
}

Status CheckNewRun(const NewRun& run) {
  HOEGO_TRY(CheckText("run name", run.name, run.name, kMaxNameChars));
  HOEGO_TRY(CheckText("user", run.user, run.user, kMaxNameChars));
  for (const auto& [key, value] : run.tags) {
    HOEGO_TRY(CheckKey("tag", key));
    HOEGO_TRY(CheckText("tag", key, value, kMaxTagChars));
  }
  return TooMany("tags", run.tags.size(), kMaxBatchTags);
}

Status CheckBatch(const Batch& batch) {
  HOEGO_TRY(TooMany("metrics", batch.metrics.size(), kMaxBatchMetrics));
  HOEGO_TRY(TooMany("params", batch.params.size(), kMaxBatchParams));
  HOEGO_TRY(TooMany("tags", batch.tags.size(), kMaxBatchTags));
  HOEGO_TRY(TooMany("metrics, params and tags",
                    batch.metrics.size() + batch.params.size() + batch.tags.size(),
                    kMaxBatchEntities));
  for (const Metric& metric : batch.metrics) {
    HOEGO_TRY(CheckKey("metric", metric.key));
  }
  std::map<std::string_view, std::string_view> params;
  for (const auto& [key, value] : batch.params) {
    HOEGO_TRY(CheckKey("param", key));
    HOEGO_TRY(CheckText("param", key, value, kMaxParamChars));
    if (const auto [there, fresh] = params.emplace(key, value); !fresh && there->second != value) {
      return Status::InvalidArgument(
          fmt::format("param \"{}\" comes twice with different values", Shown(key)));
    }
  }
  for (const auto& [key, value] : batch.tags) {
    HOEGO_TRY(CheckKey("tag", key));
    HOEGO_TRY(CheckText("tag", key, value, kMaxTagChars));
  }
  return {};
}

}  // namespace hoego::tracking
