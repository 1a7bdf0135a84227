#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace hoego::abtest::internal {

// POST /v1/statistics:effect
Result<std::string> CalculateEffect(JsonRef body);

}  // namespace hoego::abtest::internal
