#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/internal/stored_model.h"
#include "models/model.h"

namespace hoego::models {

// score[j] = Σ over the history of weight_i · B[i][j] (Steck, "Embarrassingly Shallow Autoencoders
// for Sparse Data", WWW 2019, equation 8), B dense with a zero diagonal. Memory: 4·n² bytes, 55 MB
// for 3,706 items and 6.7 GB for 41,000. Negative weights count as they are: a dislike takes away
// what a like would add. Similar: column j of B, what each item adds to j. Explain: the terms of
// the sum, rest 0. Threads: as Model. Cost of Score: one row of n floats for each item of the
// history.
class EaseModel final : public internal::StoredModel {
 public:
  // weights: n x n, row-major, finite, zero on the diagonal.
  static Result<std::shared_ptr<const EaseModel>> Create(Manifest manifest,
                                                         std::vector<float> weights,
                                                         std::vector<uint32_t> unmet,
                                                         std::string extra_json = {});
  static Result<std::shared_ptr<const Model>> Load(const internal::ModelReader& reader);

  void Score(std::span<const Interaction> history, std::span<float> scores) const override;
  Result<std::vector<Scored>> Similar(uint32_t item, size_t n) const override;
  Result<Explanation> Explain(std::span<const Interaction> history, uint32_t item) const override;
  Status Save(const std::string& folder) const override;
  uint64_t resident_bytes() const override;

  std::span<const float> weights() const { return weights_; }

 private:
  EaseModel(Manifest manifest, std::vector<float> weights, std::vector<uint32_t> unmet,
            std::string extra_json);

  std::vector<float> weights_;
};

}  // namespace hoego::models
