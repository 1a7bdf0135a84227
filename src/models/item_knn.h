#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/internal/stored_model.h"
#include "models/model.h"

namespace hoego::models {

// Row i: the items most similar to item i, best first.
struct SimilarityRows {
  std::vector<uint64_t> begin;       // items + 1
  std::vector<uint32_t> neighbours;  // never the item itself
  std::vector<float> similarities;   // descending within a row
};

// score[j] = Σ over the history of weight_i · similarity[i][j], the neighbours being those of the
// items she met. Negative weights push the neighbours of that item down. Similar: the row. Explain:
// the terms of the sum, rest 0. Threads: as Model. Cost of Score: neighbours of the history,
// scattered.
class ItemKnnModel final : public internal::StoredModel {
 public:
  static Result<std::shared_ptr<const ItemKnnModel>> Create(Manifest manifest, SimilarityRows rows,
                                                            std::vector<uint32_t> unmet,
                                                            std::string extra_json = {});
  static Result<std::shared_ptr<const Model>> Load(const internal::ModelReader& reader);

  void Score(std::span<const Interaction> history, std::span<float> scores) const override;
  Result<std::vector<Scored>> Similar(uint32_t item, size_t n) const override;
  Result<Explanation> Explain(std::span<const Interaction> history, uint32_t item) const override;
  Status Save(const std::string& folder) const override;
  uint64_t resident_bytes() const override;

  const SimilarityRows& rows() const { return rows_; }

 private:
  ItemKnnModel(Manifest manifest, SimilarityRows rows, std::vector<uint32_t> unmet,
               std::string extra_json);

  SimilarityRows rows_;
};

}  // namespace hoego::models
