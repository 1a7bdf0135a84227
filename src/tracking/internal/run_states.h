#pragma once

#include <optional>
#include <string_view>

#include "tracking/tracking.h"

namespace hoego::tracking::internal {

// How a run's status may change (a status may always stay what it is):
//
//   SCHEDULED --> RUNNING --> FINISHED, FAILED, KILLED
//        '-------------------->  |  ^
//                  RUNNING <-----'  '-- an ended run may be ended otherwise: the last word counts
//
// Nothing goes back to SCHEDULED. An ended run may be taken up again, as MLflow's clients do when
// they resume one.
constexpr bool IsEnd(RunStatus status) {
  return status == RunStatus::kFinished || status == RunStatus::kFailed ||
         status == RunStatus::kKilled;
}
constexpr bool CanMove(RunStatus from, RunStatus to) {
  return from == to || to != RunStatus::kScheduled;
}

std::optional<RunStatus> ParseRunStatus(std::string_view name);

}  // namespace hoego::tracking::internal
