#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/aligned.h"
#include "kernels/csr.h"
#include "models/als_system.h"

namespace hoego::training::internal {

struct AlsOptions {
  size_t factors = 64;
  models::AlsObjective objective;
  double init_stdev = 0.1;  // of a vector's entries: init_stdev / √factors
  uint64_t seed = 1;
  int cg_steps = 0;  // 0: exact, by Cholesky
};

// The two sides of a factorisation and the half-steps between them.
//
// Before a half-step both sides are turned into the basis in which the Gram matrix of the fixed
// side is diagonal (models/als_system.h), which leaves every score and the loss as they are.
//
// Pre: by_unit outlives this. Threads: one thread at a time; the work inside is spread over the
// pool. The same input gives the same bits for any number of threads: a row is solved by one thread
// alone, and the Gram matrix and the loss are sums of blocks of fixed size, added in the order of
// the blocks.
class AlsTrainer {
 public:
  AlsTrainer(const kernels::Csr& by_unit, const AlsOptions& options, ThreadPool& pool);

  // Units given items; items given units. FailedPrecondition naming the row whose system was not
  // positive definite. After a stop was asked for, some rows are old and some new.
  Status UnitHalfStep(const std::stop_token& stop);
  Status ItemHalfStep(const std::stop_token& stop);

  // The loss of models/als_system.h at this moment. Cost 2·z·d.
  double Loss();

  size_t stride() const { return stride_; }
  std::span<const float> unit_factors() const { return units_; }  // rows x stride
  std::span<const float> item_factors() const { return items_; }  // columns x stride

  // Turns both sides so that the items' Gram matrix is diagonal and returns that diagonal: what a
  // model is made of.
  Result<std::vector<float>> SettleItems() { return Diagonalise(items_, units_); }

 private:
  kernels::AlignedFloats Gram(std::span<const float> factors);  // stride x stride, both triangles
  Result<std::vector<float>> Diagonalise(std::span<float> fixed, std::span<float> other);
  void Turn(std::span<float> factors, std::span<const float> basis);
  Status HalfStep(const kernels::Csr& rows, std::span<float> fixed, uint32_t fixed_count,
                  std::span<float> solved, std::string_view what, const std::stop_token& stop);
  double SeenLoss();
  double RidgeLoss(const kernels::Csr& rows, std::span<const float> factors,
                   uint32_t other_count) const;

  const kernels::Csr& by_unit_;
  const kernels::Csr by_item_;
  const AlsOptions options_;
  ThreadPool& pool_;
  const size_t stride_;
  kernels::AlignedFloats units_;
  kernels::AlignedFloats items_;
  std::vector<models::AlsRowSolver> solvers_;  // one a worker
};

}  // namespace hoego::training::internal
