#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "models/model.h"
#include "training/algorithm.h"

namespace hoego::training::internal {

// InvalidArgument unless the sparse matrix, the ids and the times fit each other and every weight
// is finite.
Status CheckInput(const FitInput& input);

// The manifest of what is about to be trained: parameters with their defaults, seed, threads, SIMD
// level.
models::Manifest MakeManifest(std::string_view algorithm, const FitInput& input,
                              const Settings& params, const ThreadPool& pool);

// {"name":value,…} of all parameters.
std::string ParamsJson(const Settings& params);

// Items without a positive weight, ascending: the model must never recommend them.
std::vector<uint32_t> UnmetItems(const kernels::Csr& train);

// How many threads work in a ParallelFor of this pool: its own and the caller. Scratch memory is
// kept for each.
inline size_t Workers(const ThreadPool& pool) {
  return pool.size() + 1;
}

Status CancelledFit(std::string_view algorithm);

}  // namespace hoego::training::internal
