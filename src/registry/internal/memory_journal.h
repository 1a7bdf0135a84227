#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "registry/registry.h"

namespace hoego::registry::internal {

// A journal in memory for tests, which fails and blocks when told to. Threads: any.
class MemoryJournal final : public Journal {
 public:
  struct Entry {
    std::string kind;
    std::string name;
    std::string json;
  };

  Status Append(std::string_view kind, std::string_view name, std::string_view json) override {
    Status status;
    bool kept = true;
    if (before) {
      status = before(kind, name, &kept);
    }
    MutexLock lock(mu_);
    if (kept) {
      entries_.push_back({std::string(kind), std::string(name), std::string(json)});
    }
    return status;
  }
  std::vector<Entry> entries() const {
    MutexLock lock(mu_);
    return entries_;
  }

  // Called first, without a lock; what it returns is what Append answers. `kept` says whether the
  // entry reaches the journal: a failed write may or may not have reached the disk.
  std::function<Status(std::string_view kind, std::string_view name, bool* kept)> before;

 private:
  mutable Mutex mu_;
  std::vector<Entry> entries_ GUARDED_BY(mu_);
};

}  // namespace hoego::registry::internal
