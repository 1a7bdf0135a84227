#include "kernels/csr.h"

namespace hoego::kernels {

Csr Transpose(const Csr& a) {
  Csr t;
  t.rows = a.columns;
  t.columns = a.rows;
  t.begin.assign(static_cast<size_t>(a.columns) + 1, 0);
  t.cols.resize(a.cols.size());
  t.values.resize(a.values.size());
  for (const uint32_t c : a.cols) {
    ++t.begin[c + 1];
  }
  for (size_t c = 0; c < a.columns; ++c) {
    t.begin[c + 1] += t.begin[c];
  }
  std::vector<uint64_t> next(t.begin.begin(), t.begin.end() - 1);
  // Rows are visited in ascending order, so every row of the result is ascending too.
  for (uint32_t r = 0; r < a.rows; ++r) {
    for (uint64_t k = a.begin[r]; k < a.begin[r + 1]; ++k) {
      const uint64_t at = next[a.cols[k]]++;
      t.cols[at] = r;
      t.values[at] = a.values[k];
    }
  }
  return t;
}

}  // namespace hoego::kernels
