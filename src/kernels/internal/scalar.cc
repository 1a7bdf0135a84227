// The specification of every kernel: plain loops, sums in the order of the index.
#include <cmath>

#include "kernels/internal/table.h"

namespace hoego::kernels::internal {
namespace {

float Dot(const float* a, const float* b, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

void Axpy(float alpha, const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    y[i] += alpha * x[i];
  }
}

void ScoreRows(const float* query, const float* rows, size_t stride, size_t n, size_t d,
               float* out) {
  for (size_t r = 0; r < n; ++r) {
    out[r] = Dot(query, rows + r * stride, d);
  }
}

void AddRows(const float* rows, size_t stride, const uint32_t* index, const float* weights,
             size_t n, size_t d, float* out) {
  for (size_t k = 0; k < n; ++k) {
    Axpy(weights[k], rows + (index == nullptr ? k : index[k]) * stride, out, d);
  }
}

void GatherRows(const float* rows, size_t stride, const uint32_t* index, const float* scale,
                size_t n, size_t d, float* out) {
  for (size_t k = 0; k < n; ++k) {
    const float* x = rows + index[k] * stride;
    for (size_t j = 0; j < d; ++j) {
      out[k * d + j] = scale == nullptr ? x[j] : scale[k] * x[j];
    }
  }
}

void GatherTransposed(const float* rows, size_t stride, const uint32_t* index, const float* scale,
                      size_t n, size_t d, const float* column_scale, size_t padded, float* out) {
  for (size_t k = 0; k < padded; ++k) {
    for (size_t j = 0; j < d; ++j) {
      out[j * padded + k] = k < n ? scale[k] * column_scale[j] * rows[index[k] * stride + j] : 0.0F;
    }
  }
}

void NormalProduct(const float* rows, size_t n, size_t d, const float* a, const float* w,
                   const float* p, float* out) {
  for (size_t k = 0; k < n; ++k) {
    const float* x = rows + k * d;
    Axpy((a == nullptr ? 0.0F : a[k]) + w[k] * Dot(x, p, d), x, out, d);
  }
}

void GramUpper(const float* x, size_t n, size_t d, float* c, size_t stride) {
  for (size_t k = 0; k < n; ++k) {
    const float* row = x + k * d;
    for (size_t i = 0; i < d; ++i) {
      const size_t first = i / kTile * kTile;
      Axpy(row[i], row + first, c + i * stride + first, d - first);
    }
  }
}

// a[row + i][column + j] -= Σ_{k < row} a[k][row + i]·a[k][column + j].
void SubtractEarlier(float* a, size_t stride, size_t row, size_t column) {
  for (size_t k = 0; k < row; ++k) {
    const float* u = a + k * stride;
    for (size_t i = 0; i < kTile; ++i) {
      Axpy(-u[row + i], u + column, a + (row + i) * stride + column, kTile);
    }
  }
}

bool FactorTile(float* a, size_t stride, size_t row, float* inverse) {
  SubtractEarlier(a, stride, row, row);
  for (size_t p = 0; p < kTile; ++p) {
    float* pivot_row = a + (row + p) * stride + row;
    if (!(pivot_row[p] > 0)) {
      return false;
    }
    inverse[p] = 1.0F / std::sqrt(pivot_row[p]);
    for (size_t j = p; j < kTile; ++j) {
      pivot_row[j] *= inverse[p];
    }
    for (size_t i = p + 1; i < kTile; ++i) {
      Axpy(-pivot_row[i], pivot_row + i, a + (row + i) * stride + row + i, kTile - i);
    }
  }
  return true;
}

void SolveTile(float* a, size_t stride, size_t row, size_t column, const float* inverse) {
  SubtractEarlier(a, stride, row, column);
  for (size_t i = 0; i < kTile; ++i) {
    float* target = a + (row + i) * stride + column;
    for (size_t p = 0; p < i; ++p) {
      Axpy(-a[(row + p) * stride + row + i], a + (row + p) * stride + column, target, kTile);
    }
    for (size_t j = 0; j < kTile; ++j) {
      target[j] *= inverse[i];
    }
  }
}

void SolveFactored(const float* u, size_t stride, size_t n, const float* inverse, float* b) {
  for (size_t i = 0; i < n; ++i) {
    b[i] *= inverse[i];
    Axpy(-b[i], u + i * stride + i + 1, b + i + 1, n - i - 1);
  }
  for (size_t i = n; i-- > 0;) {
    b[i] = (b[i] - Dot(u + i * stride + i + 1, b + i + 1, n - i - 1)) * inverse[i];
  }
}

size_t Above(const float* scores, size_t n, float threshold, uint32_t base, uint32_t* out) {
  size_t found = 0;
  for (size_t i = 0; i < n; ++i) {
    if (scores[i] > threshold) {
      out[found++] = base + static_cast<uint32_t>(i);
    }
  }
  return found;
}

}  // namespace

const KernelTable& ScalarTable() {
  static constexpr KernelTable table = {SimdLevel::kScalar,
                                        Dot,
                                        Axpy,
                                        ScoreRows,
                                        AddRows,
                                        GatherRows,
                                        GatherTransposed,
                                        NormalProduct,
                                        GramUpper,
                                        FactorTile,
                                        SolveTile,
                                        SolveFactored,
                                        Above};
  return table;
}

}  // namespace hoego::kernels::internal
