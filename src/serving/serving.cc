#include "serving/serving.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "serving/internal/answer_metrics.h"
#include "serving/internal/ranker.h"
#include "serving/page_cursor.h"

namespace hoego::serving {
namespace {

using std::chrono::nanoseconds;

std::vector<events::ItemKey> KnownItems(const events::EventStore& store,
                                        const std::vector<std::string_view>& ids) {
  std::vector<events::ItemKey> keys;
  keys.reserve(ids.size());
  for (const std::string_view id : ids) {
    if (const auto key = store.FindItem(id)) {
      keys.push_back(*key);
    }
  }
  return keys;
}

template <class Names>
std::vector<uint32_t> KnownCategories(const events::Catalogue& catalogue, const Names& names) {
  std::vector<uint32_t> ids;
  for (const auto& name : names) {
    if (const auto id = catalogue.CategoryId(name)) {
      ids.push_back(*id);
    }
  }
  return ids;
}

uint32_t Micros(nanoseconds d) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count(), 0,
                          std::numeric_limits<uint32_t>::max()));
}

}  // namespace

// An answer whose decision was not handed over yet.
struct Serving::Answered {
  RecommendAnswer answer;
  Decision decision;
  bool durable = false;
  bool late = false;
  Status reason;  // of the fallback or the lateness
  uint32_t folded_in = 0;
  nanoseconds started{0};
};

Serving::Serving(ServingParts parts)
    : parts_(parts),
      ranker_(std::make_unique<internal::Ranker>(parts.events, parts.registry, parts.models,
                                                 parts.popular, parts.clock)),
      metrics_(std::make_unique<internal::AnswerMetrics>(parts.metrics)) {
  parts_.endpoints.OnChange([this] { RefreshReferences(); });
}

Serving::~Serving() {
  parts_.endpoints.OnChange(nullptr);
  parts_.decisions.Flush();  // answers that wait for their commit still need this
}

void Serving::Recommend(const RecommendRequest& request, Done done) {
  const nanoseconds started = request.arrived.value_or(parts_.clock.Monotonic());
  // Memory that runs out ends this request, not the server.
  const auto answer = [&]() -> Result<Answered> {
    try {
      return Answer(request, started);
    } catch (const std::bad_alloc&) {
      return Status::ResourceExhausted("not enough memory to answer");
    }
  };
  auto answered = answer();
  if (!answered.ok()) {
    const bool known = parts_.endpoints.Find(request.endpoint) != nullptr;
    metrics_->Failed(known ? request.endpoint : "", answered.status().code());
    done(answered.status());
    return;
  }
  Finish(std::move(*answered), std::move(done));
}

Result<Serving::Answered> Serving::Answer(const RecommendRequest& request,
                                          nanoseconds started) const {
  HOEGO_TRY_ASSIGN(const auto endpoint, parts_.endpoints.Get(request.endpoint));
  HOEGO_TRY(CheckRequest(request));
  PageCursor cursor;
  if (!request.page.empty()) {
    HOEGO_TRY_ASSIGN(cursor, PageCursor::Decode(request.page, request.endpoint, request.unit));
    if (cursor.shown.size() + request.n > PageCursor::kMaxShown) {
      return Status::OutOfRange(fmt::format(
          "page: {} items were shown, {} more would pass the limit of {}: begin again without page",
          cursor.shown.size(), request.n, PageCursor::kMaxShown));
    }
  }
  const RouteChoice choice = RouteOf(*endpoint, request.unit);
  internal::Question question = MakeQuestion(request, *endpoint, started);
  question.rules.shown = cursor.shown;

  std::vector<const Source*> sources;
  for (const Source& source : endpoint->sources) {
    sources.push_back(&source);
  }
  Source arm;
  if (choice.model_ref != endpoint->definition.model) {
    HOEGO_TRY_ASSIGN(arm, Source::Parse(choice.model_ref));
    sources.front() = &arm;
  }
  HOEGO_TRY_ASSIGN(internal::Ranking ranking, ranker_->Rank(sources, question));

  Answered out;
  out.durable = endpoint->definition.decisions == DecisionMode::kDurable;
  out.late = ranking.late;
  out.reason = ranking.reason;
  out.folded_in = ranking.folded_in;
  out.started = started;
  RecommendAnswer& a = out.answer;
  a.decision_id = NewUuid(question.rules.now);
  a.endpoint = endpoint->name;
  a.route_revision = choice.revision;
  a.model = std::move(ranking.model);
  a.version = ranking.version;
  a.test = choice.test;
  a.arm = choice.arm;
  a.fallback = ranking.fallback;
  a.fallback_reason = ranking.fallback ? std::string(ranking.reason.message()) : std::string();
  std::vector<events::ItemKey> keys;
  for (internal::Ranking::Entry& entry : ranking.items) {
    const auto position = static_cast<uint32_t>(a.items.size() + 1);
    a.items.push_back({std::move(entry.id), entry.score, position, 1.0f});
    out.decision.items.push_back({entry.key, entry.score, 1.0f});
    keys.push_back(entry.key);
  }
  const bool more =
      a.items.size() == request.n && cursor.shown.size() + a.items.size() < PageCursor::kMaxShown;
  if (more) {
    cursor.Add(keys);
    a.page = cursor.Encode(request.endpoint, request.unit);
  }
  Decision& d = out.decision;
  d.id = a.decision_id;
  d.time = question.rules.now;
  d.endpoint = a.endpoint;
  d.unit = request.unit;
  d.choice = choice;
  d.model = a.model;
  d.version = a.version;
  d.candidates = ranking.candidates;
  d.fallback = a.fallback;
  d.latency_us = Micros(parts_.clock.Monotonic() - started);
  return out;
}

internal::Question Serving::MakeQuestion(const RecommendRequest& request, const Endpoint& endpoint,
                                         nanoseconds started) const {
  internal::Question q;
  q.n = request.n;
  const auto own = endpoint.definition.deadline;
  q.deadline = started + std::min(own, request.deadline.value_or(own));
  if (const auto unit = parts_.events.FindUnit(request.unit)) {
    q.history = parts_.events.history().Get(*unit);
  }
  internal::ItemRules& rules = q.rules;
  rules.now = parts_.clock.Now();
  rules.catalogue = parts_.events.catalogue().view();
  rules.exclude = KnownItems(parts_.events, request.exclude);
  if (endpoint.definition.seen == SeenItems::kExclude) {
    rules.seen = q.history;
  }
  if (!request.candidates.empty()) {
    rules.candidates = KnownItems(parts_.events, request.candidates);
  }
  const auto& catalogue = parts_.events.catalogue();
  if (!endpoint.definition.categories.empty()) {
    rules.categories.push_back(KnownCategories(catalogue, endpoint.definition.categories));
  }
  if (!request.categories.empty()) {
    rules.categories.push_back(KnownCategories(catalogue, request.categories));
  }
  return q;
}

RouteChoice Serving::RouteOf(const Endpoint& endpoint, std::string_view unit) const {
  RouteChoice choice;
  if (parts_.router != nullptr) {
    choice = parts_.router->Choose(endpoint.name, unit);
  }
  if (choice.model_ref.empty()) {
    choice.model_ref = endpoint.definition.model;
  }
  if (choice.revision == 0) {
    choice.revision = endpoint.revision;
  }
  return choice;
}

void Serving::Finish(Answered answered, Done done) {
  const RecommendAnswer& a = answered.answer;
  if (a.fallback) {
    metrics_->FellBack(a.endpoint, answered.reason);
  }
  if (answered.late) {
    metrics_->Late(a.endpoint);
  }
  if (!answered.durable) {
    answered.answer.logged = parts_.decisions.TryLog(std::move(answered.decision));
    metrics_->Answered(a.endpoint, a.model, a.version, parts_.clock.Monotonic() - answered.started,
                       answered.folded_in);
    done(std::move(answered.answer));
    return;
  }
  // Shared, since a std::function must be copyable.
  auto waiting = std::make_shared<Answered>(std::move(answered));
  Decision decision = std::move(waiting->decision);
  parts_.decisions.LogDurably(
      std::move(decision), [this, waiting, done = std::move(done)](bool logged) {
        RecommendAnswer& answer = waiting->answer;
        answer.logged = logged;
        metrics_->Answered(answer.endpoint, answer.model, answer.version,
                           parts_.clock.Monotonic() - waiting->started, waiting->folded_in);
        done(std::move(answer));
      });
}

void Serving::Prepare(std::string_view model, uint32_t version, ModelStore::Prepared done) {
  const auto found = parts_.registry.GetVersion(model, version);
  if (!found.ok()) {
    done(found.status());
    return;
  }
  parts_.models.Prepare(*found, std::move(done));
}

void Serving::SetArms(std::vector<std::string> model_refs) {
  {
    MutexLock lock(references_mu_);
    arms_ = std::move(model_refs);
  }
  RefreshReferences();
}

void Serving::RefreshReferences() {
  MutexLock lock(references_mu_);
  std::vector<registry::ModelVersion> versions;
  const auto add = [&](const Source& source) {
    if (source.popular) {
      return;
    }
    // A reference that means nothing yet (films@previous before the first move) is not an error.
    if (auto version = parts_.registry.Resolve(source.ref); version.ok()) {
      versions.push_back(std::move(*version));
    }
  };
  for (const auto& endpoint : parts_.endpoints.List()) {
    for (const Source& source : endpoint->sources) {
      add(source);
    }
  }
  for (const std::string& arm : arms_) {
    if (const auto source = Source::Parse(arm); source.ok()) {
      add(*source);
    }
  }
  parts_.models.SetReferenced(versions);
}

}  // namespace hoego::serving
