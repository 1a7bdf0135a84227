#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace hoego::serving {

// The life of one model version in this process.
//
//             asked for             model read           scores are finite
//  kAbsent ──────────────▶ kLoading ─────────────▶ kWarming ─────────────▶ kReady
//                           ▲   │ cannot be           │ not finite           │ nobody
//           wanted again    │   ▼ read                ▼                      ▼ wants it
//  kUnloaded ───────────────┴─ kFailed ◀──────────────┘                  kDraining
//     ▲                                                                      │
//     └──────────────────────────────────────────────────────────────────────┘
//              the last reader let go, and the unloader destroyed it
//
// Only kReady answers requests. From kLoading to kDraining the version may hold its memory
// ("occupied"). The numbers are shown to the outside: never give one a new meaning.
enum class VersionState : uint8_t {
  kAbsent = 0,    // known by name, nothing in memory
  kLoading = 1,   // the loader thread is fetching and reading it
  kWarming = 2,   // read; the loader thread is asking it test questions
  kReady = 3,     // in the table that requests look into
  kDraining = 4,  // out of the table; requests that already held it finish
  kUnloaded = 5,  // destroyed
  kFailed = 6,    // the reason is kept beside it
};
inline constexpr std::array kVersionStates{
    VersionState::kAbsent,   VersionState::kLoading,  VersionState::kWarming, VersionState::kReady,
    VersionState::kDraining, VersionState::kUnloaded, VersionState::kFailed};

constexpr std::string_view VersionStateName(VersionState state) {
  constexpr std::array<std::string_view, 7> kNames{"absent",   "loading",  "warming", "ready",
                                                   "draining", "unloaded", "failed"};
  return kNames[static_cast<size_t>(state)];
}

constexpr bool CanMove(VersionState from, VersionState to) {
  switch (to) {
    case VersionState::kAbsent:
      return false;
    case VersionState::kLoading:
      return from == VersionState::kAbsent || from == VersionState::kUnloaded ||
             from == VersionState::kFailed;
    case VersionState::kWarming:
      return from == VersionState::kLoading;
    case VersionState::kReady:
      return from == VersionState::kWarming;
    case VersionState::kDraining:
      return from == VersionState::kReady;
    case VersionState::kUnloaded:
      return from == VersionState::kDraining;
    case VersionState::kFailed:
      return from == VersionState::kLoading || from == VersionState::kWarming;
  }
  return false;
}

constexpr bool Occupied(VersionState state) {
  return state == VersionState::kLoading || state == VersionState::kWarming ||
         state == VersionState::kReady || state == VersionState::kDraining;
}

// What the policy sees of one version.
struct VersionFacts {
  VersionState state = VersionState::kAbsent;
  bool referenced = false;                // an endpoint or a running test names it
  bool asked = false;                     // someone waits for it, or a request missed it
  std::chrono::nanoseconds last_used{0};  // by a request, or since when it is ready
  // When a failed load may be tried again; nothing: only when asked.
  std::optional<std::chrono::nanoseconds> retry_at;
};

// What the policy sees of the store. Times are Clock::Monotonic.
struct StoreFacts {
  std::chrono::nanoseconds now{0};
  std::chrono::nanoseconds keep_idle{0};  // an unreferenced version stays so long after its use
  size_t max_loaded = 0;                  // occupied versions at once
  size_t max_remembered = 0;  // versions that are not in memory, kept for their state and reason
  std::vector<VersionFacts> versions;  // oldest first
};

struct Action {
  enum class Kind : uint8_t {
    kLoad,    // begin to load it
    kDrain,   // take it out of the table
    kRefuse,  // tell who asked that there is no room
    kForget,  // drop its entry
  };
  Kind kind;
  size_t version;  // index in StoreFacts::versions
  friend bool operator==(const Action&, const Action&) = default;
};

// The one thing to do now; nothing when all is as it should be. Pure: the same facts give the same
// action, and doing what it says until it says nothing ends, since every action changes a state
// that only the outside changes back.
//
//  1. What is asked for is loaded first, then what is referenced, one at a time.
//  2. There are never more than max_loaded occupied versions: to make room the unreferenced one
//  that was used longest ago
//     goes; with none to go, who asked is refused (a referenced version waits).
//  3. A version that nobody references leaves once it was not used for keep_idle.
//  4. At most max_remembered entries that are not in memory and not wanted are kept; the oldest go.
std::optional<Action> Next(const StoreFacts& facts);

// When Next may say something new although nothing but the time changes; nothing: never.
std::optional<std::chrono::nanoseconds> NextWake(const StoreFacts& facts);

}  // namespace hoego::serving
