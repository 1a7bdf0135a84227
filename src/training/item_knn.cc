#include "training/item_knn.h"

#include <algorithm>
#include <cmath>

#include "kernels/topk.h"
#include "models/item_knn.h"
#include "training/internal/fit_common.h"
#include "training/internal/item_weights.h"

namespace hoego::training {
namespace {

// What a thread needs to compute one row of similarities.
struct Accumulator {
  std::vector<float> sum;         // by item, zero between rows
  std::vector<uint32_t> common;   // units that met both, zero between rows
  std::vector<uint32_t> touched;  // items with common > 0
  std::vector<kernels::Ranked> row;
};

// The items most similar to `item`, best first: dot products with all columns that share a unit.
void SimilarRow(const kernels::Csr& by_unit, const kernels::Csr& by_item, uint32_t item,
                size_t neighbours, double shrink, Accumulator& acc) {
  const auto units = by_item.row_columns(item);
  const auto weights = by_item.row_values(item);
  for (size_t k = 0; k < units.size(); ++k) {
    const auto items = by_unit.row_columns(units[k]);
    const auto values = by_unit.row_values(units[k]);
    for (size_t j = 0; j < items.size(); ++j) {
      acc.sum[items[j]] += weights[k] * values[j];
      if (acc.common[items[j]]++ == 0) {
        acc.touched.push_back(items[j]);
      }
    }
  }
  acc.row.clear();
  for (const uint32_t other : acc.touched) {
    float similarity = acc.sum[other];
    if (shrink > 0) {
      // Few common units prove little (Bell and Koren, "Scalable collaborative filtering …", ICDM
      // 2007, section 2.2).
      const double common = static_cast<double>(acc.common[other]);
      similarity = static_cast<float>(static_cast<double>(similarity) * common / (common + shrink));
    }
    if (other != item && similarity > 0) {
      acc.row.push_back({other, similarity});
    }
    acc.sum[other] = 0;
    acc.common[other] = 0;
  }
  acc.touched.clear();
  const size_t keep = std::min(neighbours, acc.row.size());
  std::partial_sort(acc.row.begin(), acc.row.begin() + static_cast<std::ptrdiff_t>(keep),
                    acc.row.end(), kernels::RanksBefore);
  acc.row.resize(keep);
}

models::SimilarityRows Join(const std::vector<std::vector<kernels::Ranked>>& rows) {
  models::SimilarityRows joined;
  joined.begin = {0};
  for (const auto& row : rows) {
    for (const kernels::Ranked& r : row) {
      joined.neighbours.push_back(r.index);
      joined.similarities.push_back(r.score);
    }
    joined.begin.push_back(joined.neighbours.size());
  }
  return joined;
}

}  // namespace

const std::vector<Setting>& ItemKnn::params() const {
  static const std::vector<Setting> table = {
      {"similarity",
       SettingType::kChoice,
       "cosine",
       "how two items are compared",
       0,
       0,
       {"cosine", "bm25", "tfidf"}},
      {"neighbours", SettingType::kInt, "100",
       "kept for each item; larger: more memory and slower answers", 1, 100000},
      {"shrink", SettingType::kDouble, "10",
       "doubts similarities that few units support: n / (n + shrink); 0: none", 0, 1e9},
      {"k1", SettingType::kDouble, "1.2", "of bm25: how fast repeated events stop counting", 0,
       1e6},
      {"b", SettingType::kDouble, "0.75", "of bm25: how much popular items are held back", 0, 1},
  };
  return table;
}

Plan ItemKnn::MakePlan(const FitInput& input, const Settings& params) const {
  double pairs = 0;
  for (uint32_t u = 0; u < input.train.rows; ++u) {
    const double events = static_cast<double>(input.train.row_columns(u).size());
    pairs += events * events;
  }
  const double kept = std::min(pairs, static_cast<double>(input.train.columns) *
                                          static_cast<double>(params.Int("neighbours")));
  return {2 * pairs, static_cast<uint64_t>(kept * 16) + input.train.nonzeros() * 16};
}

Result<std::shared_ptr<const models::Model>> ItemKnn::Fit(const FitInput& input,
                                                          const Settings& params, ThreadPool& pool,
                                                          Observer& observer,
                                                          const std::stop_token& stop) const {
  HOEGO_TRY(internal::CheckInput(input));
  const internal::ItemWeighting weighting = {params.String("similarity"), params.Double("k1"),
                                             params.Double("b")};
  const kernels::Csr by_unit = internal::WeighForSimilarity(input.train, weighting);
  const kernels::Csr by_item = kernels::Transpose(by_unit);
  const size_t neighbours = static_cast<size_t>(params.Int("neighbours"));
  const double shrink = params.Double("shrink");
  const size_t n = by_unit.columns;

  std::vector<Accumulator> accumulators(internal::Workers(pool));
  std::vector<std::vector<kernels::Ranked>> rows(n);
  const auto body = [&](size_t begin, size_t end, size_t worker) {
    Accumulator& acc = accumulators[worker];
    acc.sum.resize(n, 0.0F);
    acc.common.resize(n, 0);
    for (size_t i = begin; i < end; ++i) {
      SimilarRow(by_unit, by_item, static_cast<uint32_t>(i), neighbours, shrink, acc);
      rows[i] = acc.row;
    }
  };
  constexpr size_t kParts = 20;  // each is reported
  for (size_t part = 0; part < kParts; ++part) {
    const size_t from = n * part / kParts;
    const size_t to = n * (part + 1) / kParts;
    pool.ParallelFor(
        to - from, 16, [&](size_t b, size_t e, size_t w) { body(from + b, from + e, w); }, stop);
    if (stop.stop_requested()) {
      return internal::CancelledFit(name());
    }
    observer.Progress(static_cast<double>(part + 1) / kParts, "similarities");
  }
  HOEGO_TRY_ASSIGN(auto model,
                   models::ItemKnnModel::Create(internal::MakeManifest(name(), input, params, pool),
                                                Join(rows), internal::UnmetItems(input.train)));
  return std::shared_ptr<const models::Model>(std::move(model));
}

}  // namespace hoego::training
