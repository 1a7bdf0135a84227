#pragma once

#include "training/algorithm.h"

namespace hoego::training {

// Implicit alternating least squares after Rendle et al. 2022 (models/als_system.h has the loss).
// Each half-step solves one small system a row, exactly by Cholesky or by a few warm-started
// conjugate gradient steps. Rows are independent and sums over rows are kept by fixed blocks, so
// the result does not depend on the number of threads. Cost an iteration: 2·z·d² + (units +
// items)·d³/3 for Cholesky (n²·d + n³/3 for rows of n < d events), 8·(steps + 1)·z·d for conjugate
// gradients.
class Als final : public Algorithm {
 public:
  std::string_view name() const override { return "als"; }
  const std::vector<Setting>& params() const override;
  Plan MakePlan(const FitInput& input, const Settings& params) const override;
  Result<std::shared_ptr<const models::Model>> Fit(const FitInput& input, const Settings& params,
                                                   ThreadPool& pool, Observer& observer,
                                                   const std::stop_token& stop) const override;
};

}  // namespace hoego::training
