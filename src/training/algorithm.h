#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "base/thread_pool.h"
#include "kernels/csr.h"
#include "models/model.h"
#include "training/observer.h"

namespace hoego::training {

// What a fit learns from. train: units x items, values are weights.
struct FitInput {
  const kernels::Csr& train;
  const std::vector<std::string>& items;  // id of each column
  const std::vector<int64_t>* times_ms =
      nullptr;         // of each nonzero, aligned with train.values; null: unknown
  int64_t now_ms = 0;  // decay counts from here: the newest time of the data
  uint64_t seed = 1;
  std::string dataset_digest{};
  std::string code_version{};  // of the program that trains; recorded in the manifest
};

// What a fit would cost, asked before it runs.
struct Plan {
  double flops = 0;
  uint64_t bytes = 0;  // peak, beyond the input
  std::string Describe() const;
};

// One way to make a model: popularity, item_knn, ease, als. Stateless; found by name.
// Threads: const methods from any thread.
class Algorithm {
 public:
  virtual ~Algorithm() = default;
  virtual std::string_view name() const = 0;
  virtual const std::vector<Setting>& params() const = 0;  // the table of its hyper-parameters
  virtual Plan MakePlan(const FitInput& input, const Settings& params) const = 0;
  // The same input, seed, threads and SIMD level give the same model, bit for bit. Cancelled when
  // asked to stop.
  virtual Result<std::shared_ptr<const models::Model>> Fit(const FitInput& input,
                                                           const Settings& params, ThreadPool& pool,
                                                           Observer& observer,
                                                           const std::stop_token& stop) const = 0;
};

// Null for an unknown name.
const Algorithm* FindAlgorithm(std::string_view name);
std::vector<std::string> AlgorithmNames();

}  // namespace hoego::training
