#include "tracking/internal/run_states.h"

namespace hoego::tracking {

std::string_view RunStatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning:
      return "RUNNING";
    case RunStatus::kScheduled:
      return "SCHEDULED";
    case RunStatus::kFinished:
      return "FINISHED";
    case RunStatus::kFailed:
      return "FAILED";
    case RunStatus::kKilled:
      return "KILLED";
  }
  return "UNKNOWN";
}

namespace internal {

std::optional<RunStatus> ParseRunStatus(std::string_view name) {
  for (const RunStatus status : {RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished,
                                 RunStatus::kFailed, RunStatus::kKilled}) {
    if (RunStatusName(status) == name) {
      return status;
    }
  }
  return std::nullopt;
}

}  // namespace internal
}  // namespace hoego::tracking
