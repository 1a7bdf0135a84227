#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace hoego {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

std::atomic<LogLevel> lowest_level{LogLevel::kInfo};
std::atomic<int> json_form{-1};  // −1: not told, ask the terminal

bool UseJson() {
  if (json_form.load(std::memory_order_relaxed) < 0) {
    int unset = -1;
    json_form.compare_exchange_strong(unset, ::isatty(STDERR_FILENO) == 1 ? 0 : 1);
  }
  return json_form.load(std::memory_order_relaxed) == 1;
}

Counter& LinesOf(LogLevel level) {
  static const auto counters = [] {
    std::array<Counter*, kLevelNames.size()> all{};
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] =
          &Metrics::Global().counter("hoego_log_lines_total", "Lines written to the log, by level.",
                                     {{"level", std::string(kLevelNames[i])}});
    }
    return all;
  }();
  return *counters[static_cast<size_t>(level)];
}

std::string JsonLine(LogLevel level, std::string_view room, std::string_view message,
                     std::initializer_list<LogField> fields) {
  JsonWriter w;
  w.BeginObject().Field("time", FormatTime(SystemClock::Instance().Now()));
  w.Field("level", kLevelNames[static_cast<size_t>(level)])
      .Field("room", room)
      .Field("message", message);
  for (const LogField& field : fields) {
    w.Key(field.key);
    if (field.bare) {
      w.Raw(field.value);
    } else {
      w.String(field.value);
    }
  }
  w.EndObject();
  return w.Take();
}

// A value that would break the line's shape is quoted as in JSON.
void AppendText(std::string& line, std::string_view value, bool quote_blanks) {
  const bool plain = value.find_first_of(quote_blanks ? "\"\\= " : "") == std::string_view::npos;
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (plain && !control && !(quote_blanks && value.empty())) {
    line += value;
  } else {
    line += JsonWriter().String(value).text();
  }
}

std::string TextLine(LogLevel level, std::string_view room, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{} {:<7} {:<8} ", FormatTime(SystemClock::Instance().Now()),
                                 kLevelNames[static_cast<size_t>(level)], room);
  AppendText(line, message, false);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    AppendText(line, field.value, true);
  }
  return line;
}

}  // namespace

void Log(LogLevel level, std::string_view room, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (level < lowest_level.load(std::memory_order_relaxed)) {
    return;
  }
  LinesOf(level).Add();
  std::string line =
      UseJson() ? JsonLine(level, room, message, fields) : TextLine(level, room, message, fields);
  line += '\n';
  static Mutex mu;
  MutexLock lock(mu);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return;  // nobody listens; there is no other place to say so
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

void SetLogLevel(LogLevel lowest) {
  lowest_level.store(lowest, std::memory_order_relaxed);
}

void SetLogJson(bool json) {
  json_form.store(json ? 1 : 0, std::memory_order_relaxed);
}

}  // namespace hoego
