#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/aligned.h"
#include "models/als_system.h"
#include "models/internal/stored_model.h"
#include "models/model.h"

namespace hoego::models {

// Implicit matrix factorisation. The unit's vector is not stored: it is the exact solution of her
// half-step of training (als_system.h), found from the history that comes with the call. score[i] =
// x · y_i. Negative weights say that the item was disliked, the surer the larger. Similar: cosine
// of item vectors. Explain: Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback
// Datasets", ICDM 2008, section 5: score = Σ_j w_j·(y_i' A⁻¹ y_j) over the liked items; disliked
// ones act through A alone. Threads: as Model. Cost of Score: h²·d for h items of history (2·h·d² +
// d³/3 when h >= d), 2·n·d for the scores. On failure: weights so large that the system is not
// positive definite in fp32 are scored as an empty history.
class AlsModel final : public internal::StoredModel {
 public:
  // item_factors: n x factors, packed, finite, such that Y'Y is diagonal to fp32   spectrum:
  // factors, that diagonal
  static Result<std::shared_ptr<const AlsModel>> Create(
      Manifest manifest, std::span<const float> item_factors, std::span<const float> spectrum,
      const AlsObjective& objective, std::vector<uint32_t> unmet, std::string extra_json = {});
  static Result<std::shared_ptr<const Model>> Load(const internal::ModelReader& reader);

  void Score(std::span<const Interaction> history, std::span<float> scores) const override;
  Result<std::vector<Scored>> Similar(uint32_t item, size_t n) const override;
  Result<Explanation> Explain(std::span<const Interaction> history, uint32_t item) const override;
  Status Save(const std::string& folder) const override;
  uint64_t resident_bytes() const override;

  size_t factors() const { return factors_; }
  std::span<const float> item_vector(uint32_t item) const {
    return std::span<const float>(item_factors_).subspan(item * stride_, factors_);
  }
  // The unit's vector by fold-in.   Result: factors
  std::vector<float> UnitVector(std::span<const Interaction> history) const;

 private:
  AlsModel(Manifest manifest, std::vector<uint32_t> unmet, std::string extra_json);

  size_t factors_ = 0;
  size_t stride_ = 0;
  kernels::AlignedFloats item_factors_;  // n x stride
  std::vector<float> norms_;             // n
  AlsSide side_;
};

}  // namespace hoego::models
