#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define HOEGO_TSA(x) __attribute__((x))
#else
#define HOEGO_TSA(x)
#endif

#define GUARDED_BY(x) HOEGO_TSA(guarded_by(x))
#define REQUIRES(...) HOEGO_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) HOEGO_TSA(locks_excluded(__VA_ARGS__))

namespace hoego {

// std::mutex with the names that clang's -Wthread-safety checks.
class HOEGO_TSA(capability("mutex")) Mutex {
 public:
  void Lock() HOEGO_TSA(acquire_capability()) { mu_.lock(); }
  void Unlock() HOEGO_TSA(release_capability()) { mu_.unlock(); }
  bool TryLock() HOEGO_TSA(try_acquire_capability(true)) { return mu_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

class HOEGO_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mu) HOEGO_TSA(acquire_capability(mu)) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() HOEGO_TSA(release_capability()) { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// Waits on a Mutex that the caller holds. Always re-check the condition in a loop.
class CondVar {
 public:
  void Wait(Mutex& mu) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // False when the time ran out.
  bool WaitFor(Mutex& mu, std::chrono::nanoseconds timeout) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    const bool woken = cv_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace hoego
