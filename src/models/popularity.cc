#include "models/popularity.h"

#include <algorithm>

#include "base/check.h"

namespace hoego::models {

PopularityModel::PopularityModel(Manifest manifest, std::vector<float> scores,
                                 std::vector<uint32_t> unmet, std::string extra_json)
    : StoredModel(std::move(manifest), std::move(extra_json), std::move(unmet)),
      scores_(std::move(scores)) {}

Result<std::shared_ptr<const PopularityModel>> PopularityModel::Create(Manifest manifest,
                                                                       std::vector<float> scores,
                                                                       std::vector<uint32_t> unmet,
                                                                       std::string extra_json) {
  if (scores.size() != manifest.items.size()) {
    return Status::InvalidArgument(
        fmt::format("popularity: {} scores for {} items", scores.size(), manifest.items.size()));
  }
  HOEGO_TRY(internal::CheckUnmet(unmet, scores.size()));
  HOEGO_TRY(internal::CheckFinite(scores, "popularity scores"));
  return std::shared_ptr<const PopularityModel>(new PopularityModel(
      std::move(manifest), std::move(scores), std::move(unmet), std::move(extra_json)));
}

Result<std::shared_ptr<const Model>> PopularityModel::Load(const internal::ModelReader& reader) {
  HOEGO_TRY_ASSIGN(auto scores, reader.Read<float>("scores", {reader.items()}));
  HOEGO_TRY_ASSIGN(auto unmet, internal::ReadUnmet(reader));
  HOEGO_TRY_ASSIGN(auto model, Create(reader.manifest(), std::move(scores), std::move(unmet),
                                      reader.extra_json()));
  return std::shared_ptr<const Model>(std::move(model));
}

void PopularityModel::Score(std::span<const Interaction> /*history*/,
                            std::span<float> scores) const {
  HOEGO_CHECK(scores.size() == scores_.size());
  std::copy(scores_.begin(), scores_.end(), scores.begin());
  ExcludeUnmet(scores);
}

Result<std::vector<Scored>> PopularityModel::Similar(uint32_t item, size_t /*n*/) const {
  HOEGO_TRY(CheckItem(item));
  return Status::FailedPrecondition(
      "popularity counts items one by one: it knows no similar items; ask item_knn, ease or als");
}

Result<Explanation> PopularityModel::Explain(std::span<const Interaction> /*history*/,
                                             uint32_t item) const {
  HOEGO_TRY(CheckItem(item));
  const double score = static_cast<double>(scores_[item]);
  return Explanation{score, {}, score};
}

Status PopularityModel::Save(const std::string& folder) const {
  return WriteWith(folder, {internal::MakeArray<float>("scores", scores_, {scores_.size()})});
}

uint64_t PopularityModel::resident_bytes() const {
  return shared_bytes() + scores_.capacity() * sizeof(float);
}

}  // namespace hoego::models
