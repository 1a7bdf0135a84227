#pragma once

#include <memory>
#include <utility>

#include "base/mutex.h"

namespace hoego::native {

// Holds what feeds an event stream, and lets go of it once, whichever of the two ends first: the
// feed calls End() from its own callback, perhaps before Keep() was reached.
// Threads: every method from any thread.
class Subscription {
 public:
  void Keep(std::shared_ptr<void> feed) {
    MutexLock lock(mu_);
    if (!over_) {
      feed_ = std::move(feed);
    }  // else it is let go of here, by the parameter
  }
  void End() {
    std::shared_ptr<void> gone;  // let go of when the lock is free again: it may lead back here
    MutexLock lock(mu_);
    over_ = true;
    gone = std::exchange(feed_, nullptr);
  }

 private:
  Mutex mu_;
  std::shared_ptr<void> feed_ GUARDED_BY(mu_);
  bool over_ GUARDED_BY(mu_) = false;
};

}  // namespace hoego::native
