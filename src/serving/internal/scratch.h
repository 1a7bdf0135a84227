#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "models/model.h"

namespace hoego::serving::internal {

// The memory one request works in, kept from request to request: scoring a million items must not
// allocate four megabytes each time.
struct Scratch {
  std::vector<float> scores;     // by index
  std::vector<uint8_t> marks;    // by index; all 0 between requests
  std::vector<uint32_t> marked;  // where marks are not 0
  std::vector<models::Interaction> history;
};

// Hands out scratch memory. At most kKept lie unused; so there are never more than requests at once
// plus kKept. Threads: every method from any thread.
class ScratchPool {
 public:
  static constexpr size_t kKept = 32;

  class Lease {
   public:
    Lease(ScratchPool& pool, std::unique_ptr<Scratch> scratch)
        : pool_(&pool), scratch_(std::move(scratch)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (scratch_ != nullptr) {
        pool_->Return(std::move(scratch_));
      }
    }
    Scratch& operator*() { return *scratch_; }
    Scratch* operator->() { return scratch_.get(); }

   private:
    ScratchPool* pool_;
    std::unique_ptr<Scratch> scratch_;
  };

  Lease Take() {
    {
      MutexLock lock(mu_);
      if (!free_.empty()) {
        auto scratch = std::move(free_.back());
        free_.pop_back();
        return {*this, std::move(scratch)};
      }
    }
    return {*this, std::make_unique<Scratch>()};
  }

 private:
  void Return(std::unique_ptr<Scratch> scratch) {
    MutexLock lock(mu_);
    if (free_.size() < kKept) {
      free_.push_back(std::move(scratch));
    }
  }

  Mutex mu_;
  std::vector<std::unique_ptr<Scratch>> free_ GUARDED_BY(mu_);
};

}  // namespace hoego::serving::internal
