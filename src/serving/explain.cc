#include <algorithm>
#include <utility>

#include "serving/internal/ranker.h"
#include "serving/serving.h"

namespace hoego::serving {
namespace {

constexpr uint32_t kMaxItems = 1'000;
constexpr size_t kSpare = 16;  // asked for beyond n, since some may be hidden

Result<events::ItemKey> KeyOf(const events::EventStore& store, std::string_view item) {
  const auto key = store.FindItem(item);
  if (!key.has_value()) {
    return Status::NotFound(fmt::format("no item \"{}\" in the log", item));
  }
  return *key;
}

Result<uint32_t> IndexOf(const LoadedVersion& version, const ItemMap& map, events::ItemKey key,
                         std::string_view item) {
  const uint32_t index = map.index(key);
  if (index == kNoIndex) {
    return Status::NotFound(
        fmt::format("{}/{} does not know the item \"{}\"", version.model, version.version, item));
  }
  return index;
}

// The first n of the model's neighbours that the filter lets through: asks for more until there are
// enough or no more.
Result<std::vector<RecommendedItem>> Neighbours(const LoadedVersion& version, uint32_t item,
                                                uint32_t n, const internal::ItemFilter& filter) {
  for (size_t ask = n + kSpare;; ask *= 4) {
    HOEGO_TRY_ASSIGN(const auto near, version.scorer->Similar(item, ask));
    std::vector<RecommendedItem> out;
    for (const models::Scored& scored : near) {
      if (out.size() < n && filter(scored.item)) {
        const auto position = static_cast<uint32_t>(out.size() + 1);
        out.push_back(
            {version.scorer->manifest().items[scored.item], scored.score, position, 1.0f});
      }
    }
    if (out.size() == n || near.size() < ask) {
      return out;
    }
  }
}

}  // namespace

Result<SimilarAnswer> Serving::Similar(std::string_view endpoint_name, std::string_view item,
                                       uint32_t n) const {
  HOEGO_TRY_ASSIGN(const auto endpoint, parts_.endpoints.Get(endpoint_name));
  if (n < 1 || n > kMaxItems) {
    return Status::InvalidArgument(fmt::format("n: expected 1..{}, got {}", kMaxItems, n));
  }
  HOEGO_TRY_ASSIGN(const events::ItemKey key, KeyOf(parts_.events, item));
  RecommendRequest nobody;
  internal::Question question = MakeQuestion(nobody, *endpoint, parts_.clock.Monotonic());
  Status first;
  for (size_t i = 0; i < endpoint->sources.size(); ++i) {
    const Source& source = endpoint->sources[i];
    const auto similar = [&]() -> Result<SimilarAnswer> {
      if (source.popular) {
        return Status::FailedPrecondition("\"popular\" knows no similar items");
      }
      HOEGO_TRY_ASSIGN(const internal::Found found, ranker_->Find(source));
      const LoadedVersion& version = *found.version;
      const auto map = version.items.Get();
      HOEGO_TRY_ASSIGN(const uint32_t index, IndexOf(version, *map, key, item));
      internal::Scratch scratch;
      const internal::ItemFilter filter(question.rules, map.get(), version.scorer->items(),
                                        scratch);
      SimilarAnswer answer;
      HOEGO_TRY_ASSIGN(answer.items, Neighbours(version, index, n, filter));
      answer.model = version.model;
      answer.version = version.version;
      answer.fallback = i > 0 || found.stand_in;
      return answer;
    };
    auto answer = similar();
    if (answer.ok()) {
      return answer;
    }
    first = first.ok() ? answer.status() : std::move(first);
  }
  return first;
}

Result<ExplainAnswer> Serving::Explain(std::string_view endpoint_name, std::string_view unit,
                                       std::string_view item) const {
  HOEGO_TRY_ASSIGN(const auto endpoint, parts_.endpoints.Get(endpoint_name));
  if (unit.empty()) {
    return Status::InvalidArgument("unit: expected the id of a unit, got nothing");
  }
  HOEGO_TRY_ASSIGN(const events::ItemKey key, KeyOf(parts_.events, item));
  HOEGO_TRY_ASSIGN(const Source source, Source::Parse(RouteOf(*endpoint, unit).model_ref));
  ExplainAnswer answer;
  if (source.popular) {
    std::vector<float> scores(parts_.popular.size());
    parts_.popular.Score(scores);
    answer.model = kPopular;
    answer.score = key.value() < scores.size() ? static_cast<double>(scores[key.value()]) : 0;
    answer.rest = answer.score;
    return answer;
  }
  HOEGO_TRY_ASSIGN(const internal::Found found, ranker_->Find(source));
  const LoadedVersion& version = *found.version;
  const auto map = version.items.Get();
  HOEGO_TRY_ASSIGN(const uint32_t index, IndexOf(version, *map, key, item));
  std::vector<models::Interaction> history;
  if (const auto known = parts_.events.FindUnit(unit)) {
    if (const auto events = parts_.events.history().Get(*known)) {
      version.learn.FoldIn(*events, *map, history);
    }
  }
  HOEGO_TRY_ASSIGN(const models::Explanation why, version.scorer->Explain(history, index));
  answer.model = version.model;
  answer.version = version.version;
  answer.score = why.score;
  answer.rest = why.rest;
  for (const models::Contribution& c : why.contributions) {
    answer.contributions.push_back({version.scorer->manifest().items[c.item], c.value});
  }
  std::stable_sort(answer.contributions.begin(), answer.contributions.end(),
                   [](const auto& a, const auto& b) {
                     return (a.value < 0 ? -a.value : a.value) > (b.value < 0 ? -b.value : b.value);
                   });
  return answer;
}

}  // namespace hoego::serving
