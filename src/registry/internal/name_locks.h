#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace hoego::registry::internal {

// One lock a name, there only while somebody holds it or waits for it.
//
// Threads: any. Cost: as many locks as threads inside, however many names come by.
class NameLocks {
 public:
  class Hold {
   public:
    Hold(NameLocks& locks, std::string_view name) : locks_(locks), name_(name) {
      locks_.Lock(name_);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { locks_.Unlock(name_); }

   private:
    NameLocks& locks_;
    const std::string name_;
  };

 private:
  struct Lane {
    size_t users = 0;  // the holder and those who wait
    bool held = false;
    CondVar freed;
  };

  void Lock(const std::string& name) {
    MutexLock lock(mu_);
    Lane& lane = lanes_[name];
    ++lane.users;
    while (lane.held) {
      lane.freed.Wait(mu_);
    }
    lane.held = true;
  }
  void Unlock(const std::string& name) {
    MutexLock lock(mu_);
    const auto lane = lanes_.find(name);
    lane->second.held = false;
    if (--lane->second.users == 0) {
      lanes_.erase(lane);
    } else {
      lane->second.freed.NotifyOne();
    }
  }

  Mutex mu_;
  std::map<std::string, Lane> lanes_ GUARDED_BY(mu_);
};

}  // namespace hoego::registry::internal
