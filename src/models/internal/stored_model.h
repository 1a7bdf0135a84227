#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/topk.h"
#include "models/internal/artifact.h"
#include "models/model.h"

namespace hoego::models::internal {

// What all models share: the manifest, and the items never met in training, whose score is
// -infinity.
class StoredModel : public Model {
 public:
  const Manifest& manifest() const final { return manifest_; }

 protected:
  StoredModel(Manifest manifest, std::string extra_json, std::vector<uint32_t> unmet)
      : manifest_(std::move(manifest)),
        extra_json_(std::move(extra_json)),
        unmet_(std::move(unmet)) {}

  std::span<const uint32_t> unmet() const { return unmet_; }
  bool IsUnmet(uint32_t item) const;
  void ExcludeUnmet(std::span<float> scores) const;

  // OutOfRange for an unknown index, FailedPrecondition for an item never met in training.
  Status CheckItem(uint32_t item) const;

  // The manifest, the unmet items and these arrays.
  Status WriteWith(const std::string& folder, std::vector<ArrayOut> arrays) const;
  uint64_t shared_bytes() const;

 private:
  Manifest manifest_;
  std::string extra_json_;
  std::vector<uint32_t> unmet_;  // ascending
};

// Unmet items as they are stored. DataLoss when they do not ascend or pass the end.
Result<std::vector<uint32_t>> ReadUnmet(const ModelReader& reader);

// InvalidArgument unless they ascend strictly below `items`.
Status CheckUnmet(std::span<const uint32_t> unmet, size_t items);

// InvalidArgument naming the array unless every value is finite.
Status CheckFinite(std::span<const float> values, std::string_view what);

std::vector<Scored> ToScored(const std::vector<kernels::Ranked>& ranked);

// Largest magnitude first, ties by item.
void SortContributions(std::vector<Contribution>& contributions);

}  // namespace hoego::models::internal
