#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"
#include "events/store.h"
#include "registry/registry.h"
#include "serving/decision_log.h"
#include "serving/endpoints.h"
#include "serving/model_store.h"
#include "serving/popularity.h"
#include "serving/recommend.h"
#include "serving/route.h"

namespace hoego::serving {

namespace internal {
class AnswerMetrics;
class Ranker;
struct Question;
}  // namespace internal

// What answers are made of; everything must outlive the Serving.
struct ServingParts {
  events::EventStore& events;
  registry::Registry& registry;
  Endpoints& endpoints;
  ModelStore& models;
  const Popularity& popular;
  DecisionLog& decisions;
  const Router* router;  // null: every route is fixed
  const Clock& clock;
  Metrics& metrics;
};

// Answers by endpoint. A request takes the endpoint, asks the router for the unit's arm, resolves
// the arm's model by the registry as of this moment, folds the unit's history into that version,
// scores every item, keeps the best that the rules allow and hands the decision to the log.
//
// A model that is not loaded, fails or cannot meet the deadline is replaced: by the loaded version
// of the same model that answered last (a new version is on its way or broken), then by the
// endpoint's fallbacks in order; so too for a unit of which nothing is known, when the model scores
// all items alike for her and a fallback does not. The deadline is compared with what the model took lately before it
// is asked and with the clock afterwards. When nothing meets the deadline the answer comes late
// rather than not at all, and is counted in hoego_recommend_late_total.
//
// Threads: every method from any thread. Cost of an answer: the model's Score, one pass over the
// scores, the unit's own history; it does not grow with the log, nor with the number of endpoints,
// versions or tests.
class Serving {
 public:
  using Done = std::function<void(Result<RecommendAnswer>)>;

  // Takes over Endpoints::OnChange.
  explicit Serving(ServingParts parts);
  ~Serving();

  // Calls `done` once: before it returns, or on the decision log's thread after the commit when the
  // endpoint's decisions are durable. InvalidArgument names the wrong field; NotFound the nearest
  // endpoint; Unavailable when no model can answer.
  void Recommend(const RecommendRequest& request, Done done);

  // Items near one item by the endpoint's model, those that are hidden, expired or outside the
  // endpoint's categories left out.
  Result<SimilarAnswer> Similar(std::string_view endpoint, std::string_view item, uint32_t n) const;
  // Why an item scores what it does for a unit, by the model that answers her now. Fallbacks do not
  // explain.
  Result<ExplainAnswer> Explain(std::string_view endpoint, std::string_view unit,
                                std::string_view item) const;

  Endpoints& endpoints() { return parts_.endpoints; }
  ModelStore& models() { return parts_.models; }
  DecisionLog& decisions() { return parts_.decisions; }

  // Loads a version and tells when it is ready: call it before an alias moves there, and no request
  // misses it.
  void Prepare(std::string_view model, uint32_t version, ModelStore::Prepared done);
  // The models that running tests may send units to ("films/3", "books@challenger"): kept loaded
  // beside those of the endpoints.
  void SetArms(std::vector<std::string> model_refs);
  // Looks again which versions the endpoints and arms name: call it from Registry::OnChange.
  void RefreshReferences();

 private:
  struct Answered;
  Result<Answered> Answer(const RecommendRequest& request, std::chrono::nanoseconds started) const;
  internal::Question MakeQuestion(const RecommendRequest& request, const Endpoint& endpoint,
                                  std::chrono::nanoseconds started) const;
  RouteChoice RouteOf(const Endpoint& endpoint, std::string_view unit) const;
  void Finish(Answered answered, Done done);

  const ServingParts parts_;
  std::unique_ptr<internal::Ranker> ranker_;
  std::unique_ptr<internal::AnswerMetrics> metrics_;
  Mutex references_mu_;  // one refresh at a time, so that the newest wins
  std::vector<std::string> arms_ GUARDED_BY(references_mu_);
};

}  // namespace hoego::serving
