#include "kernels/dense.h"

#include <cassert>

#include "kernels/aligned.h"
#include "kernels/internal/table.h"

namespace hoego::kernels {

using internal::Table;

float Dot(std::span<const float> a, std::span<const float> b) {
  assert(a.size() == b.size());
  return Table().dot(a.data(), b.data(), a.size());
}

void Axpy(float alpha, std::span<const float> x, std::span<float> y) {
  assert(x.size() == y.size());
  Table().axpy(alpha, x.data(), y.data(), x.size());
}

void ScoreAll(std::span<const float> query, std::span<const float> items, size_t stride,
              std::span<float> scores) {
  assert(stride >= query.size());
  assert(scores.empty() || items.size() >= (scores.size() - 1) * stride + query.size());
  Table().score_rows(query.data(), items.data(), stride, scores.size(), query.size(),
                     scores.data());
}

void AddRows(std::span<const float> rows, size_t stride, std::span<const uint32_t> index,
             std::span<const float> weights, std::span<float> out) {
  assert(index.size() == weights.size());
  assert(stride >= out.size());
  Table().add_rows(rows.data(), stride, index.data(), weights.data(), index.size(), out.size(),
                   out.data());
}

void AddRows(std::span<const float> rows, size_t stride, std::span<const float> weights,
             std::span<float> out) {
  assert(stride >= out.size());
  assert(weights.empty() || rows.size() >= (weights.size() - 1) * stride + out.size());
  Table().add_rows(rows.data(), stride, nullptr, weights.data(), weights.size(), out.size(),
                   out.data());
}

void GatherRows(std::span<const float> rows, size_t stride, std::span<const uint32_t> index,
                std::span<const float> scale, size_t d, std::span<float> out) {
  assert(scale.empty() || scale.size() == index.size());
  assert(stride >= d && out.size() == index.size() * d);
  Table().gather_rows(rows.data(), stride, index.data(), scale.empty() ? nullptr : scale.data(),
                      index.size(), d, out.data());
}

void GatherTransposed(std::span<const float> rows, size_t stride, std::span<const uint32_t> index,
                      std::span<const float> scale, std::span<const float> column_scale,
                      size_t padded, std::span<float> out) {
  const size_t d = column_scale.size();
  assert(scale.size() == index.size() && padded >= index.size() && stride >= d);
  assert(d % kTileFloats == 0 && padded % kTileFloats == 0 && out.size() == d * padded);
  Table().gather_transposed(rows.data(), stride, index.data(), scale.data(), index.size(), d,
                            column_scale.data(), padded, out.data());
}

void AddNormalProduct(std::span<const float> x, std::span<const float> offsets,
                      std::span<const float> weights, std::span<const float> p,
                      std::span<float> out) {
  assert(p.size() == out.size() && p.size() % kTileFloats == 0);
  assert(x.size() == weights.size() * p.size());
  assert(offsets.empty() || offsets.size() == weights.size());
  Table().normal_product(x.data(), weights.size(), p.size(),
                         offsets.empty() ? nullptr : offsets.data(), weights.data(), p.data(),
                         out.data());
}

void AddGramUpper(std::span<const float> x, size_t d, std::span<float> gram) {
  assert(d % kTileFloats == 0 && gram.size() == d * d);
  if (d != 0) {
    assert(x.size() % d == 0);
    Table().gram_upper(x.data(), x.size() / d, d, gram.data(), d);
  }
}

void MirrorUpper(std::span<float> matrix, size_t d) {
  assert(matrix.size() == d * d);
  for (size_t i = 1; i < d; ++i) {
    for (size_t j = 0; j < i; ++j) {
      matrix[i * d + j] = matrix[j * d + i];
    }
  }
}

}  // namespace hoego::kernels
