#pragma once

#include <optional>
#include <string>

namespace hoego::internal {

// The CPU quota of this process's control group and of the groups around it, in cores (1.5 = 150 ms
// of each 100 ms): the smallest, or nothing when there is none. Reads ROOT/proc/self/cgroup and
// ROOT/sys/fs/cgroup, version 2 or 1.
std::optional<double> CgroupCores(const std::string& root);

}  // namespace hoego::internal
