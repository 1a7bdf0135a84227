#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego::abtest {

// The stateless calculators behind POST /v1/statistics:{effect,srm,adjust,power,bandit_weights} and
// POST /v1/assign: JSON in, JSON out. Fields are those of docs/guide/statistics.md; an unknown one
// is refused with the nearest known name. NotFound: another path. InvalidArgument,
// FailedPrecondition: a sentence about what was wrong with the body. Pure. Threads: any. Cost:
// microseconds, milliseconds for bandit weights of many arms.
Result<std::string> Calculate(std::string_view path, std::string_view body);

}  // namespace hoego::abtest
