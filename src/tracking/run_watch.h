#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace hoego::tracking {

// One word of a run that is under way.
struct RunWord {
  enum class Kind { kProgress, kMetric, kEnd };
  Kind kind = Kind::kProgress;
  double share = 0;  // kProgress: 0..1
  std::string text;  // kProgress: what it is doing; kMetric: the key; kEnd: the status
  double value = 0;  // kMetric
  int64_t step = 0;  // kMetric
};

// What runs say while they are under way, for whoever watches just now. Nothing of it is kept but
// each run's newest progress until it ends: what must last is logged to the run (tracking.h).
// Threads: every method from any thread. Watchers are called on the thread that speaks, one word of
// a run after the other; they must be quick and may let go of their own watch.
class RunWatch {
 public:
  using Told = std::function<void(const RunWord&)>;

  void Say(std::string_view run, RunWord word);
  // Tells the run's newest progress at once, when there is one, and every word from then on until
  // the result is let go of.
  std::shared_ptr<void> Watch(std::string_view run, Told told);
  size_t runs() const;  // that spoke and did not end, or are watched

 private:
  struct Watched {
    RunWord newest;
    bool spoke = false;
    std::vector<std::shared_ptr<const Told>> watchers;
  };
  struct State {
    Mutex mu;
    std::map<std::string, Watched, std::less<>> runs GUARDED_BY(mu);
  };
  // Shared with the watches, which may outlive this.
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace hoego::tracking
