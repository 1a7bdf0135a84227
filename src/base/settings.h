#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace hoego {

enum class SettingType { kBool, kInt, kDouble, kString, kDuration, kBytes, kChoice };

// One declaration gives the parser, --help, docs/settings.md and GET /v1/settings. Also used for
// the parameters of each algorithm. Durations are kept in milliseconds, bytes in bytes.
struct Setting {
  std::string_view name;  // "events.segment_bytes"
  SettingType type;
  std::string_view fallback;  // as text, parsed like any value
  std::string_view text;      // one sentence; what a larger value costs
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> choices = {};  // for kChoice
  bool live = false;                           // may change while running
  bool secret = false;                         // never shown
};

// Values of one table of settings. Threads: const methods from any thread.
class Settings {
 public:
  // Pre: the table outlives this; its fallbacks parse.
  explicit Settings(const std::vector<Setting>& table);

  // InvalidArgument naming what was wrong, the allowed range, and for an unknown name the nearest
  // known one.
  Status Set(std::string_view name, std::string_view value);
  Status SetJson(std::string_view name, JsonRef value);
  // name=value, as --set takes it.
  Status SetAssignment(std::string_view assignment);
  // A file of `name = value` or `name: value` lines with # comments; a value may stand in double
  // quotes. All of the file is taken or, with the line named, nothing.
  Status SetFile(const std::string& path);

  bool Bool(std::string_view name) const;    // Pre for all getters: declared, of this type
  int64_t Int(std::string_view name) const;  // also durations (ms) and bytes
  double Double(std::string_view name) const;
  const std::string& String(std::string_view name) const;  // also choices
  std::string Text(std::string_view name) const;           // as it would be written
  bool changed(std::string_view name) const;               // set by someone

  std::string Help() const;             // for --help
  std::string Markdown() const;         // for docs/settings.md
  void WriteJson(JsonWriter& w) const;  // [{name,type,value,default,text,…}], secrets masked
  const std::vector<Setting>& table() const { return *table_; }

 private:
  using Value = std::variant<bool, int64_t, double, std::string>;
  const Setting* FindSetting(std::string_view name) const;
  Result<Value> ParseValue(const Setting& setting, std::string_view text) const;
  const Value& Get(std::string_view name) const;

  const std::vector<Setting>* table_;
  std::map<std::string, Value, std::less<>> values_;
  std::map<std::string, bool, std::less<>> changed_;
};

}  // namespace hoego
