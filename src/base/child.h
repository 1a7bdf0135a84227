#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego {

// How a child process is started and held.
struct ChildOptions {
  std::vector<std::string> argv;          // argv[0] is a path; never a shell
  std::vector<std::string> env;           // NAME=value, added to ours
  std::string folder;                     // working folder; empty: ours
  int nice = 10;                          // 0..19
  uint64_t memory_bytes = 0;              // RLIMIT_AS; 0: none
  std::chrono::milliseconds timeout{0};   // killed after; 0: none
  size_t max_line_bytes = 1 << 20;        // a longer line is cut
  std::chrono::milliseconds grace{2000};  // between SIGTERM and SIGKILL
};

struct ChildResult {
  int exit_code = 0;  // of a normal exit
  int signal = 0;     // that ended it, else 0
  bool timed_out = false;
  bool cancelled = false;
  double wall_seconds = 0;
  double cpu_seconds = 0;  // user + system
  // Its peak. The kernel hides a peak below our own: then what was last seen of it (it is looked at
  // every 250 ms and when it writes), 0 when it was too short for that.
  uint64_t max_rss_bytes = 0;
  std::string error_tail;  // the last 8 KiB of its standard error

  // "exit 0", "killed by signal 9 (out of memory?)", "timed out after 2.0 s, …"
  std::string Describe() const;
};

// Runs a child until it ends; `on_line` gets each line of its standard output as it comes, on the
// calling thread, and must be quick: stop and timeout wait for it.
// On stop or timeout: SIGTERM, after `grace` SIGKILL, to its whole process group; what the child
// leaves behind in its group when it ends is killed too. The child dies with the calling thread
// (PR_SET_PDEATHSIG). Its standard input is empty; no descriptor of ours stays open in it.
// Threads: any; the calling thread waits. Cost: starting one takes about a millisecond whatever our
// own size. A Status is only for a child that could not be started; how it ended is in the result.
Result<ChildResult> RunChild(const ChildOptions& options,
                             const std::function<void(std::string_view line)>& on_line,
                             const std::stop_token& stop);

}  // namespace hoego
