#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace hoego::app {

// Progress on standard error: a bar that is drawn over on a terminal, plain lines (at most two a second) in a pipe.
// Threads: every method from any thread.
class ProgressLine {
 public:
  ProgressLine();
  // done of total with the rate since the first call of this name.
  void Count(std::string_view name, uint64_t done, uint64_t total, std::string_view unit);
  void Step(std::string_view name, double share, std::string_view what);
  void Done();  // ends the line

 private:
  void Draw(const std::string& text, bool last) REQUIRES(mu_);

  using SteadyClock = std::chrono::steady_clock;
  const bool terminal_;
  Mutex mu_;
  std::string name_ GUARDED_BY(mu_);
  std::string drawn_ GUARDED_BY(mu_);
  SteadyClock::time_point began_ GUARDED_BY(mu_);
  SteadyClock::time_point last_ GUARDED_BY(mu_);
};

}  // namespace hoego::app
