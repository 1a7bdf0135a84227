#include "models/internal/stored_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hoego::models::internal {

bool StoredModel::IsUnmet(uint32_t item) const {
  return std::binary_search(unmet_.begin(), unmet_.end(), item);
}

void StoredModel::ExcludeUnmet(std::span<float> scores) const {
  for (const uint32_t item : unmet_) {
    scores[item] = -std::numeric_limits<float>::infinity();
  }
}

Status StoredModel::CheckItem(uint32_t item) const {
  if (item >= items()) {
    return Status::OutOfRange(fmt::format("item index {}: the model has {} items", item, items()));
  }
  if (IsUnmet(item)) {
    return Status::FailedPrecondition(
        fmt::format("item {:?} was never met in training: the model knows nothing of it",
                    manifest_.items[item]));
  }
  return {};
}

Status StoredModel::WriteWith(const std::string& folder, std::vector<ArrayOut> arrays) const {
  arrays.push_back(MakeArray<uint32_t>("unmet", unmet_, {unmet_.size()}));
  return WriteModel(folder, manifest_, extra_json_, arrays);
}

uint64_t StoredModel::shared_bytes() const {
  uint64_t bytes = sizeof(*this) + unmet_.capacity() * sizeof(uint32_t) +
                   manifest_.items.capacity() * sizeof(std::string);
  for (const std::string& id : manifest_.items) {
    bytes += id.capacity() > 15 ? id.capacity() + 1 : 0;  // short ones live inside the string
  }
  return bytes;
}

Result<std::vector<uint32_t>> ReadUnmet(const ModelReader& reader) {
  HOEGO_TRY_ASSIGN(const std::vector<uint64_t> shape, reader.Shape("unmet"));
  return reader.Read<uint32_t>("unmet", shape);
}

Status CheckUnmet(std::span<const uint32_t> unmet, size_t items) {
  for (size_t k = 0; k < unmet.size(); ++k) {
    if (unmet[k] >= items || (k > 0 && unmet[k] <= unmet[k - 1])) {
      return Status::InvalidArgument(fmt::format(
          "unmet items: entry {} is {}; expected ascending indices below {}", k, unmet[k], items));
    }
  }
  return {};
}

Status CheckFinite(std::span<const float> values, std::string_view what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return Status::InvalidArgument(fmt::format("{}: value {} is not finite", what, i));
    }
  }
  return {};
}

std::vector<Scored> ToScored(const std::vector<kernels::Ranked>& ranked) {
  std::vector<Scored> scored;
  scored.reserve(ranked.size());
  for (const kernels::Ranked& r : ranked) {
    scored.push_back({r.index, r.score});
  }
  return scored;
}

void SortContributions(std::vector<Contribution>& contributions) {
  std::sort(contributions.begin(), contributions.end(),
            [](const Contribution& a, const Contribution& b) {
              const double x = std::fabs(a.value);
              const double y = std::fabs(b.value);
              return x != y ? x > y : a.item < b.item;
            });
}

}  // namespace hoego::models::internal
