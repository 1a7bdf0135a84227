#pragma once

namespace hoego::internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace hoego::internal

// Our own bugs that would corrupt data or cross a bound; always on. Never for input, files, network
// or peers.
#define HOEGO_CHECK(condition)                                        \
  do {                                                                \
    if (!(condition)) [[unlikely]] {                                  \
      ::hoego::internal::CheckFailed(#condition, __FILE__, __LINE__); \
    }                                                                 \
  } while (false)
