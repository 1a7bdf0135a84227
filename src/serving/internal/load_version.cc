#include "serving/internal/load_version.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include "base/log.h"

namespace hoego::serving::internal {
namespace {

constexpr uint32_t kWarmItems = 10;

Result<std::unique_ptr<LoadedVersion>> Read(const registry::ModelVersion& version,
                                            ModelFetcher& fetcher, const ModelReader& read,
                                            const events::EventStore& store) {
  const auto learn = version.tags.find("learn");
  HOEGO_TRY_ASSIGN(LearnRule rule,
                   LearnRule::Parse(learn == version.tags.end() ? std::string() : learn->second));
  HOEGO_TRY_ASSIGN(const std::string folder, fetcher.Fetch(version));
  auto read_model = read(folder);
  if (!read_model.ok() && fetcher.Discard(version)) {
    Log(LogLevel::kWarning, "serving", "the local copy of a model was damaged, it is fetched again",
        {{"version", fmt::format("{}/{}", version.model, version.version)},
         {"why", read_model.status().message()}});
    HOEGO_TRY_ASSIGN(const std::string again, fetcher.Fetch(version));
    read_model = read(again);
  }
  HOEGO_TRY_ASSIGN(auto model, std::move(read_model));
  if (model->items() == 0) {
    return Status::FailedPrecondition("the model has no items");
  }
  return std::make_unique<LoadedVersion>(version.model, version.version, std::move(model),
                                         std::move(rule), store);
}

// A short and a longer history, and nobody's.
std::vector<std::vector<models::Interaction>> SyntheticHistories(uint32_t items) {
  std::vector<std::vector<models::Interaction>> histories(3);
  histories[1].push_back({items / 2, 1.0f});
  const uint32_t step = std::max(1u, items / kWarmItems);
  for (uint32_t i = 0; i < items && histories[2].size() < kWarmItems; i += step) {
    histories[2].push_back({i, 1.0f});
  }
  return histories;
}

}  // namespace

Result<std::unique_ptr<LoadedVersion>> ReadVersion(const registry::ModelVersion& version,
                                                   ModelFetcher& fetcher, const ModelReader& read,
                                                   const events::EventStore& store) {
  // A model too large for the memory or a reader that throws must end this load, not the server.
  try {
    return Read(version, fetcher, read, store);
  } catch (const std::bad_alloc&) {
    return Status::ResourceExhausted("not enough memory to load it");
  } catch (const std::exception& e) {
    return Status::Internal(fmt::format("reading it threw: {}", e.what()));
  }
}

Status WarmUp(const LoadedVersion& version, const Clock& clock) {
  const uint32_t items = version.scorer->items();
  std::vector<float> scores(items);
  for (const auto& history : SyntheticHistories(items)) {
    const auto start = clock.Monotonic();
    version.scorer->Score(history, scores);
    version.cost.Start(clock.Monotonic() - start);
    const auto bad = std::find_if_not(scores.begin(), scores.end(), IsScore);
    if (bad != scores.end()) {
      return Status::FailedPrecondition(fmt::format(
          "warm-up: item {} of {} got a score that is not finite for a history of {} items",
          bad - scores.begin(), items, history.size()));
    }
  }
  return {};
}

}  // namespace hoego::serving::internal
