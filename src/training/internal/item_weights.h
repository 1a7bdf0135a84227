#pragma once

#include <string_view>

#include "kernels/csr.h"

namespace hoego::training::internal {

struct ItemWeighting {
  std::string_view similarity;  // "cosine", "bm25", "tfidf"
  double k1 = 1.2;
  double b = 0.75;
};

// Weights of a units x items matrix such that the dot product of two columns is their similarity.
// Entries that are not positive are left out. An item plays the part of a document and a unit that
// of a term:
//   tfidf  √w · idf(u), columns scaled to length 1
//   bm25   w·(k1 + 1) / (k1·(1 − b + b·len_i / mean len) + w) · idf(u), len_i the sum of column i
//   cosine w, columns scaled to length 1
// idf(u) = ln(items) − ln(1 + |I_u|), as `implicit` has it, with whose rows the tests compare.
kernels::Csr WeighForSimilarity(const kernels::Csr& train, const ItemWeighting& weighting);

}  // namespace hoego::training::internal
