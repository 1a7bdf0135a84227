#include "app/open_folder.h"

#include <filesystem>
#include <system_error>

#include "base/disk.h"

namespace hoego::app {
namespace {

namespace fs = std::filesystem;

Status CheckHoldsLog(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) {
    return Status::NotFound(fmt::format("{}: no such folder", folder));
  }
  const std::string log = JoinPath(folder, "log");
  if (!fs::is_directory(log, error) || fs::is_empty(log, error)) {
    return Status::NotFound(fmt::format("{} holds no log: nothing was ever stored there", folder));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Instance>> OpenForCommand(const Common& common, bool serving, NoLog no_log) {
  HOEGO_TRY_ASSIGN(Settings settings, ReadSettings(common));
  if (no_log == NoLog::kRefuse) {
    HOEGO_TRY(CheckHoldsLog(common.data));
  }
  if (!settings.changed("log.level")) {
    HOEGO_TRY(settings.Set("log.level", "warning"));
  }
  InstanceOptions options;
  options.program = common.program;
  options.folder = common.data;
  options.serving = serving;
  return Instance::Open(options, settings);
}

}  // namespace hoego::app
