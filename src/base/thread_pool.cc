#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/internal/cgroup.h"
#include "base/mutex.h"

namespace hoego {
namespace {

// Which of its pool's threads this one is; no pool has this many.
constexpr size_t kNotOurs = ~size_t{0};
thread_local size_t this_worker = kNotOurs;

// One ParallelFor: whoever comes takes the next chunk. Shared with tasks that may start after the
// call has returned; those find it closed and touch nothing.
struct Loop {
  size_t n = 0;
  size_t grain = 1;
  size_t chunks = 0;
  std::atomic<size_t> next{0};
  Mutex mu;
  CondVar idle;
  size_t active GUARDED_BY(mu) = 0;
  bool closed GUARDED_BY(mu) = false;
};

using Body = std::function<void(size_t, size_t, size_t)>;

void TakeChunks(Loop& loop, const Body& body, const std::stop_token& stop, size_t worker) noexcept {
  while (!stop.stop_requested()) {
    const size_t chunk = loop.next.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= loop.chunks) {
      return;
    }
    const size_t begin = chunk * loop.grain;
    body(begin, begin + std::min(loop.grain, loop.n - begin), worker);
  }
}

}  // namespace

struct ThreadPool::Impl {
  Mutex mu;
  CondVar ready;
  std::deque<std::function<void()>> tasks GUARDED_BY(mu);
  bool closing GUARDED_BY(mu) = false;
  std::vector<std::thread> threads;

  void Work(size_t worker) noexcept {
    this_worker = worker;
    for (;;) {
      std::function<void()> task;
      {
        MutexLock lock(mu);
        while (tasks.empty() && !closing) {
          ready.Wait(mu);
        }
        if (tasks.empty()) {
          return;
        }
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      task();
    }
  }
};

ThreadPool::ThreadPool(size_t threads) : impl_(std::make_unique<Impl>()) {
  const size_t count = threads == 0 ? UsableCores() : threads;
  for (size_t i = 0; i < count; ++i) {
    impl_->threads.emplace_back([impl = impl_.get(), i] { impl->Work(i); });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(impl_->mu);
    impl_->closing = true;
    impl_->ready.NotifyAll();
  }
  for (std::thread& thread : impl_->threads) {
    thread.join();
  }
}

void ThreadPool::Submit(std::function<void()> task) {
  MutexLock lock(impl_->mu);
  impl_->tasks.push_back(std::move(task));
  impl_->ready.NotifyOne();
}

void ThreadPool::ParallelFor(size_t n, size_t grain, const Body& body,
                             const std::stop_token& stop) {
  const auto loop = std::make_shared<Loop>();
  loop->n = n;
  loop->grain = std::max<size_t>(grain, 1);
  loop->chunks = n / loop->grain + (n % loop->grain != 0 ? 1 : 0);
  // The caller is one of the size() that work: no more run than the pool was made for.
  for (size_t i = 1; i < std::min(loop->chunks, size()); ++i) {
    Submit([loop, &body, &stop] {
      {
        MutexLock lock(loop->mu);
        if (loop->closed) {
          return;
        }
        ++loop->active;
      }
      TakeChunks(*loop, body, stop, this_worker);
      MutexLock lock(loop->mu);
      --loop->active;
      loop->idle.NotifyAll();
    });
  }
  TakeChunks(*loop, body, stop, size());
  MutexLock lock(loop->mu);
  loop->closed = true;
  while (loop->active > 0) {
    loop->idle.Wait(loop->mu);
  }
}

size_t ThreadPool::size() const {
  return impl_->threads.size();
}

size_t UsableCores() {
  cpu_set_t mask;
  size_t cores = std::max<size_t>(std::thread::hardware_concurrency(), 1);
  if (::sched_getaffinity(0, sizeof(mask), &mask) == 0) {  // fails beyond 1024 processors
    cores = static_cast<size_t>(std::max(CPU_COUNT(&mask), 1));
  }
  if (const auto quota = internal::CgroupCores("/")) {
    cores = std::min(cores, static_cast<size_t>(std::max(std::ceil(*quota), 1.0)));
  }
  return cores;
}

}  // namespace hoego
