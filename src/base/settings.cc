#include "base/settings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/disk.h"
#include "base/text.h"

namespace hoego {
namespace {

constexpr std::array<std::string_view, 7> kTypeNames = {"bool",     "integer", "number", "string",
                                                        "duration", "bytes",   "choice"};

std::string_view TypeName(SettingType type) {
  return kTypeNames[static_cast<size_t>(type)];
}

std::string DurationText(int64_t ms) {
  constexpr std::array<std::pair<int64_t, std::string_view>, 4> kUnits = {
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}}};
  for (const auto& [size, name] : kUnits) {
    if (ms != 0 && ms % size == 0) {
      return fmt::format("{}{}", ms / size, name);
    }
  }
  return fmt::format("{}ms", ms);
}

std::string BytesText(int64_t bytes) {
  constexpr std::array<std::pair<int64_t, std::string_view>, 4> kUnits = {
      {{1LL << 40, "TiB"}, {1LL << 30, "GiB"}, {1LL << 20, "MiB"}, {1LL << 10, "KiB"}}};
  for (const auto& [size, name] : kUnits) {
    if (bytes != 0 && bytes % size == 0) {
      return fmt::format("{}{}", bytes / size, name);
    }
  }
  return fmt::format("{}", bytes);
}

// A bound as a value of that setting is written.
std::string BoundText(SettingType type, double bound) {
  const bool whole = std::abs(bound) < 0x1p62;
  if (type == SettingType::kDuration && whole) {
    return DurationText(std::llround(bound));
  }
  if (type == SettingType::kBytes && whole) {
    return BytesText(std::llround(bound));
  }
  return fmt::format("{}", bound);
}

// "1..64", ">= 0", "<= 1", "a, b or c"; empty when anything goes.
std::string RangeText(const Setting& setting) {
  if (setting.type == SettingType::kChoice) {
    return fmt::format("{}", fmt::join(setting.choices, "|"));
  }
  if (setting.type == SettingType::kBool) {
    return "true|false";
  }
  const bool low = std::isfinite(setting.min);
  const bool high = std::isfinite(setting.max);
  const std::string min = low ? BoundText(setting.type, setting.min) : "";
  const std::string max = high ? BoundText(setting.type, setting.max) : "";
  if (low && high) {
    return fmt::format("{}..{}", min, max);
  }
  return low ? ">= " + min : high ? "<= " + max : "";
}

Status Refuse(const Setting& setting, std::string_view value, std::string_view expected) {
  const std::string_view shown = setting.secret ? "(secret)" : value.substr(0, 80);
  const std::string range = RangeText(setting);
  return Status::InvalidArgument(fmt::format("setting {} = \"{}\": expected {}{}{}", setting.name,
                                             shown, expected,
                                             expected.empty() || range.empty() ? "" : ", ", range));
}

bool InRange(const Setting& setting, double value) {
  return value >= setting.min && value <= setting.max;
}

std::string Plain(const Setting& setting, std::string_view text) {
  return setting.secret ? (text.empty() ? "" : "***") : std::string(text);
}

// The value behind name's separator: in quotes, or up to a # that follows a blank.
Result<std::string_view> FileValue(std::string_view rest) {
  rest = Trim(rest);
  if (rest.starts_with('"')) {
    const size_t close = rest.find('"', 1);
    if (close == std::string_view::npos) {
      return Status::InvalidArgument("a quote that is never closed");
    }
    if (const std::string_view after = Trim(rest.substr(close + 1));
        !after.empty() && after[0] != '#') {
      return Status::InvalidArgument("expected a # comment or nothing after the closing quote");
    }
    return rest.substr(1, close - 1);
  }
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '#' && (i == 0 || rest[i - 1] == ' ' || rest[i - 1] == '\t')) {
      return Trim(rest.substr(0, i));
    }
  }
  return rest;
}

}  // namespace

Settings::Settings(const std::vector<Setting>& table) : table_(&table) {
  for (const Setting& setting : table) {
    auto value = ParseValue(setting, setting.fallback);
    HOEGO_CHECK(value.ok());
    const bool fresh = values_.emplace(std::string(setting.name), std::move(*value)).second;
    HOEGO_CHECK(fresh);
  }
}

const Setting* Settings::FindSetting(std::string_view name) const {
  const auto at = std::find_if(table_->begin(), table_->end(),
                               [&](const Setting& s) { return s.name == name; });
  return at == table_->end() ? nullptr : &*at;
}

Result<Settings::Value> Settings::ParseValue(const Setting& setting, std::string_view text) const {
  switch (setting.type) {
    case SettingType::kBool:
      if (text == "true" || text == "false") {
        return Value(text == "true");
      }
      return Refuse(setting, text, "");
    case SettingType::kInt: {
      const auto value = ParseInt(text);
      return value && InRange(setting, static_cast<double>(*value))
                 ? Result<Value>(Value(*value))
                 : Refuse(setting, text, "a whole number");
    }
    case SettingType::kDouble: {
      const auto value = ParseDouble(text);
      return value && InRange(setting, *value) ? Result<Value>(Value(*value))
                                               : Refuse(setting, text, "a number");
    }
    case SettingType::kString:
      return Value(std::string(text));
    case SettingType::kDuration: {
      const auto ms = ParseDurationMs(text);
      return ms.ok() && InRange(setting, static_cast<double>(*ms))
                 ? Result<Value>(Value(*ms))
                 : Refuse(setting, text, "a duration such as 500ms, 10s, 5m, 2h or 1d");
    }
    case SettingType::kBytes: {
      const auto bytes = ParseBytes(text);
      return bytes.ok() && InRange(setting, static_cast<double>(*bytes))
                 ? Result<Value>(Value(static_cast<int64_t>(*bytes)))
                 : Refuse(setting, text, "a size such as 4096, 64kB or 64MiB");
    }
    case SettingType::kChoice:
      if (std::find(setting.choices.begin(), setting.choices.end(), text) !=
          setting.choices.end()) {
        return Value(std::string(text));
      }
      return Refuse(setting, text, "");
  }
  return Status::Internal(fmt::format("setting {}: a type without a parser", setting.name));
}

Status Settings::Set(std::string_view name, std::string_view value) {
  const Setting* const setting = FindSetting(name);
  if (setting == nullptr) {
    std::vector<std::string> known;
    for (const auto& [known_name, ignored] : values_) {
      known.push_back(known_name);
    }
    const auto nearest = NearestName(name, known);
    return Status::InvalidArgument(
        fmt::format("no setting \"{}\"{}", name.substr(0, 80),
                    nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : ""));
  }
  HOEGO_TRY_ASSIGN(Value parsed, ParseValue(*setting, value));
  values_.find(name)->second = std::move(parsed);
  changed_[std::string(name)] = true;
  return {};
}

Status Settings::SetJson(std::string_view name, JsonRef value) {
  switch (value.kind()) {
    case JsonRef::Kind::kString:
      return Set(name, *value.AsString());
    case JsonRef::Kind::kBool:
    case JsonRef::Kind::kInt:
    case JsonRef::Kind::kUint:
      return Set(name, value.ToText());
    case JsonRef::Kind::kDouble: {
      const auto whole = value.AsInt();  // 64.0 is a whole number too
      return Set(name, whole ? fmt::format("{}", *whole) : value.ToText());
    }
    default:
      return Status::InvalidArgument(
          fmt::format("setting {}: expected a string, a number or a boolean, got {}",
                      name.substr(0, 80), value.kind_name()));
  }
}

Status Settings::SetAssignment(std::string_view assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return Status::InvalidArgument(
        fmt::format("\"{}\": expected name=value", assignment.substr(0, 80)));
  }
  return Set(Trim(assignment.substr(0, equals)), Trim(assignment.substr(equals + 1)));
}

Status Settings::SetFile(const std::string& path) {
  HOEGO_TRY_ASSIGN(const std::string text, ReadWholeFile(RealDisk(), path));
  Settings next = *this;
  size_t number = 0;
  for (const std::string_view raw : Split(text, '\n')) {
    ++number;
    const std::string_view line = Trim(raw);
    if (line.empty() || line[0] == '#') {
      continue;
    }
    const auto set = [&]() -> Status {
      const size_t at = line.find_first_of("=:");
      if (at == std::string_view::npos) {
        return Status::InvalidArgument("expected name = value");
      }
      HOEGO_TRY_ASSIGN(const std::string_view value, FileValue(line.substr(at + 1)));
      return next.Set(Trim(line.substr(0, at)), value);
    };
    HOEGO_TRY(set().Within(fmt::format("{}:{}", path, number)));
  }
  *this = std::move(next);
  return {};
}

const Settings::Value& Settings::Get(std::string_view name) const {
  const auto at = values_.find(name);
  HOEGO_CHECK(at != values_.end());
  return at->second;
}

bool Settings::Bool(std::string_view name) const {
  const bool* const value = std::get_if<bool>(&Get(name));
  HOEGO_CHECK(value != nullptr);
  return *value;
}

int64_t Settings::Int(std::string_view name) const {
  const int64_t* const value = std::get_if<int64_t>(&Get(name));
  HOEGO_CHECK(value != nullptr);
  return *value;
}

double Settings::Double(std::string_view name) const {
  const double* const value = std::get_if<double>(&Get(name));
  HOEGO_CHECK(value != nullptr);
  return *value;
}

const std::string& Settings::String(std::string_view name) const {
  const std::string* const value = std::get_if<std::string>(&Get(name));
  HOEGO_CHECK(value != nullptr);
  return *value;
}

std::string Settings::Text(std::string_view name) const {
  const Setting* const setting = FindSetting(name);
  HOEGO_CHECK(setting != nullptr);
  switch (setting->type) {
    case SettingType::kBool:
      return Bool(name) ? "true" : "false";
    case SettingType::kInt:
      return fmt::format("{}", Int(name));
    case SettingType::kDouble:
      return fmt::format("{}", Double(name));
    case SettingType::kDuration:
      return DurationText(Int(name));
    case SettingType::kBytes:
      return BytesText(Int(name));
    case SettingType::kString:
    case SettingType::kChoice:
      return String(name);
  }
  return {};
}

bool Settings::changed(std::string_view name) const {
  return changed_.find(name) != changed_.end();
}

std::string Settings::Help() const {
  std::string help;
  for (const Setting& s : *table_) {
    const std::string range = RangeText(s);
    fmt::format_to(std::back_inserter(help), "  {}={}  ({}{}{}{})\n      {}\n", s.name,
                   Plain(s, s.fallback), TypeName(s.type), range.empty() ? "" : ", ", range,
                   s.live ? ", live" : "", s.text);
  }
  return help;
}

std::string Settings::Markdown() const {
  std::string page =
      "| name | type | default | allowed | live | meaning |\n|---|---|---|---|---|---|\n";
  const auto cell = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) {
      escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    }
    return escaped;
  };
  for (const Setting& s : *table_) {
    const std::string fallback = Plain(s, s.fallback);
    const std::string range = RangeText(s);
    fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} | {} | {} |\n", s.name,
                   TypeName(s.type), fallback.empty() ? "" : fmt::format("`{}`", cell(fallback)),
                   cell(range), s.live ? "yes" : "", cell(s.text));
  }
  return page;
}

void Settings::WriteJson(JsonWriter& w) const {
  w.BeginArray();
  for (const Setting& s : *table_) {
    w.BeginObject().Field("name", s.name).Field("type", TypeName(s.type));
    w.Field("value", Plain(s, Text(s.name)))
        .Field("default", Plain(s, s.fallback))
        .Field("text", s.text);
    if (const std::string range = RangeText(s); !range.empty()) {
      w.Field("allowed", range);
    }
    if (!s.choices.empty()) {
      w.Key("choices").BeginArray();
      for (const std::string_view choice : s.choices) {
        w.String(choice);
      }
      w.EndArray();
    }
    w.Field("live", s.live).Field("secret", s.secret).Field("changed", changed(s.name)).EndObject();
  }
  w.EndArray();
}

}  // namespace hoego
