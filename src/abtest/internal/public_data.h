#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace hoego::abtest::internal {

// For tests: where a file of the public research data lies. The environment variable HOEGO_DATA
// names the folder; without it shared/data beside the repository.
inline std::string PublicData(std::string_view name) {
  const char* folder = std::getenv("HOEGO_DATA");
  if (folder != nullptr && *folder != '\0') {
    return std::string(folder) + "/" + std::string(name);
  }
  std::string_view root = __FILE__;  // REPOSITORY/src/abtest/internal/public_data.h
  for (int up = 0; up < 4; ++up) {
    root = root.substr(0, root.find_last_of('/'));
  }
  return std::string(root) + "/../shared/data/" + std::string(name);
}

}  // namespace hoego::abtest::internal

// Leaves the test as skipped, naming the file and what to set, when it is not there.
#define HOEGO_NEEDS_DATA(path)                                                              \
  do {                                                                                      \
    if (!::hoego::RealDisk().Exists(path)) {                                                \
      GTEST_SKIP() << (path) << " is not here; HOEGO_DATA names the folder of public data"; \
    }                                                                                       \
  } while (false)
