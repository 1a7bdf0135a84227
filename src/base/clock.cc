#include "base/clock.h"

#include <charconv>
#include <ctime>

namespace hoego {
namespace {

// Reads exactly `digits` decimal digits at `at`; −1 when there are fewer.
int Digits(std::string_view text, size_t at, size_t digits) {
  if (at + digits > text.size()) {
    return -1;
  }
  int value = 0;
  for (size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return -1;
    }
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// The years that RFC 3339 can write, 0000 to 9999.
constexpr int64_t kFirstMillis = -62'167'219'200'000;
constexpr int64_t kLastMillis = 253'402'300'799'999;

Status Bad(std::string_view text) {
  return Status::InvalidArgument(fmt::format(
      "time \"{}\": expected RFC 3339 such as 2026-11-22T07:20:51.042Z, or Unix milliseconds",
      text.substr(0, 40)));
}

}  // namespace

std::string FormatTime(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day ymd(day);
  const std::chrono::hh_mm_ss hms(t - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(ymd.year()),
                     static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                     hms.hours().count(), hms.minutes().count(), hms.seconds().count(),
                     hms.subseconds().count());
}

namespace {

Result<Time> ParseAnyTime(std::string_view text) {
  int64_t millis = 0;
  const char* end = text.data() + text.size();
  if (const auto [p, ec] = std::from_chars(text.data(), end, millis);
      ec == std::errc() && p == end) {
    return FromUnixMillis(millis);
  }
  const int y = Digits(text, 0, 4);
  const int mo = Digits(text, 5, 2);
  const int d = Digits(text, 8, 2);
  const int h = Digits(text, 11, 2);
  const int mi = Digits(text, 14, 2);
  const int s = Digits(text, 17, 2);
  if (y < 0 || mo < 0 || d < 0 || h < 0 || mi < 0 || s < 0 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':' || h > 23 || mi > 59 || s > 60) {
    return Bad(text);
  }
  const std::chrono::year_month_day ymd{std::chrono::year(y),
                                        std::chrono::month(static_cast<unsigned>(mo)),
                                        std::chrono::day(static_cast<unsigned>(d))};
  if (!ymd.ok()) {
    return Bad(text);
  }
  size_t at = 19;
  int64_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    int64_t unit = 100;
    const size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      fraction += unit * (text[at] - '0');
      unit /= 10;
    }
    if (at == first) {
      return Bad(text);
    }
  }
  int offset_minutes = 0;
  if (at + 1 == text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else if (at + 6 == text.size() && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':') {
    const int oh = Digits(text, at + 1, 2);
    const int om = Digits(text, at + 4, 2);
    if (oh < 0 || om < 0 || oh > 23 || om > 59) {
      return Bad(text);
    }
    offset_minutes = (text[at] == '-' ? -1 : 1) * (oh * 60 + om);
    at += 6;
  }
  if (at != text.size() || at == 19) {
    return Bad(text);
  }
  const Time t = std::chrono::sys_days(ymd) + std::chrono::hours(h) +
                 std::chrono::minutes(mi - offset_minutes) + std::chrono::seconds(s) +
                 std::chrono::milliseconds(fraction);
  return t;
}

}  // namespace

Result<Time> ParseTime(std::string_view text) {
  HOEGO_TRY_ASSIGN(const Time t, ParseAnyTime(text));
  return ToUnixMillis(t) < kFirstMillis || ToUnixMillis(t) > kLastMillis ? Result<Time>(Bad(text))
                                                                         : Result<Time>(t);
}

Time SystemClock::Now() const {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::chrono::nanoseconds SystemClock::Monotonic() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

const SystemClock& SystemClock::Instance() {
  static const SystemClock clock;
  return clock;
}

}  // namespace hoego
