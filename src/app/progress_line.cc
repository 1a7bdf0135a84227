#include "app/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace hoego::app {

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::Count(std::string_view name, uint64_t done, uint64_t total, std::string_view unit) {
  MutexLock lock(mu_);
  const auto now = SteadyClock::now();
  if (name_ != name) {
    name_ = name;
    began_ = now;
  }
  const double seconds = std::max(1e-3, std::chrono::duration<double>(now - began_).count());
  const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
  Draw(fmt::format("{} {:3.0f} %  {} of {} {}  {}/s", name, 100 * share, done, total, unit,
                   HumanCount(static_cast<double>(done) / seconds)),
       done == total);
}

void ProgressLine::Step(std::string_view name, double share, std::string_view what) {
  MutexLock lock(mu_);
  const bool last = share >= 1 || name_ != name;
  name_ = name;
  Draw(fmt::format("{} {:3.0f} %  {}", name, 100 * share, what), last);
}

void ProgressLine::Done() {
  MutexLock lock(mu_);
  if (terminal_ && !drawn_.empty()) {
    std::fprintf(stderr, "\n");
  }
  drawn_.clear();
  name_.clear();
}

void ProgressLine::Draw(const std::string& text, bool last) {
  const auto now = SteadyClock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(50) : std::chrono::milliseconds(500);
  if (!last && now - last_ < pause) {
    return;
  }
  last_ = now;
  if (terminal_) {
    std::fprintf(stderr, "\r\x1b[K%.*s", 118, text.c_str());
    if (last) {
      std::fprintf(stderr, "\n");
    }
    drawn_ = last ? "" : text;
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
}

}  // namespace hoego::app
