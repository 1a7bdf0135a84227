#include "app/killed_trainings.h"

#include <filesystem>
#include <set>
#include <system_error>

#include "base/disk.h"
#include "base/log.h"
#include "base/uuid.h"

namespace hoego::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "train-";
constexpr size_t kPage = 1000;

// The UUID tells them from the folders of a loop that is called "train".
bool IsWorkName(std::string_view name) {
  return name.starts_with(kPrefix) && Uuid::Parse(name.substr(kPrefix.size())).has_value();
}

Result<std::set<std::string>> LeftBehind(const std::string& work) {
  std::set<std::string> left;
  std::error_code error;
  if (!fs::is_directory(work, error)) {
    return left;
  }
  HOEGO_TRY_ASSIGN(const std::vector<std::string> names, RealDisk().List(work));
  for (const std::string& name : names) {
    if (IsWorkName(name)) {
      left.insert(name);
    }
  }
  return left;
}

Status EndRunsOf(const std::set<std::string>& left, tracking::Tracking& tracking) {
  for (size_t offset = 0;; offset += kPage) {
    HOEGO_TRY_ASSIGN(const std::vector<tracking::Run> runs, tracking.ListRuns("", kPage, offset));
    for (const tracking::Run& run : runs) {
      const auto tag = run.tags.find(std::string(kWorkTag));
      if (run.status != tracking::RunStatus::kRunning || run.deleted || tag == run.tags.end() || !left.contains(tag->second)) {
        continue;
      }
      HOEGO_TRY(tracking.EndRun(run.id, tracking::RunStatus::kKilled));
      Log(LogLevel::kInfo, "app", "a training was killed, its run is ended", {{"run", run.id}});
    }
    if (runs.size() < kPage) {
      return {};
    }
  }
}

}  // namespace

std::string NewWorkName() { return fmt::format("{}{}", kPrefix, NewUuid(SystemClock::Instance().Now()).ToString()); }

Status EndKilledTrainings(const std::string& folder, tracking::Tracking& tracking) {
  const std::string work = JoinPath(folder, "work");
  HOEGO_TRY_ASSIGN(const std::set<std::string> left, LeftBehind(work));
  if (left.empty()) {
    return {};
  }
  HOEGO_TRY(EndRunsOf(left, tracking));
  for (const std::string& name : left) {
    std::error_code error;
    fs::remove_all(JoinPath(work, name), error);
    if (error) {
      return Status::Internal(fmt::format("remove {}: {}", JoinPath(work, name), error.message()));
    }
  }
  return {};
}

}  // namespace hoego::app
