#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/json.h"

namespace hoego {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One field of a log line, key=value in the text form. In the json form whole numbers and booleans
// are bare, all else (doubles too: they may be NaN) a string.
struct LogField {
  std::string_view key;
  std::string value;
  bool bare;
  template <class T>
  LogField(std::string_view k, const T& v)
      : key(k),
        value(fmt::format("{}", v)),
        bare(std::is_integral_v<T> && !std::is_same_v<T, char>) {}
};

// Writes one line to standard error: time, level, room, message, fields. Lines of several threads
// do not mix. Never log a secret, a unit's id or a payload. Counted by level in
// hoego_log_lines_total.
void Log(LogLevel level, std::string_view room, std::string_view message,
         std::initializer_list<LogField> fields = {});
void SetLogLevel(LogLevel lowest);
void SetLogJson(bool json);  // default: text on a terminal, JSON otherwise

}  // namespace hoego
