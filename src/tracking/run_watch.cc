#include "tracking/run_watch.h"

#include <utility>

namespace hoego::tracking {

void RunWatch::Say(std::string_view run, RunWord word) {
  std::vector<std::shared_ptr<const Told>> told;
  {
    MutexLock lock(state_->mu);
    auto found = state_->runs.find(run);
    if (found == state_->runs.end()) {
      if (word.kind == RunWord::Kind::kEnd) {
        return;
      }
      found = state_->runs.emplace(std::string(run), Watched()).first;
    }
    Watched& watched = found->second;
    told = watched.watchers;
    if (word.kind == RunWord::Kind::kProgress) {
      watched.newest = word;
      watched.spoke = true;
    } else if (word.kind == RunWord::Kind::kEnd) {
      state_->runs.erase(found);
    }
  }
  for (const auto& watcher : told) {
    (*watcher)(word);
  }
}

std::shared_ptr<void> RunWatch::Watch(std::string_view run, Told told) {
  const auto watcher = std::make_shared<const Told>(std::move(told));
  RunWord newest;
  bool spoke = false;
  {
    MutexLock lock(state_->mu);
    Watched& watched = state_->runs[std::string(run)];
    watched.watchers.push_back(watcher);
    newest = watched.newest;
    spoke = watched.spoke;
  }
  if (spoke) {
    (*watcher)(newest);
  }
  // Whoever lets go takes the watcher out, and with the last one of a silent run the run.
  const auto leave = [state = state_, watcher, name = std::string(run)](void*) {
    std::vector<std::shared_ptr<const Told>> gone;  // destroyed when the lock is free again
    MutexLock lock(state->mu);
    const auto found = state->runs.find(name);
    if (found == state->runs.end()) {
      return;
    }
    std::erase_if(found->second.watchers, [&](const auto& w) {
      if (w == watcher) {
        gone.push_back(w);
      }
      return w == watcher;
    });
    if (found->second.watchers.empty() && !found->second.spoke) {
      state->runs.erase(found);
    }
  };
  return std::shared_ptr<void>(nullptr, leave);
}

size_t RunWatch::runs() const {
  MutexLock lock(state_->mu);
  return state_->runs.size();
}

}  // namespace hoego::tracking
