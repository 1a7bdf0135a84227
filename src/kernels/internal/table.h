#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd.h"

namespace hoego::kernels::internal {

// Side of the square tiles that the dense kernels work on: sixteen floats, one AVX-512 register,
// one cache line.
inline constexpr size_t kTile = 16;

// One body of every kernel. Matrices are row-major; `stride` is the distance of rows in floats.
// Loops are inside: a call through the table costs a few nanoseconds, so it is made once a block
// and never once an element.
struct KernelTable {
  SimdLevel level;

  // Σ a[i]·b[i].   a, b: n
  float (*dot)(const float* a, const float* b, size_t n);

  // y[i] += alpha·x[i].   x, y: n
  void (*axpy)(float alpha, const float* x, float* y, size_t n);

  // out[r] = Σ_j query[j]·rows[r·stride + j].   query: d   out: n, written
  void (*score_rows)(const float* query, const float* rows, size_t stride, size_t n, size_t d,
                     float* out);

  // out[j] += Σ_k weights[k]·row(k)[j], row(k) = rows + index[k]·stride, or rows + k·stride when
  // index is null. weights: n   index: n or null   out: d, added to
  void (*add_rows)(const float* rows, size_t stride, const uint32_t* index, const float* weights,
                   size_t n, size_t d, float* out);

  // out[k·d + j] = scale[k]·rows[index[k]·stride + j]; scale null: ones.   index: n   scale: n or
  // null   out: n x d, written
  void (*gather_rows)(const float* rows, size_t stride, const uint32_t* index, const float* scale,
                      size_t n, size_t d, float* out);

  // out[j·padded + k] = scale[k]·column_scale[j]·rows[index[k]·stride + j] for k < n, and 0 for n
  // <= k < padded. Pre: d % kTile == 0, padded % kTile == 0.   index, scale: n   column_scale: d
  // out: d x padded, written
  void (*gather_transposed)(const float* rows, size_t stride, const uint32_t* index,
                            const float* scale, size_t n, size_t d, const float* column_scale,
                            size_t padded, float* out);

  // out += Σ_k (a[k] + w[k]·(x_k·p))·x_k, x_k = rows + k·d.   Pre: d % kTile == 0.   a: n or null
  // (zeros)   w: n   p, out: d
  void (*normal_product)(const float* rows, size_t n, size_t d, const float* a, const float* w,
                         const float* p, float* out);

  // c[i·stride + j] += Σ_k x[k·d + i]·x[k·d + j] for every tile on or above the diagonal.   Pre: d
  // % kTile == 0 x: n x d, packed   c: d x d
  void (*gram_upper)(const float* x, size_t n, size_t d, float* c, size_t stride);

  // One step of the blocked Cholesky A = U'U, rows `row`..row+15, whose tiles right of the diagonal
  // follow by solve_tile: subtracts the earlier block rows from the diagonal tile and factors it.
  // False when a pivot is not positive. inverse[0..15]: 1 / the new diagonal, written
  bool (*factor_tile)(float* a, size_t stride, size_t row, float* inverse);

  // The tile at (row, column), column > row: subtracts the earlier block rows, then multiplies by
  // the inverse of the diagonal tile's transpose from the left.
  void (*solve_tile)(float* a, size_t stride, size_t row, size_t column, const float* inverse);

  // b := U⁻¹ U⁻ᵀ b.   Pre: n % kTile == 0.   inverse: n, 1 / diagonal   b: n
  void (*solve_factored)(const float* u, size_t stride, size_t n, const float* inverse, float* b);

  // Indices i + base with scores[i] > threshold, ascending; their number is returned. NaN never
  // passes. scores: n   out: n, as far as returned
  size_t (*above)(const float* scores, size_t n, float threshold, uint32_t base, uint32_t* out);
};

// The table in use; chosen on first use (simd.h).
const KernelTable& Table();

const KernelTable& ScalarTable();
#if defined(__x86_64__)
const KernelTable& Avx2Table();
const KernelTable& Avx512Table();
#endif

// The table of a level. Pre: supported here.
const KernelTable& TableOf(SimdLevel level);

}  // namespace hoego::kernels::internal
