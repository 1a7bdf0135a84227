#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/internal/stored_model.h"
#include "models/model.h"

namespace hoego::models {

// The same scores for everybody: how often, and how lately, each item was liked. The history is not
// looked at. Negative weights play no part. Similar: FailedPrecondition. Explain: all of it is
// rest. Threads: as Model. Cost of Score: one copy of n floats.
class PopularityModel final : public internal::StoredModel {
 public:
  // scores: a value an item, finite   unmet: items never met in training, ascending.
  static Result<std::shared_ptr<const PopularityModel>> Create(Manifest manifest,
                                                               std::vector<float> scores,
                                                               std::vector<uint32_t> unmet,
                                                               std::string extra_json = {});
  static Result<std::shared_ptr<const Model>> Load(const internal::ModelReader& reader);

  void Score(std::span<const Interaction> history, std::span<float> scores) const override;
  Result<std::vector<Scored>> Similar(uint32_t item, size_t n) const override;
  Result<Explanation> Explain(std::span<const Interaction> history, uint32_t item) const override;
  Status Save(const std::string& folder) const override;
  uint64_t resident_bytes() const override;

 private:
  PopularityModel(Manifest manifest, std::vector<float> scores, std::vector<uint32_t> unmet,
                  std::string extra_json);

  std::vector<float> scores_;
};

}  // namespace hoego::models
