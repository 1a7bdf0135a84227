#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/csr.h"
#include "models/model.h"
#include "training/algorithm.h"

// Small data sets and shortcuts for the tests of algorithms.
namespace hoego::training::internal {

inline kernels::Csr CsrOf(uint32_t columns,
                          const std::vector<std::vector<std::pair<uint32_t, float>>>& rows) {
  kernels::Csr m;
  m.rows = static_cast<uint32_t>(rows.size());
  m.columns = columns;
  m.begin = {0};
  for (auto row : rows) {
    std::sort(row.begin(), row.end());
    for (const auto& [column, value] : row) {
      m.cols.push_back(column);
      m.values.push_back(value);
    }
    m.begin.push_back(m.cols.size());
  }
  return m;
}

// Even units like even items, odd ones odd items; each unit's own number is left out, so it is what
// she should be shown.
inline kernels::Csr CheckerBoard(uint32_t side) {
  std::vector<std::vector<std::pair<uint32_t, float>>> rows(side);
  for (uint32_t u = 0; u < side; ++u) {
    for (uint32_t i = u % 2; i < side; i += 2) {
      if (i != u) {
        rows[u].emplace_back(i, 1.0F);
      }
    }
  }
  return CsrOf(side, rows);
}

// Units and items belong to `groups`; a unit meets `events` items, mostly of her group, popular
// ones more often.
struct GroupedData {
  kernels::Csr train;
  kernels::Csr hidden;  // about a fifth of each unit's items
};

inline GroupedData MakeGroups(uint32_t units, uint32_t items, uint32_t groups, uint32_t events,
                              uint64_t seed) {
  Rng rng(seed);
  std::vector<std::vector<std::pair<uint32_t, float>>> train(units);
  std::vector<std::vector<std::pair<uint32_t, float>>> hidden(units);
  for (uint32_t u = 0; u < units; ++u) {
    std::map<uint32_t, bool> met;
    while (met.size() < events) {
      const double skew = rng.Uniform() * rng.Uniform();
      uint32_t item = static_cast<uint32_t>(skew * items);
      if (rng.Chance(0.8)) {
        item = item / groups * groups + u % groups;
      }
      if (item < items) {
        met.emplace(item, rng.Chance(0.2));
      }
    }
    for (const auto& [item, hide] : met) {
      (hide ? hidden : train)[u].emplace_back(item, 1.0F);
    }
  }
  return {CsrOf(items, train), CsrOf(items, hidden)};
}

inline std::vector<std::string> ItemNames(uint32_t n) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < n; ++i) {
    names.push_back("item " + std::to_string(i));
  }
  return names;
}

inline std::vector<models::Interaction> HistoryOf(const kernels::Csr& m, uint32_t unit) {
  std::vector<models::Interaction> history;
  for (size_t k = 0; k < m.row_columns(unit).size(); ++k) {
    history.push_back({m.row_columns(unit)[k], m.row_values(unit)[k]});
  }
  return history;
}

inline std::vector<float> ScoresOf(const models::Model& model,
                                   const std::vector<models::Interaction>& history) {
  std::vector<float> scores(model.items());
  model.Score(history, scores);
  return scores;
}

// Assignments such as "factors=8".
using Overrides = std::vector<std::string>;

inline Result<std::shared_ptr<const models::Model>> FitWith(const std::string& algorithm,
                                                            const Overrides& overrides,
                                                            const FitInput& input,
                                                            size_t pool_threads = 1,
                                                            const std::stop_token& stop = {}) {
  const Algorithm* a = FindAlgorithm(algorithm);
  HOEGO_CHECK(a != nullptr);
  Settings params(a->params());
  for (const std::string& assignment : overrides) {
    HOEGO_TRY(params.SetAssignment(assignment));
  }
  ThreadPool pool(pool_threads);
  SilentObserver observer;
  return a->Fit(input, params, pool, observer, stop);
}

// Share of hidden items among the best k unseen ones, mean over units with hidden items.
inline double RecallAt(size_t k, const models::Model& model, const kernels::Csr& train,
                       const kernels::Csr& hidden) {
  double sum = 0;
  double units = 0;
  for (uint32_t u = 0; u < train.rows; ++u) {
    const auto wanted = hidden.row_columns(u);
    if (wanted.empty()) {
      continue;
    }
    const std::vector<float> scores = ScoresOf(model, HistoryOf(train, u));
    std::vector<uint32_t> order;
    for (uint32_t i = 0; i < scores.size(); ++i) {
      if (!std::binary_search(train.row_columns(u).begin(), train.row_columns(u).end(), i)) {
        order.push_back(i);
      }
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    double hits = 0;
    for (size_t r = 0; r < std::min(k, order.size()); ++r) {
      hits += std::binary_search(wanted.begin(), wanted.end(), order[r]) ? 1 : 0;
    }
    sum += hits / static_cast<double>(std::min(k, wanted.size()));
    units += 1;
  }
  return sum / units;
}

}  // namespace hoego::training::internal
