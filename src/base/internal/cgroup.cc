#include "base/internal/cgroup.h"

#include <algorithm>
#include <string_view>

#include "base/disk.h"
#include "base/text.h"

namespace hoego::internal {
namespace {

std::string Read(const std::string& path) {
  auto text = ReadWholeFile(RealDisk(), path);
  return text.ok() ? std::string(Trim(*text)) : std::string();
}

void Lower(std::optional<double>& least, std::optional<int64_t> quota,
           std::optional<int64_t> period) {
  if (quota && period && *quota > 0 && *period > 0) {
    const double cores = static_cast<double>(*quota) / static_cast<double>(*period);
    least = least ? std::min(*least, cores) : cores;
  }
}

// In a container the path of /proc/self/cgroup may be the host's, absent here: then only the
// mount's root counts.
void LowerOnTheWayUp(std::optional<double>& least, const std::string& mount, std::string_view path,
                     bool v2) {
  for (;;) {
    const std::string folder = mount + std::string(path == "/" ? "" : path);
    if (v2) {
      const std::string max = Read(folder + "/cpu.max");
      if (const auto words = Split(max, ' '); words.size() == 2) {
        Lower(least, ParseInt(words[0]), ParseInt(words[1]));
      }
    } else {
      Lower(least, ParseInt(Read(folder + "/cpu.cfs_quota_us")),
            ParseInt(Read(folder + "/cpu.cfs_period_us")));
    }
    if (path.empty() || path == "/") {
      return;
    }
    path = path.substr(0, path.find_last_of('/'));
  }
}

}  // namespace

std::optional<double> CgroupCores(const std::string& root) {
  std::optional<double> least;
  const std::string groups = Read(JoinPath(root, "proc/self/cgroup"));
  const std::string mount = JoinPath(root, "sys/fs/cgroup");
  for (const std::string_view line : Split(groups, '\n')) {
    // "0::/path" (version 2) or "4:cpu,cpuacct:/path" (version 1).
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos || line.find("/..", second) != std::string_view::npos) {
      continue;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (controllers.empty()) {
      LowerOnTheWayUp(least, mount, path, true);
    } else {
      const auto names = Split(controllers, ',');
      if (std::find(names.begin(), names.end(), "cpu") != names.end()) {
        LowerOnTheWayUp(least, mount + "/cpu", path, false);
      }
    }
  }
  return least;
}

}  // namespace hoego::internal
