#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace hoego {

// A queue that says no when full instead of growing. Threads: any number of producers and
// consumers.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // False when full or closed: the caller must say so to whoever asked.
  bool TryPush(T value) {
    MutexLock lock(mu_);
    if (closed_ || queue_.size() >= capacity_) {
      return false;
    }
    queue_.push_back(std::move(value));
    ready_.NotifyOne();
    return true;
  }

  // Waits for at least one element and takes up to `most`. Empty only when closed and drained.
  std::vector<T> PopSome(size_t most) {
    MutexLock lock(mu_);
    while (queue_.empty() && !closed_) {
      ready_.Wait(mu_);
    }
    std::vector<T> taken;
    while (!queue_.empty() && taken.size() < most) {
      taken.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return taken;
  }

  // No more pushes; consumers drain what is left.
  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
    ready_.NotifyAll();
  }

  size_t size() const {
    MutexLock lock(mu_);
    return queue_.size();
  }

 private:
  const size_t capacity_;
  mutable Mutex mu_;
  CondVar ready_;
  std::deque<T> queue_ GUARDED_BY(mu_);
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace hoego
