#pragma once

#include <memory>
#include <utility>

#include "base/mutex.h"

namespace hoego::serving {

// The value readers see now. A reader keeps what it took for as long as it holds the pointer,
// whatever is published meanwhile. A mutex around a shared_ptr and not
// std::atomic<std::shared_ptr>: docs/adr/0007-hot-swap.md.
//
// Threads: every method from any thread; a read is one lock and one count (~40 ns).
template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> first) : now_(std::move(first)) {}

  std::shared_ptr<const T> get() const {
    MutexLock lock(mu_);
    return now_;
  }

  // Returns the value replaced: whoever lets go last destroys it, and never under the lock.
  std::shared_ptr<const T> Publish(std::shared_ptr<const T> next) {
    MutexLock lock(mu_);
    std::swap(now_, next);
    return next;
  }

 private:
  mutable Mutex mu_;
  std::shared_ptr<const T> now_ GUARDED_BY(mu_);
};

}  // namespace hoego::serving
