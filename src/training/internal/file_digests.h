#pragma once

#include <map>
#include <string>

#include "base/status.h"

namespace hoego::training::internal {

// SHA-256 (hex) of each file of a flat folder, by name.
Result<std::map<std::string, std::string>> FileDigests(const std::string& folder);

}  // namespace hoego::training::internal
