#pragma once

#include "training/algorithm.h"

namespace hoego::training {

// EASE: the linear model whose closed form Steck found ("Embarrassingly Shallow Autoencoders for
// Sparse Data", WWW 2019, equations 6-8): P = (X'X + l2·I)⁻¹, B = −P / diag(P) by columns, zero
// diagonal. Negative weights are negative entries of X. Cost: Σ_u n_u² + n³; memory 12·n² bytes
// (8·n² with precision=single).
class Ease final : public Algorithm {
 public:
  std::string_view name() const override { return "ease"; }
  const std::vector<Setting>& params() const override;
  Plan MakePlan(const FitInput& input, const Settings& params) const override;
  Result<std::shared_ptr<const models::Model>> Fit(const FitInput& input, const Settings& params,
                                                   ThreadPool& pool, Observer& observer,
                                                   const std::stop_token& stop) const override;
};

}  // namespace hoego::training
