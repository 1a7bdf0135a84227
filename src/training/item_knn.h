#pragma once

#include "training/algorithm.h"

namespace hoego::training {

// Item-based neighbourhoods: similarity of two columns of the weighted matrix, the best ones kept
// (Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; BM25
// and TF-IDF weights as in Robertson and Zaragoza 2009). Trained on positive weights alone. Cost:
// Σ_u n_u² multiply-adds and one row of n floats a thread.
class ItemKnn final : public Algorithm {
 public:
  std::string_view name() const override { return "item_knn"; }
  const std::vector<Setting>& params() const override;
  Plan MakePlan(const FitInput& input, const Settings& params) const override;
  Result<std::shared_ptr<const models::Model>> Fit(const FitInput& input, const Settings& params,
                                                   ThreadPool& pool, Observer& observer,
                                                   const std::stop_token& stop) const override;
};

}  // namespace hoego::training
