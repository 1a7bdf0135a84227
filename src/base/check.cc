#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace hoego::internal {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "hoego: check failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace hoego::internal
