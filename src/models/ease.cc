#include "models/ease.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "kernels/dense.h"
#include "models/internal/history.h"

namespace hoego::models {

EaseModel::EaseModel(Manifest manifest, std::vector<float> weights, std::vector<uint32_t> unmet,
                     std::string extra_json)
    : StoredModel(std::move(manifest), std::move(extra_json), std::move(unmet)),
      weights_(std::move(weights)) {}

Result<std::shared_ptr<const EaseModel>> EaseModel::Create(Manifest manifest,
                                                           std::vector<float> weights,
                                                           std::vector<uint32_t> unmet,
                                                           std::string extra_json) {
  const size_t n = manifest.items.size();
  if (weights.size() != n * n) {
    return Status::InvalidArgument(
        fmt::format("ease: {} weights for {} items, expected {}", weights.size(), n, n * n));
  }
  HOEGO_TRY(internal::CheckUnmet(unmet, n));
  HOEGO_TRY(internal::CheckFinite(weights, "ease weights"));
  for (size_t i = 0; i < n; ++i) {
    if (weights[i * n + i] != 0) {
      return Status::InvalidArgument(fmt::format("ease: the diagonal of item {} is not zero", i));
    }
  }
  return std::shared_ptr<const EaseModel>(new EaseModel(std::move(manifest), std::move(weights),
                                                        std::move(unmet), std::move(extra_json)));
}

Result<std::shared_ptr<const Model>> EaseModel::Load(const internal::ModelReader& reader) {
  const uint64_t n = reader.items();
  HOEGO_TRY_ASSIGN(auto weights, reader.Read<float>("weights", {n, n}));
  HOEGO_TRY_ASSIGN(auto unmet, internal::ReadUnmet(reader));
  HOEGO_TRY_ASSIGN(auto model, Create(reader.manifest(), std::move(weights), std::move(unmet),
                                      reader.extra_json()));
  return std::shared_ptr<const Model>(std::move(model));
}

void EaseModel::Score(std::span<const Interaction> history, std::span<float> scores) const {
  HOEGO_CHECK(scores.size() == items());
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  std::fill(scores.begin(), scores.end(), 0.0F);
  kernels::AddRows(weights_, items(), sorted.items, sorted.weights, scores);
  ExcludeUnmet(scores);
}

Result<std::vector<Scored>> EaseModel::Similar(uint32_t item, size_t n) const {
  HOEGO_TRY(CheckItem(item));
  std::vector<float> column(items());
  for (size_t i = 0; i < column.size(); ++i) {
    column[i] = weights_[i * column.size() + item];
  }
  ExcludeUnmet(column);
  return internal::ToScored(
      kernels::TopK(column, n, [&](uint32_t other) { return other != item; }));
}

Result<Explanation> EaseModel::Explain(std::span<const Interaction> history, uint32_t item) const {
  HOEGO_TRY(CheckItem(item));
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  Explanation why;
  for (size_t h = 0; h < sorted.items.size(); ++h) {
    const double weight = static_cast<double>(weights_[size_t{sorted.items[h]} * items() + item]);
    why.contributions.push_back({sorted.items[h], static_cast<double>(sorted.weights[h]) * weight});
    why.score += why.contributions.back().value;
  }
  internal::SortContributions(why.contributions);
  return why;
}

Status EaseModel::Save(const std::string& folder) const {
  return WriteWith(folder, {internal::MakeArray<float>("weights", weights_, {items(), items()})});
}

uint64_t EaseModel::resident_bytes() const {
  return shared_bytes() + weights_.capacity() * sizeof(float);
}

}  // namespace hoego::models
