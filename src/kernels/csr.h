#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hoego::kernels {

// A sparse matrix by rows: row r holds columns cols[begin[r]..begin[r+1]) in ascending order with
// their values.
struct Csr {
  uint32_t rows = 0;
  uint32_t columns = 0;
  std::vector<uint64_t> begin;  // rows + 1
  std::vector<uint32_t> cols;   // nonzeros
  std::vector<float> values;    // nonzeros

  uint64_t nonzeros() const { return cols.size(); }
  std::span<const uint32_t> row_columns(uint32_t r) const {
    return std::span(cols).subspan(begin[r], begin[r + 1] - begin[r]);
  }
  std::span<const float> row_values(uint32_t r) const {
    return std::span(values).subspan(begin[r], begin[r + 1] - begin[r]);
  }
};

Csr Transpose(const Csr& a);

}  // namespace hoego::kernels
