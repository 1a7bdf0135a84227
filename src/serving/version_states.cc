#include "serving/version_states.h"

#include <algorithm>

namespace hoego::serving {
namespace {

using std::chrono::nanoseconds;

bool InMemory(const VersionFacts& v) {
  return Occupied(v.state);
}

bool RetryDue(const VersionFacts& v, nanoseconds now) {
  return v.retry_at.has_value() && *v.retry_at <= now;
}

// Should it be loaded, as far as it alone is concerned?
bool WantsLoad(const VersionFacts& v, nanoseconds now) {
  switch (v.state) {
    case VersionState::kAbsent:
    case VersionState::kUnloaded:
      return v.asked || v.referenced;
    case VersionState::kFailed:
      return v.asked || (v.referenced && RetryDue(v, now));
    default:
      return false;
  }
}

bool Evictable(const VersionFacts& v) {
  return v.state == VersionState::kReady && !v.referenced && !v.asked;
}

// The first version to load, asked ones before referenced ones.
std::optional<size_t> ToLoad(const StoreFacts& facts) {
  std::optional<size_t> found;
  for (size_t i = 0; i < facts.versions.size(); ++i) {
    const VersionFacts& v = facts.versions[i];
    if (!WantsLoad(v, facts.now)) {
      continue;
    }
    if (v.asked) {
      return i;
    }
    if (!found.has_value()) {
      found = i;
    }
  }
  return found;
}

std::optional<size_t> LeastRecentlyUsed(const StoreFacts& facts) {
  std::optional<size_t> found;
  for (size_t i = 0; i < facts.versions.size(); ++i) {
    const VersionFacts& v = facts.versions[i];
    if (Evictable(v) && (!found || v.last_used < facts.versions[*found].last_used)) {
      found = i;
    }
  }
  return found;
}

std::optional<Action> MakeRoomFor(const StoreFacts& facts, size_t wanted) {
  const auto draining = [](const VersionFacts& v) { return v.state == VersionState::kDraining; };
  if (std::any_of(facts.versions.begin(), facts.versions.end(), draining)) {
    return std::nullopt;  // room is on its way
  }
  if (const auto victim = LeastRecentlyUsed(facts)) {
    return Action{Action::Kind::kDrain, *victim};
  }
  if (facts.versions[wanted].asked) {
    return Action{Action::Kind::kRefuse, wanted};
  }
  return std::nullopt;
}

std::optional<Action> DropIdle(const StoreFacts& facts) {
  for (size_t i = 0; i < facts.versions.size(); ++i) {
    const VersionFacts& v = facts.versions[i];
    if (Evictable(v) && facts.now - v.last_used >= facts.keep_idle) {
      return Action{Action::Kind::kDrain, i};
    }
  }
  return std::nullopt;
}

std::optional<Action> ForgetOldest(const StoreFacts& facts) {
  std::optional<size_t> oldest;
  size_t remembered = 0;
  for (size_t i = 0; i < facts.versions.size(); ++i) {
    const VersionFacts& v = facts.versions[i];
    if (!InMemory(v) && !v.referenced && !v.asked) {
      ++remembered;
      if (!oldest.has_value()) {
        oldest = i;
      }
    }
  }
  if (remembered > facts.max_remembered) {
    return Action{Action::Kind::kForget, *oldest};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Action> Next(const StoreFacts& facts) {
  if (const auto wanted = ToLoad(facts)) {
    const auto occupied =
        static_cast<size_t>(std::count_if(facts.versions.begin(), facts.versions.end(), InMemory));
    if (occupied < facts.max_loaded) {
      return Action{Action::Kind::kLoad, *wanted};
    }
    if (const auto action = MakeRoomFor(facts, *wanted)) {
      return action;
    }
  }
  if (const auto action = DropIdle(facts)) {
    return action;
  }
  return ForgetOldest(facts);
}

std::optional<nanoseconds> NextWake(const StoreFacts& facts) {
  std::optional<nanoseconds> wake;
  const auto consider = [&wake, &facts](nanoseconds at) {
    if (at > facts.now && (!wake.has_value() || at < *wake)) {
      wake = at;
    }
  };
  for (const VersionFacts& v : facts.versions) {
    if (Evictable(v)) {
      consider(v.last_used + facts.keep_idle);
    }
    if (v.state == VersionState::kFailed && v.referenced && v.retry_at.has_value()) {
      consider(*v.retry_at);
    }
  }
  return wake;
}

}  // namespace hoego::serving
