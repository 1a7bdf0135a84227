#include "serving/internal/ranker.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "kernels/topk.h"

namespace hoego::serving::internal {
namespace {

using std::chrono::nanoseconds;

double Millis(nanoseconds d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

Status TooSlow(const LoadedVersion& version, nanoseconds needs, nanoseconds has) {
  return Status::DeadlineExceeded(fmt::format("{}/{} takes about {:.2f} ms, {:.2f} ms are left",
                                              version.model, version.version, Millis(needs),
                                              std::max(0.0, Millis(has))));
}

// Of the items that were trained at all.
bool AllAreAlike(std::span<const float> scores) {
  const float* seen = nullptr;
  for (const float& score : scores) {
    if (std::isinf(score)) {
      continue;
    }
    if (seen != nullptr && score != *seen) {
      return false;
    }
    seen = &score;
  }
  return true;
}

bool AllAreScores(std::span<const float> scores) {
  return std::all_of(scores.begin(), scores.end(), IsScore);
}

}  // namespace

Result<Ranking> Ranker::Rank(const std::vector<const Source*>& sources,
                             const Question& question) const {
  Status first;
  std::optional<Ranking> blind;  // better than nothing, when no other source says more
  std::optional<Ranking> late;
  for (size_t i = 0; i < sources.size(); ++i) {
    auto ranking = Ask(*sources[i], question, Haste::kMeetDeadline);
    if (!ranking.ok()) {
      first = first.ok() ? ranking.status() : std::move(first);
      continue;
    }
    ranking->fallback = ranking->fallback || i > 0;
    if (ranking->blind && !ranking->late) {
      first = first.ok()
                  ? Status::FailedPrecondition(fmt::format("{}/{} knows nothing of this unit",
                                                           ranking->model, ranking->version))
                  : std::move(first);
      if (!blind.has_value()) {
        blind = std::move(*ranking);
      }
      continue;
    }
    if (blind.has_value() && ranking->items.size() < blind->items.size()) {
      continue;  // fewer items help nobody
    }
    if (!ranking->late) {
      ranking->reason = first.ok() ? ranking->reason : std::move(first);
      return ranking;
    }
    first = first.ok() ? ranking->reason : std::move(first);
    if (!late.has_value()) {
      late = std::move(*ranking);
    }
  }
  if (blind.has_value()) {
    return std::move(*blind);
  }
  if (late.has_value()) {
    late->reason = std::move(first);
    return std::move(*late);
  }
  for (size_t i = 0; i < sources.size(); ++i) {
    auto ranking = Ask(*sources[i], question, Haste::kAnswerAnyhow);
    if (ranking.ok()) {
      ranking->fallback = ranking->fallback || i > 0;
      ranking->late = true;
      ranking->reason = std::move(first);
      return ranking;
    }
  }
  return first;
}

Result<Found> Ranker::Find(const Source& source) const {
  // A version can leave between the registry's answer and the look into the table, but only after
  // the alias moved on: so ask again until both agree or the same version is missing twice.
  registry::ModelVersion meant;
  for (uint32_t missed = 0;;) {
    HOEGO_TRY_ASSIGN(meant, registry_.Resolve(source.ref));
    if (auto version = models_.Acquire(meant.model, meant.version)) {
      return Found{std::move(version), false, {}};
    }
    if (missed == meant.version) {
      break;
    }
    missed = meant.version;
  }
  models_.Ask(meant);
  const Status reason =
      Status::Unavailable(fmt::format("{}/{} is not loaded", meant.model, meant.version));
  if (auto other = models_.AcquireLastUsed(meant.model)) {
    return Found{std::move(other), true, reason};
  }
  return reason;
}

Result<Ranking> Ranker::Ask(const Source& source, const Question& question, Haste haste) const {
  if (source.popular) {
    return AskPopular(question);
  }
  HOEGO_TRY_ASSIGN(Found found, Find(source));
  HOEGO_TRY_ASSIGN(Ranking ranking, AskModel(*found.version, question, haste));
  if (found.stand_in) {
    ranking.fallback = true;
    ranking.reason = std::move(found.reason);
  }
  return ranking;
}

Result<Ranking> Ranker::AskModel(const LoadedVersion& version, const Question& question,
                                 Haste haste) const {
  const nanoseconds begin = clock_.Monotonic();
  const nanoseconds left = question.deadline - begin;
  if (haste == Haste::kMeetDeadline && (left.count() <= 0 || left < version.cost.value())) {
    if (left.count() > 0) {
      version.cost.TurnedAway();
    }
    return TooSlow(version, version.cost.value(), left);
  }
  const models::Model& model = *version.scorer;
  const auto map = version.items.Get();
  auto scratch = scratch_.Take();
  scratch->history.clear();
  if (question.history != nullptr) {
    version.learn.FoldIn(*question.history, *map, scratch->history);
  }
  scratch->scores.resize(std::max<size_t>(scratch->scores.size(), model.items()));
  const std::span<float> scores(scratch->scores.data(), model.items());
  model.Score(scratch->history, scores);

  const ItemFilter filter(question.rules, map.get(), model.items(), *scratch);
  const auto best = kernels::TopK(std::span<const float>(scores), question.n, filter);
  // NaN never comes out of TopK; so only an answer that is empty or led by infinity needs a look at
  // all scores.
  if ((best.empty() || std::isinf(best.front().score)) && !AllAreScores(scores)) {
    return Status::Internal(
        fmt::format("{}/{} gave scores that are not finite", version.model, version.version));
  }
  Ranking ranking;
  ranking.model = version.model;
  ranking.version = version.version;
  ranking.candidates = filter.candidates();
  ranking.folded_in = static_cast<uint32_t>(scratch->history.size());
  ranking.items.reserve(best.size());
  for (const kernels::Ranked& entry : best) {
    ranking.items.push_back(
        {filter.KeyOf(entry.index), model.manifest().items[entry.index], entry.score});
  }
  ranking.blind = scratch->history.empty() && best.size() > 1 && AllAreAlike(scores);
  const nanoseconds end = clock_.Monotonic();
  version.cost.Observe(end - begin);
  ranking.late = end > question.deadline;
  if (ranking.late) {
    ranking.reason = TooSlow(version, end - begin, left);
  }
  return ranking;
}

Ranking Ranker::AskPopular(const Question& question) const {
  const uint32_t items = popular_.size();
  auto scratch = scratch_.Take();
  scratch->scores.resize(std::max<size_t>(scratch->scores.size(), items));
  const std::span<float> scores(scratch->scores.data(), items);
  popular_.Score(scores);
  const ItemFilter filter(question.rules, nullptr, items, *scratch);
  const auto best = kernels::TopK(std::span<const float>(scores), question.n, [&](uint32_t index) {
    return scores[index] > 0 && filter(index);
  });
  Ranking ranking;
  ranking.model = kPopular;
  ranking.candidates = filter.candidates();
  for (const kernels::Ranked& entry : best) {
    const events::ItemKey key = filter.KeyOf(entry.index);
    ranking.items.push_back({key, events_.ItemId(key), entry.score});
  }
  return ranking;
}

}  // namespace hoego::serving::internal
