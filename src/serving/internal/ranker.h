#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "events/history.h"
#include "events/store.h"
#include "registry/registry.h"
#include "serving/endpoint.h"
#include "serving/internal/item_filter.h"
#include "serving/internal/scratch.h"
#include "serving/loaded_version.h"
#include "serving/model_store.h"
#include "serving/popularity.h"

namespace hoego::serving::internal {

// One request, ready to be scored by any model.
struct Question {
  std::shared_ptr<const std::vector<events::HistoryEntry>>
      history;  // null: nothing is known of the unit
  ItemRules rules;
  uint32_t n = 10;
  std::chrono::nanoseconds started{0};   // Clock::Monotonic
  std::chrono::nanoseconds deadline{0};  // Clock::Monotonic
};

struct Ranking {
  struct Entry {
    events::ItemKey key;
    std::string id;
    float score = 0;
  };
  std::string model;
  uint32_t version = 0;
  std::vector<Entry> items;  // best first
  uint32_t candidates = 0;   // ItemFilter::candidates
  uint32_t folded_in = 0;    // items of the history that the model was told of
  bool late = false;         // ready after the deadline
  bool blind = false;        // all items scored alike, for a unit of which nothing is known
  bool fallback = false;     // not by the first source
  Status reason;             // why not, when fallback or late
};

// A version of a model for one request.
struct Found {
  std::shared_ptr<const LoadedVersion> version;
  bool stand_in = false;  // another version of the model: the one that is meant is not loaded
  Status reason;
};

// Asks models until one can answer. Threads: every method from any thread.
class Ranker {
 public:
  // Pre: all outlive this.
  Ranker(const events::EventStore& events, const registry::Registry& registry, ModelStore& models,
         const Popularity& popular, const Clock& clock)
      : events_(events), registry_(registry), models_(models), popular_(popular), clock_(clock) {}

  // The first source that answers in time, as recommend.h says. Pre: at least one source.
  Result<Ranking> Rank(const std::vector<const Source*>& sources, const Question& question) const;

  // The version that the reference means at this moment, or its stand-in. The registry's own error
  // when it means none; Unavailable when nothing of that model is loaded. Pre: !source.popular.
  Result<Found> Find(const Source& source) const;

 private:
  enum class Haste { kMeetDeadline, kAnswerAnyhow };
  Result<Ranking> Ask(const Source& source, const Question& question, Haste haste) const;
  Result<Ranking> AskModel(const LoadedVersion& version, const Question& question,
                           Haste haste) const;
  Ranking AskPopular(const Question& question) const;

  const events::EventStore& events_;
  const registry::Registry& registry_;
  ModelStore& models_;
  const Popularity& popular_;
  const Clock& clock_;
  mutable ScratchPool scratch_;
};

}  // namespace hoego::serving::internal
