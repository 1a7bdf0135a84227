#include "models/item_knn.h"

#include <algorithm>

#include "base/check.h"
#include "models/internal/history.h"

namespace hoego::models {
namespace {

Status CheckRows(const SimilarityRows& rows, size_t items) {
  if (rows.begin.size() != items + 1 || rows.begin.front() != 0 ||
      rows.begin.back() != rows.neighbours.size() ||
      rows.neighbours.size() != rows.similarities.size() ||
      !std::is_sorted(rows.begin.begin(), rows.begin.end())) {
    return Status::InvalidArgument(
        fmt::format("similarity rows: {} row starts and {} neighbours do not fit {} items",
                    rows.begin.size(), rows.neighbours.size(), items));
  }
  for (size_t i = 0; i < items; ++i) {
    for (uint64_t k = rows.begin[i]; k < rows.begin[i + 1]; ++k) {
      if (rows.neighbours[k] >= items || rows.neighbours[k] == i) {
        return Status::InvalidArgument(fmt::format(
            "similarity rows: item {} has the neighbour {}, expected another one below {}", i,
            rows.neighbours[k], items));
      }
    }
  }
  return internal::CheckFinite(rows.similarities, "similarities");
}

}  // namespace

ItemKnnModel::ItemKnnModel(Manifest manifest, SimilarityRows rows, std::vector<uint32_t> unmet,
                           std::string extra_json)
    : StoredModel(std::move(manifest), std::move(extra_json), std::move(unmet)),
      rows_(std::move(rows)) {}

Result<std::shared_ptr<const ItemKnnModel>> ItemKnnModel::Create(Manifest manifest,
                                                                 SimilarityRows rows,
                                                                 std::vector<uint32_t> unmet,
                                                                 std::string extra_json) {
  HOEGO_TRY(CheckRows(rows, manifest.items.size()));
  HOEGO_TRY(internal::CheckUnmet(unmet, manifest.items.size()));
  return std::shared_ptr<const ItemKnnModel>(new ItemKnnModel(
      std::move(manifest), std::move(rows), std::move(unmet), std::move(extra_json)));
}

Result<std::shared_ptr<const Model>> ItemKnnModel::Load(const internal::ModelReader& reader) {
  SimilarityRows rows;
  HOEGO_TRY_ASSIGN(rows.begin, reader.Read<uint64_t>("row_begin", {uint64_t{reader.items()} + 1}));
  HOEGO_TRY_ASSIGN(rows.neighbours, reader.Read<uint32_t>("neighbours", {rows.begin.back()}));
  HOEGO_TRY_ASSIGN(rows.similarities, reader.Read<float>("similarities", {rows.begin.back()}));
  HOEGO_TRY_ASSIGN(auto unmet, internal::ReadUnmet(reader));
  HOEGO_TRY_ASSIGN(auto model, Create(reader.manifest(), std::move(rows), std::move(unmet),
                                      reader.extra_json()));
  return std::shared_ptr<const Model>(std::move(model));
}

void ItemKnnModel::Score(std::span<const Interaction> history, std::span<float> scores) const {
  HOEGO_CHECK(scores.size() == items());
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  std::fill(scores.begin(), scores.end(), 0.0F);
  for (size_t h = 0; h < sorted.items.size(); ++h) {
    const uint32_t item = sorted.items[h];
    for (uint64_t k = rows_.begin[item]; k < rows_.begin[item + 1]; ++k) {
      scores[rows_.neighbours[k]] += sorted.weights[h] * rows_.similarities[k];
    }
  }
  ExcludeUnmet(scores);
}

Result<std::vector<Scored>> ItemKnnModel::Similar(uint32_t item, size_t n) const {
  HOEGO_TRY(CheckItem(item));
  std::vector<Scored> similar;
  for (uint64_t k = rows_.begin[item]; k < rows_.begin[item + 1] && similar.size() < n; ++k) {
    similar.push_back({rows_.neighbours[k], rows_.similarities[k]});
  }
  return similar;
}

Result<Explanation> ItemKnnModel::Explain(std::span<const Interaction> history,
                                          uint32_t item) const {
  HOEGO_TRY(CheckItem(item));
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  Explanation why;
  for (size_t h = 0; h < sorted.items.size(); ++h) {
    const auto from =
        rows_.neighbours.begin() + static_cast<std::ptrdiff_t>(rows_.begin[sorted.items[h]]);
    const auto to =
        rows_.neighbours.begin() + static_cast<std::ptrdiff_t>(rows_.begin[sorted.items[h] + 1]);
    const auto found = std::find(from, to, item);
    if (found != to) {
      const float similarity =
          rows_.similarities[static_cast<size_t>(found - rows_.neighbours.begin())];
      why.contributions.push_back({sorted.items[h], static_cast<double>(sorted.weights[h]) *
                                                        static_cast<double>(similarity)});
      why.score += why.contributions.back().value;
    }
  }
  internal::SortContributions(why.contributions);
  return why;
}

Status ItemKnnModel::Save(const std::string& folder) const {
  return WriteWith(
      folder,
      {internal::MakeArray<uint64_t>("row_begin", rows_.begin, {rows_.begin.size()}),
       internal::MakeArray<uint32_t>("neighbours", rows_.neighbours, {rows_.neighbours.size()}),
       internal::MakeArray<float>("similarities", rows_.similarities,
                                  {rows_.similarities.size()})});
}

uint64_t ItemKnnModel::resident_bytes() const {
  return shared_bytes() + rows_.begin.capacity() * sizeof(uint64_t) +
         rows_.neighbours.capacity() * sizeof(uint32_t) +
         rows_.similarities.capacity() * sizeof(float);
}

}  // namespace hoego::models
