#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "events/history.h"
#include "events/store.h"
#include "models/model.h"
#include "serving/item_map.h"
#include "serving/published.h"

namespace hoego::serving {

// Which events a model learnt from, and with what weight: the tag "learn" of its version, the loop
// file's learn.events:
// {"positive":["watch","like"],"negative":["skip"],"weight":{"like":3},"min_value":0}. A model must
// be told of a unit at request time what it was told of her in training, so both read the same
// rule.
struct LearnRule {
  std::vector<std::string> positive;     // empty: every type that is not negative
  std::vector<std::string> negative;     // their weight counts below 0
  std::map<std::string, double> weight;  // by type; 1 when not listed
  double min_value = 0;                  // events with a value below it are left out; 0: none is

  // InvalidArgument naming the field. An empty text is the rule of all types with weight 1.
  static Result<LearnRule> Parse(std::string_view json);
  // The weight of an event of this type, 0: not learnt from.
  float WeightOf(const std::string& type) const;
};

// The rule by type key, also for types that appear later.
// Threads: every method from any thread.
class LearnWeights {
 public:
  // Pre: the store outlives this.
  LearnWeights(LearnRule rule, const events::EventStore& store);

  // What the model is told of this history, sorted by index, each item once: weights of the same
  // item are added in the history's order, sums of 0 and items the model does not know are left
  // out. Replaces what was in `out`.
  void FoldIn(std::span<const events::HistoryEntry> history, const ItemMap& items,
              std::vector<models::Interaction>& out) const;

 private:
  using Table = std::vector<float>;  // by type key
  std::shared_ptr<const Table> Extend(size_t types) const EXCLUDES(mu_);

  const LearnRule rule_;
  const events::EventStore& store_;
  mutable Mutex mu_;  // one extension at a time
  mutable Published<Table> table_;
};

}  // namespace hoego::serving
