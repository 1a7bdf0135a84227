#pragma once

#include <atomic>
#include <cstddef>

namespace hoego::live {

// What the disk of a running server does from now on: a page that the test and the preloaded
// library bad_disk.cc both map. Threads: any, of both processes.
struct BadDisk {
  enum Action : int { kSound, kDieInWrite, kFailWrite, kFailSync };
  static constexpr const char* kVariable = "HOEGO_TEST_BAD_DISK";  // names the page's file

  std::atomic<int> action;
  std::atomic<int> error;      // errno of kFailWrite and kFailSync
  std::atomic<int> passes;     // calls that still go well
  std::atomic<int> per_mille;  // of the bytes that kDieInWrite writes before SIGKILL
  std::atomic<int> hits;       // calls that did not go well
  char path_part[64];          // files whose path contains it; set before `action`
};
static_assert(std::atomic<int>::is_always_lock_free);

}  // namespace hoego::live
