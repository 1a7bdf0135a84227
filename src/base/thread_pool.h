#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

namespace hoego {

// Threads that work off tasks; its destructor finishes what was submitted. Exceptions end the
// process. Threads: every method from any thread, but ParallelFor must not be called from one of
// the pool's own tasks.
class ThreadPool {
 public:
  explicit ThreadPool(size_t threads);  // 0: one per core this process may use
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Pre: the caller bounds how much waits here; the pool takes all it is given.
  void Submit(std::function<void()> task);

  // body(begin, end, worker) over [0, n) in chunks of `grain`, handed out as workers become free;
  // the caller works too, so that it ends even when every thread is busy elsewhere; with it at most
  // size() bodies run at the same time. worker is in [0, size()] and is unique among the bodies of
  // this call that run at the same time: use it for scratch memory. The split into chunks depends
  // on n and grain alone, so sums kept per chunk are reproducible. Stops handing out chunks once
  // `stop` is asked for. Pre: grain > 0.
  void ParallelFor(size_t n, size_t grain,
                   const std::function<void(size_t begin, size_t end, size_t worker)>& body,
                   const std::stop_token& stop = {});

  size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

size_t UsableCores();  // honours affinity and cgroup quotas; at least 1

}  // namespace hoego
