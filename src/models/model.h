#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace hoego::models {

// Something a unit did with one of the model's items. `item` is the model's own index in [0,
// items).
struct Interaction {
  uint32_t item = 0;
  float weight = 1;  // > 0; negative feedback is < 0 where the model knows it, else ignored
};

struct Scored {
  uint32_t item = 0;
  float score = 0;
};

struct Contribution {
  uint32_t item = 0;  // an item of the history
  double value = 0;
};

// Why an item got its score: contributions + rest = score, to 1e-4.
struct Explanation {
  double score = 0;
  std::vector<Contribution> contributions;  // largest magnitude first
  double rest = 0;                          // what no single item of the history explains
};

// What a model says of itself: written beside its arrays as manifest.json (docs/formats/model.md).
struct Manifest {
  uint32_t format = 1;
  std::string algorithm;           // "popularity", "item_knn", "ease", "als"
  std::vector<std::string> items;  // the item id behind each index
  std::string params_json = "{}";  // with defaults filled in
  std::string dataset_digest;
  std::string code_version;
  uint64_t seed = 0;
  uint32_t threads = 1;
  std::string simd;  // "scalar", "avx2", "avx512"
};

// A trained recommender. Everything it knows of a unit comes with the call as her history, so that
// new events count at once, replicas need no shared state and nothing is stale. History: any order,
// an item at most once, may be empty. Threads: const methods from any number of threads. Same
// history, same bits.
class Model {
 public:
  virtual ~Model() = default;
  virtual const Manifest& manifest() const = 0;
  // scores[i] = how much she would like item i.   scores: items, written; seen items are scored
  // too. An item never met in training (no positive weight there) gets -infinity: nothing is known
  // of it, and kernels::TopK never returns it. Pre: weights are finite. What a negative weight
  // means is said at each model.
  virtual void Score(std::span<const Interaction> history, std::span<float> scores) const = 0;
  // The n items nearest to one item, best first, without itself. OutOfRange for an unknown index;
  // FailedPrecondition for an item never met in training and for a model that knows no similarity.
  virtual Result<std::vector<Scored>> Similar(uint32_t item, size_t n) const = 0;
  // Why this item got its score. OutOfRange for an unknown index, FailedPrecondition for an item
  // never met in training.
  virtual Result<Explanation> Explain(std::span<const Interaction> history,
                                      uint32_t item) const = 0;
  // Named arrays that together with the manifest are the model (docs/formats/model.md).
  virtual Status Save(const std::string& folder) const = 0;
  virtual uint64_t resident_bytes() const = 0;

  uint32_t items() const { return static_cast<uint32_t>(manifest().items.size()); }
};

// Reads manifest.json and its arrays, every one checked by SHA-256. FailedPrecondition for a newer
// format, DataLoss for altered bytes, NotFound for a missing file. Dispatches on the manifest's
// algorithm.
Result<std::shared_ptr<const Model>> LoadModel(const std::string& folder);

}  // namespace hoego::models
