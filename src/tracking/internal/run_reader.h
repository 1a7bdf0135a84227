#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "storage/database.h"
#include "tracking/tracking.h"

namespace hoego::tracking::internal {

// Runs with their params, tags and latest metrics, each read in one statement: what one batch wrote
// is seen whole or not at all. Cost: what is returned, plus the rows skipped by `offset`; an index
// gives the order.
Result<Run> ReadRun(const storage::Database& database, std::string_view run_id);  // NotFound
// Newest first, ties by id. Of all experiments when `experiment` is below 0. Deleted runs are left
// out.
Result<std::vector<Run>> ReadRuns(const storage::Database& database, int64_t experiment,
                                  size_t most, size_t offset);

}  // namespace hoego::tracking::internal
