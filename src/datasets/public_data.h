#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace hoego::datasets {

// Where a file of the public research data lies, which tests and benches use when it is there: in
// the folder that the environment variable HOEGO_DATA names, else in shared/data beside the
// repository.
inline std::string PublicData(std::string_view name) {
  const char* folder = std::getenv("HOEGO_DATA");
  if (folder != nullptr && *folder != '\0') {
    return std::string(folder) + "/" + std::string(name);
  }
  std::string_view root = __FILE__;  // REPOSITORY/src/datasets/public_data.h
  for (int up = 0; up < 3; ++up) {
    root = root.substr(0, root.find_last_of('/'));
  }
  return std::string(root) + "/../shared/data/" + std::string(name);
}

inline constexpr std::string_view kHowToGetIt =
    " is not here; HOEGO_DATA names the folder of public data";

}  // namespace hoego::datasets
