#pragma once

#include "training/algorithm.h"

namespace hoego::training {

// Counts, each event worth less the older it is: score[i] = Σ over positive weights w · 2^(-(now -
// time) / half_life). Negative weights play no part.
class Popularity final : public Algorithm {
 public:
  std::string_view name() const override { return "popularity"; }
  const std::vector<Setting>& params() const override;
  Plan MakePlan(const FitInput& input, const Settings& params) const override;
  Result<std::shared_ptr<const models::Model>> Fit(const FitInput& input, const Settings& params,
                                                   ThreadPool& pool, Observer& observer,
                                                   const std::stop_token& stop) const override;
};

}  // namespace hoego::training
