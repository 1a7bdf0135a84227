// AVX2 + FMA bodies. Every function carries its target, so that nothing else in the program is
// compiled for it.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>

#include "kernels/internal/table.h"

#define HOEGO_AVX2 [[gnu::target("avx2,fma")]]

namespace hoego::kernels::internal {
namespace {

constexpr size_t kLanes = 8;

HOEGO_AVX2 inline float Sum(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

HOEGO_AVX2 float Dot(const float* a, const float* b, size_t n) {
  __m256 s0 = _mm256_setzero_ps();
  __m256 s1 = s0;
  __m256 s2 = s0;
  __m256 s3 = s0;
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
    s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
    s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
  }
  for (; i + kLanes <= n; i += kLanes) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
  }
  float sum = Sum(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
  for (; i < n; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

HOEGO_AVX2 void Axpy(float alpha, const float* x, float* y, size_t n) {
  const __m256 va = _mm256_set1_ps(alpha);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    _mm256_storeu_ps(y + i, _mm256_fmadd_ps(va, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
  }
  for (; i < n; ++i) {
    y[i] += alpha * x[i];
  }
}

// The sums of four registers, in order.
HOEGO_AVX2 inline __m128 SumFour(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
}

HOEGO_AVX2 void ScoreRows(const float* query, const float* rows, size_t stride, size_t n, size_t d,
                          float* out) {
  size_t r = 0;
  for (; r + 4 <= n; r += 4) {
    const float* x = rows + r * stride;
    __m256 s0 = _mm256_setzero_ps();
    __m256 s1 = s0;
    __m256 s2 = s0;
    __m256 s3 = s0;
    size_t j = 0;
    for (; j + kLanes <= d; j += kLanes) {
      const __m256 q = _mm256_loadu_ps(query + j);
      s0 = _mm256_fmadd_ps(q, _mm256_loadu_ps(x + j), s0);
      s1 = _mm256_fmadd_ps(q, _mm256_loadu_ps(x + stride + j), s1);
      s2 = _mm256_fmadd_ps(q, _mm256_loadu_ps(x + 2 * stride + j), s2);
      s3 = _mm256_fmadd_ps(q, _mm256_loadu_ps(x + 3 * stride + j), s3);
    }
    _mm_storeu_ps(out + r, SumFour(s0, s1, s2, s3));
    for (; j < d; ++j) {
      for (size_t i = 0; i < 4; ++i) {
        out[r + i] += query[j] * x[i * stride + j];
      }
    }
  }
  for (; r < n; ++r) {
    out[r] = Dot(query, rows + r * stride, d);
  }
}

// 8·V columns of all rows, the sums held in registers.
template <int V>
HOEGO_AVX2 inline void AddRowsBlock(const float* rows, size_t stride, const uint32_t* index,
                                    const float* weights, size_t n, float* out) {
  __m256 s[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    s[v] = _mm256_loadu_ps(out + v * 8);
  }
  for (size_t k = 0; k < n; ++k) {
    const float* x = rows + (index == nullptr ? k : index[k]) * stride;
    const __m256 w = _mm256_set1_ps(weights[k]);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      s[v] = _mm256_fmadd_ps(w, _mm256_loadu_ps(x + v * 8), s[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    _mm256_storeu_ps(out + v * 8, s[v]);
  }
}

HOEGO_AVX2 void AddRows(const float* rows, size_t stride, const uint32_t* index,
                        const float* weights, size_t n, size_t d, float* out) {
  size_t j = 0;
  for (; j + 8 * kLanes <= d; j += 8 * kLanes) {
    AddRowsBlock<8>(rows + j, stride, index, weights, n, out + j);
  }
  for (; j + kLanes <= d; j += kLanes) {
    AddRowsBlock<1>(rows + j, stride, index, weights, n, out + j);
  }
  for (; j < d; ++j) {
    for (size_t k = 0; k < n; ++k) {
      out[j] += weights[k] * rows[(index == nullptr ? k : index[k]) * stride + j];
    }
  }
}

HOEGO_AVX2 void GatherRows(const float* rows, size_t stride, const uint32_t* index,
                           const float* scale, size_t n, size_t d, float* out) {
  constexpr size_t kAhead = 8;  // rows asked of the cache before they are needed
  for (size_t k = 0; k < n; ++k) {
    if (k + kAhead < n) {
      const float* soon = rows + index[k + kAhead] * stride;
      for (size_t j = 0; j < d; j += 16) {
        _mm_prefetch(reinterpret_cast<const char*>(soon + j), _MM_HINT_T0);
      }
    }
    const float* x = rows + index[k] * stride;
    const float s = scale == nullptr ? 1.0F : scale[k];
    size_t j = 0;
    for (; j + kLanes <= d; j += kLanes) {
      _mm256_storeu_ps(out + k * d + j, _mm256_mul_ps(_mm256_set1_ps(s), _mm256_loadu_ps(x + j)));
    }
    for (; j < d; ++j) {
      out[k * d + j] = s * x[j];
    }
  }
}

// r[i][j] := r[j][i].
HOEGO_AVX2 inline void Transpose8(__m256 (&r)[8]) {
  __m256 t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  __m256 u[8];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    r[c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x20);
    r[4 + c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x31);
  }
}

HOEGO_AVX2 void GatherTransposed(const float* rows, size_t stride, const uint32_t* index,
                                 const float* scale, size_t n, size_t d, const float* column_scale,
                                 size_t padded, float* out) {
  for (size_t k = 0; k < padded; k += kLanes) {
    for (size_t j = 0; j < d; j += kLanes) {
      const __m256 column = _mm256_loadu_ps(column_scale + j);
      __m256 r[8];
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; ++i) {
        const bool in = k + i < n;
        const __m256 weight = _mm256_set1_ps(in ? scale[k + i] : 0.0F);
        r[i] = _mm256_mul_ps(_mm256_mul_ps(weight, column),
                             _mm256_loadu_ps(rows + (in ? index[k + i] * stride : 0) + j));
      }
      Transpose8(r);
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; ++i) {
        _mm256_storeu_ps(out + (j + i) * padded + k, r[i]);
      }
    }
  }
}

HOEGO_AVX2 void NormalProduct(const float* rows, size_t n, size_t d, const float* a, const float* w,
                              const float* p, float* out) {
  float c[4];
  for (size_t k = 0; k < n; k += 4) {
    const size_t some = n - k < 4 ? n - k : 4;
    ScoreRows(p, rows + k * d, d, some, d, c);
    for (size_t i = 0; i < some; ++i) {
      c[i] = (a == nullptr ? 0.0F : a[k + i]) + w[k + i] * c[i];
    }
    AddRows(rows + k * d, d, nullptr, c, some, d, out);
  }
}

// c(4 x 16) ±= Σ_k x_k[0..3]ᵀ · y_k[0..15], both with row distance d.
template <bool kSubtract>
HOEGO_AVX2 inline void GramStrip(const float* x, const float* y, size_t n, size_t d, float* c,
                                 size_t stride) {
  __m256 s[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    s[2 * i] = _mm256_loadu_ps(c + static_cast<size_t>(i) * stride);
    s[2 * i + 1] = _mm256_loadu_ps(c + static_cast<size_t>(i) * stride + 8);
  }
  for (size_t k = 0; k < n; ++k) {
    const __m256 v0 = _mm256_loadu_ps(y + k * d);
    const __m256 v1 = _mm256_loadu_ps(y + k * d + 8);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m256 u = _mm256_set1_ps(x[k * d + static_cast<size_t>(i)]);
      s[2 * i] = kSubtract ? _mm256_fnmadd_ps(u, v0, s[2 * i]) : _mm256_fmadd_ps(u, v0, s[2 * i]);
      s[2 * i + 1] =
          kSubtract ? _mm256_fnmadd_ps(u, v1, s[2 * i + 1]) : _mm256_fmadd_ps(u, v1, s[2 * i + 1]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(c + static_cast<size_t>(i) * stride, s[2 * i]);
    _mm256_storeu_ps(c + static_cast<size_t>(i) * stride + 8, s[2 * i + 1]);
  }
}

HOEGO_AVX2 void GramUpper(const float* x, size_t n, size_t d, float* c, size_t stride) {
  for (size_t i = 0; i < d; i += 4) {
    for (size_t j = i / kTile * kTile; j < d; j += kTile) {
      GramStrip<false>(x + i, x + j, n, d, c + i * stride + j, stride);
    }
  }
}

HOEGO_AVX2 inline void SubtractEarlier(float* a, size_t stride, size_t row, size_t column) {
  for (size_t i = 0; i < kTile; i += 4) {
    GramStrip<true>(a + row + i, a + column, row, stride, a + (row + i) * stride + column, stride);
  }
}

HOEGO_AVX2 bool FactorTile(float* a, size_t stride, size_t row, float* inverse) {
  SubtractEarlier(a, stride, row, row);
  float* tile = a + row * stride + row;
  for (size_t p = 0; p < kTile; ++p) {
    float* done = tile + p * stride;
    if (!(done[p] > 0)) {
      return false;
    }
    inverse[p] = 1.0F / std::sqrt(done[p]);
    const __m256 scale = _mm256_set1_ps(inverse[p]);
    const __m256 v0 = _mm256_mul_ps(_mm256_loadu_ps(done), scale);
    const __m256 v1 = _mm256_mul_ps(_mm256_loadu_ps(done + 8), scale);
    _mm256_storeu_ps(done, v0);
    _mm256_storeu_ps(done + 8, v1);
    for (size_t i = p + 1; i < kTile; ++i) {
      float* later = tile + i * stride;
      const __m256 u = _mm256_set1_ps(done[i]);
      _mm256_storeu_ps(later, _mm256_fnmadd_ps(u, v0, _mm256_loadu_ps(later)));
      _mm256_storeu_ps(later + 8, _mm256_fnmadd_ps(u, v1, _mm256_loadu_ps(later + 8)));
    }
  }
  return true;
}

HOEGO_AVX2 void SolveTile(float* a, size_t stride, size_t row, size_t column,
                          const float* inverse) {
  SubtractEarlier(a, stride, row, column);
  float* tile = a + row * stride + column;
  const float* diagonal = a + row * stride + row;
  for (size_t p = 0; p < kTile; ++p) {
    float* done = tile + p * stride;
    const __m256 scale = _mm256_set1_ps(inverse[p]);
    const __m256 v0 = _mm256_mul_ps(_mm256_loadu_ps(done), scale);
    const __m256 v1 = _mm256_mul_ps(_mm256_loadu_ps(done + 8), scale);
    _mm256_storeu_ps(done, v0);
    _mm256_storeu_ps(done + 8, v1);
    for (size_t i = p + 1; i < kTile; ++i) {
      float* later = tile + i * stride;
      const __m256 u = _mm256_set1_ps(diagonal[p * stride + i]);
      _mm256_storeu_ps(later, _mm256_fnmadd_ps(u, v0, _mm256_loadu_ps(later)));
      _mm256_storeu_ps(later + 8, _mm256_fnmadd_ps(u, v1, _mm256_loadu_ps(later + 8)));
    }
  }
}

HOEGO_AVX2 void SolveFactored(const float* u, size_t stride, size_t n, const float* inverse,
                              float* b) {
  for (size_t i = 0; i < n; ++i) {
    b[i] *= inverse[i];
    Axpy(-b[i], u + i * stride + i + 1, b + i + 1, n - i - 1);
  }
  for (size_t i = n; i-- > 0;) {
    b[i] = (b[i] - Dot(u + i * stride + i + 1, b + i + 1, n - i - 1)) * inverse[i];
  }
}

HOEGO_AVX2 size_t Above(const float* scores, size_t n, float threshold, uint32_t base,
                        uint32_t* out) {
  const __m256 t = _mm256_set1_ps(threshold);
  size_t found = 0;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const __m256 hit = _mm256_cmp_ps(_mm256_loadu_ps(scores + i), t, _CMP_GT_OQ);
    for (unsigned hits = static_cast<unsigned>(_mm256_movemask_ps(hit)); hits != 0;
         hits &= hits - 1) {
      out[found++] = base + static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctz(hits));
    }
  }
  for (; i < n; ++i) {
    if (scores[i] > threshold) {
      out[found++] = base + static_cast<uint32_t>(i);
    }
  }
  return found;
}

}  // namespace

const KernelTable& Avx2Table() {
  static constexpr KernelTable table = {SimdLevel::kAvx2,
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
#endif
