#pragma once

#include <cstdint>
#include <string_view>

namespace hoego::training {

// What a training says while it runs. Implemented on top of tracking (loop/) and by the training child (over a pipe).
// Threads: called from one thread at a time.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void Progress(double share, std::string_view what) = 0;                       // share in 0..1
  virtual void Metric(std::string_view name, double value, int64_t step) = 0;
};

class SilentObserver final : public Observer {
 public:
  void Progress(double, std::string_view) override {}
  void Metric(std::string_view, double, int64_t) override {}
};

}  // namespace hoego::training
