#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego {

// A moment in Unix time, UTC, to the millisecond: the resolution of everything we store and speak.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

inline int64_t ToUnixMillis(Time t) {
  return t.time_since_epoch().count();
}
inline Time FromUnixMillis(int64_t ms) {
  return Time(std::chrono::milliseconds(ms));
}

// RFC 3339 with milliseconds and Z: "2026-11-22T07:20:51.042Z".
std::string FormatTime(Time t);
// RFC 3339 (any offset, any number of fraction digits, cut to milliseconds; a leap second is the
// next second's start) or decimal Unix milliseconds, in the years 0000 to 9999. InvalidArgument
// otherwise.
Result<Time> ParseTime(std::string_view text);

// Where the time comes from. Threads: every method from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;                            // wall clock
  virtual std::chrono::nanoseconds Monotonic() const = 0;  // never goes back; origin unspecified
};

class SystemClock final : public Clock {
 public:
  Time Now() const override;
  std::chrono::nanoseconds Monotonic() const override;
  static const SystemClock& Instance();
};

// A clock that moves only when told to.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = FromUnixMillis(1'600'000'000'000)) : ms_(ToUnixMillis(start)) {}
  Time Now() const override { return FromUnixMillis(ms_.load()); }
  std::chrono::nanoseconds Monotonic() const override {
    return std::chrono::milliseconds(ms_.load());
  }
  void Advance(std::chrono::milliseconds by) { ms_ += by.count(); }

 private:
  std::atomic<int64_t> ms_;
};

}  // namespace hoego
