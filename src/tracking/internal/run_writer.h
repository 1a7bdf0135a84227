#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/database.h"
#include "tracking/tracking.h"

namespace hoego::tracking::internal {

inline constexpr std::string_view kRunNameTag = "mlflow.runName";

// The row number of a run that may be written to. NotFound; FailedPrecondition when it is deleted.
Result<int64_t> ActiveRun(storage::Transaction& transaction, std::string_view run_id);

// The parts of a batch, inside one transaction. Pre: CheckBatch was ok.
Status WriteParams(storage::Transaction& transaction, int64_t run,
                   const Batch& batch);  // InvalidArgument: changed
Status WriteTags(storage::Transaction& transaction, int64_t run,
                 const Batch& batch);  // mlflow.runName renames the run
Status WriteMetrics(storage::Transaction& transaction, int64_t run,
                    const Batch& batch);  // what is there is dropped
Status WriteTag(storage::Transaction& transaction, int64_t run, std::string_view key,
                std::string_view value);

}  // namespace hoego::tracking::internal
