#include "training/internal/item_weights.h"

#include <cmath>
#include <vector>

namespace hoego::training::internal {
namespace {

kernels::Csr PositiveEntries(const kernels::Csr& train) {
  kernels::Csr kept;
  kept.rows = train.rows;
  kept.columns = train.columns;
  kept.begin = {0};
  for (uint32_t u = 0; u < train.rows; ++u) {
    for (uint64_t k = train.begin[u]; k < train.begin[u + 1]; ++k) {
      if (train.values[k] > 0) {
        kept.cols.push_back(train.cols[k]);
        kept.values.push_back(train.values[k]);
      }
    }
    kept.begin.push_back(kept.cols.size());
  }
  return kept;
}

std::vector<double> ColumnSums(const kernels::Csr& m, bool of_squares) {
  std::vector<double> sums(m.columns, 0.0);
  for (size_t k = 0; k < m.cols.size(); ++k) {
    const double v = static_cast<double>(m.values[k]);
    sums[m.cols[k]] += of_squares ? v * v : v;
  }
  return sums;
}

void ScaleColumnsToLengthOne(kernels::Csr& m) {
  const std::vector<double> squares = ColumnSums(m, true);
  for (size_t k = 0; k < m.cols.size(); ++k) {
    const double square = squares[m.cols[k]];
    m.values[k] = square > 0
                      ? static_cast<float>(static_cast<double>(m.values[k]) / std::sqrt(square))
                      : 0.0F;
  }
}

// values[k] := weight(value, item) · idf(unit).
template <class Weight>
void WeighByIdf(kernels::Csr& m, const Weight& weight) {
  const double log_items = std::log(static_cast<double>(m.columns));
  for (uint32_t u = 0; u < m.rows; ++u) {
    const double idf = log_items - std::log1p(static_cast<double>(m.begin[u + 1] - m.begin[u]));
    for (uint64_t k = m.begin[u]; k < m.begin[u + 1]; ++k) {
      m.values[k] = static_cast<float>(weight(static_cast<double>(m.values[k]), m.cols[k]) * idf);
    }
  }
}

}  // namespace

kernels::Csr WeighForSimilarity(const kernels::Csr& train, const ItemWeighting& weighting) {
  kernels::Csr m = PositiveEntries(train);
  if (weighting.similarity == "bm25") {
    const std::vector<double> lengths = ColumnSums(m, false);
    double mean = 0;
    for (const double length : lengths) {
      mean += length / static_cast<double>(lengths.size());
    }
    WeighByIdf(m, [&](double w, uint32_t item) {
      const double norm = 1 - weighting.b + weighting.b * lengths[item] / mean;
      return w * (weighting.k1 + 1) / (weighting.k1 * norm + w);
    });
    return m;
  }
  if (weighting.similarity == "tfidf") {
    WeighByIdf(m, [](double w, uint32_t /*item*/) { return std::sqrt(w); });
  }
  ScaleColumnsToLengthOne(m);
  return m;
}

}  // namespace hoego::training::internal
