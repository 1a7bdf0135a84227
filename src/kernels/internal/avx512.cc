// AVX-512 bodies. Every function carries its target, so that nothing else in the program is
// compiled for it.
#if defined(__x86_64__)
#include "kernels/internal/avx512.h"

#include "kernels/internal/table.h"

namespace hoego::kernels::internal {
namespace {

constexpr size_t kLanes = 16;

HOEGO_AVX512 float Dot(const float* a, const float* b, size_t n) {
  __m512 s0 = _mm512_setzero_ps();
  __m512 s1 = s0;
  __m512 s2 = s0;
  __m512 s3 = s0;
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
    s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
    s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), s2);
    s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), s3);
  }
  for (; i + kLanes <= n; i += kLanes) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
  }
  if (i < n) {
    const __mmask16 m = TailMask(n - i);
    s1 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i), s1);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

HOEGO_AVX512 void Axpy(float alpha, const float* x, float* y, size_t n) {
  const __m512 va = _mm512_set1_ps(alpha);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    _mm512_storeu_ps(y + i, _mm512_fmadd_ps(va, _mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i)));
  }
  if (i < n) {
    const __mmask16 m = TailMask(n - i);
    _mm512_mask_storeu_ps(
        y + i, m,
        _mm512_fmadd_ps(va, _mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, y + i)));
  }
}

// The sums of four registers, in order.
HOEGO_AVX512 inline __m128 SumFour(__m512 a, __m512 b, __m512 c, __m512 d) {
  const __m256 a8 = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  const __m256 b8 = _mm256_add_ps(_mm512_castps512_ps256(b), _mm512_extractf32x8_ps(b, 1));
  const __m256 c8 = _mm256_add_ps(_mm512_castps512_ps256(c), _mm512_extractf32x8_ps(c, 1));
  const __m256 d8 = _mm256_add_ps(_mm512_castps512_ps256(d), _mm512_extractf32x8_ps(d, 1));
  const __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(a8, b8), _mm256_hadd_ps(c8, d8));
  return _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
}

HOEGO_AVX512 void ScoreRows(const float* query, const float* rows, size_t stride, size_t n,
                            size_t d, float* out) {
  const __mmask16 tail = TailMask(d % kLanes);
  const size_t whole = d - d % kLanes;
  size_t r = 0;
  for (; r + 4 <= n; r += 4) {
    const float* x = rows + r * stride;
    __m512 s0 = _mm512_setzero_ps();
    __m512 s1 = s0;
    __m512 s2 = s0;
    __m512 s3 = s0;
    for (size_t j = 0; j < whole; j += kLanes) {
      const __m512 q = _mm512_loadu_ps(query + j);
      s0 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + j), s0);
      s1 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + stride + j), s1);
      s2 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + 2 * stride + j), s2);
      s3 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + 3 * stride + j), s3);
    }
    if (tail != 0) {
      const __m512 q = _mm512_maskz_loadu_ps(tail, query + whole);
      s0 = _mm512_fmadd_ps(q, _mm512_maskz_loadu_ps(tail, x + whole), s0);
      s1 = _mm512_fmadd_ps(q, _mm512_maskz_loadu_ps(tail, x + stride + whole), s1);
      s2 = _mm512_fmadd_ps(q, _mm512_maskz_loadu_ps(tail, x + 2 * stride + whole), s2);
      s3 = _mm512_fmadd_ps(q, _mm512_maskz_loadu_ps(tail, x + 3 * stride + whole), s3);
    }
    _mm_storeu_ps(out + r, SumFour(s0, s1, s2, s3));
  }
  for (; r < n; ++r) {
    out[r] = Dot(query, rows + r * stride, d);
  }
}

// Columns j..j+16·V-1 of all rows, the sums held in registers.
template <int V>
HOEGO_AVX512 inline void AddRowsBlock(const float* rows, size_t stride, const uint32_t* index,
                                      const float* weights, size_t n, float* out) {
  __m512 s[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    s[v] = _mm512_loadu_ps(out + v * 16);
  }
  for (size_t k = 0; k < n; ++k) {
    const float* x = rows + (index == nullptr ? k : index[k]) * stride;
    const __m512 w = _mm512_set1_ps(weights[k]);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      s[v] = _mm512_fmadd_ps(w, _mm512_loadu_ps(x + v * 16), s[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    _mm512_storeu_ps(out + v * 16, s[v]);
  }
}

HOEGO_AVX512 void AddRows(const float* rows, size_t stride, const uint32_t* index,
                          const float* weights, size_t n, size_t d, float* out) {
  size_t j = 0;
  for (; j + 8 * kLanes <= d; j += 8 * kLanes) {
    AddRowsBlock<8>(rows + j, stride, index, weights, n, out + j);
  }
  for (; j + 4 * kLanes <= d; j += 4 * kLanes) {
    AddRowsBlock<4>(rows + j, stride, index, weights, n, out + j);
  }
  for (; j + kLanes <= d; j += kLanes) {
    AddRowsBlock<1>(rows + j, stride, index, weights, n, out + j);
  }
  if (j < d) {
    const __mmask16 m = TailMask(d - j);
    __m512 s = _mm512_maskz_loadu_ps(m, out + j);
    for (size_t k = 0; k < n; ++k) {
      const float* x = rows + (index == nullptr ? k : index[k]) * stride + j;
      s = _mm512_fmadd_ps(_mm512_set1_ps(weights[k]), _mm512_maskz_loadu_ps(m, x), s);
    }
    _mm512_mask_storeu_ps(out + j, m, s);
  }
}

HOEGO_AVX512 void GatherRows(const float* rows, size_t stride, const uint32_t* index,
                             const float* scale, size_t n, size_t d, float* out) {
  constexpr size_t kAhead = 8;  // rows asked of the cache before they are needed
  const __mmask16 tail = TailMask(d % kLanes);
  const size_t whole = d - d % kLanes;
  for (size_t k = 0; k < n; ++k) {
    if (k + kAhead < n) {
      const float* soon = rows + index[k + kAhead] * stride;
      for (size_t j = 0; j < d; j += kLanes) {
        _mm_prefetch(reinterpret_cast<const char*>(soon + j), _MM_HINT_T0);
      }
    }
    const float* x = rows + index[k] * stride;
    const __m512 s = _mm512_set1_ps(scale == nullptr ? 1.0F : scale[k]);
    for (size_t j = 0; j < whole; j += kLanes) {
      _mm512_storeu_ps(out + k * d + j, _mm512_mul_ps(s, _mm512_loadu_ps(x + j)));
    }
    if (tail != 0) {
      _mm512_mask_storeu_ps(out + k * d + whole, tail,
                            _mm512_mul_ps(s, _mm512_maskz_loadu_ps(tail, x + whole)));
    }
  }
}

HOEGO_AVX512 void GatherTransposed(const float* rows, size_t stride, const uint32_t* index,
                                   const float* scale, size_t n, size_t d,
                                   const float* column_scale, size_t padded, float* out) {
  for (size_t k = 0; k < padded; k += kTile) {
    const float* from[16];
    __m512 weight[16];
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; ++i) {
      const bool in = k + i < n;
      from[i] = rows + (in ? index[k + i] * stride : 0);
      weight[i] = _mm512_set1_ps(in ? scale[k + i] : 0.0F);
    }
    for (size_t j = 0; j < d; j += kTile) {
      const __m512 column = _mm512_loadu_ps(column_scale + j);
      __m512 r[16];
#pragma GCC unroll 16
      for (size_t i = 0; i < 16; ++i) {
        r[i] = _mm512_mul_ps(_mm512_mul_ps(weight[i], column), _mm512_loadu_ps(from[i] + j));
      }
      Transpose16(r);
#pragma GCC unroll 16
      for (size_t i = 0; i < 16; ++i) {
        _mm512_storeu_ps(out + (j + i) * padded + k, r[i]);
      }
    }
  }
}

// Four rows of 16·V columns at a time: their dot products with p, then their weighted sum, while
// they are in L1.
template <int V>
HOEGO_AVX512 void NormalProductOf(const float* rows, size_t n, const float* a, const float* w,
                                  const float* p, float* out) {
  constexpr size_t d = V * kLanes;
  __m512 s[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    s[v] = _mm512_loadu_ps(out + v * 16);
  }
  size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    const float* x = rows + k * d;
    __m512 t0 = _mm512_setzero_ps();
    __m512 t1 = t0;
    __m512 t2 = t0;
    __m512 t3 = t0;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const __m512 q = _mm512_loadu_ps(p + v * 16);
      t0 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + v * 16), t0);
      t1 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + d + v * 16), t1);
      t2 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + 2 * d + v * 16), t2);
      t3 = _mm512_fmadd_ps(q, _mm512_loadu_ps(x + 3 * d + v * 16), t3);
    }
    const __m128 base = a == nullptr ? _mm_setzero_ps() : _mm_loadu_ps(a + k);
    const __m128 c = _mm_fmadd_ps(_mm_loadu_ps(w + k), SumFour(t0, t1, t2, t3), base);
    const __m512 c0 = _mm512_broadcastss_ps(c);
    const __m512 c1 = _mm512_broadcastss_ps(_mm_permute_ps(c, 0x55));
    const __m512 c2 = _mm512_broadcastss_ps(_mm_permute_ps(c, 0xaa));
    const __m512 c3 = _mm512_broadcastss_ps(_mm_permute_ps(c, 0xff));
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      s[v] = _mm512_fmadd_ps(c0, _mm512_loadu_ps(x + v * 16), s[v]);
      s[v] = _mm512_fmadd_ps(c1, _mm512_loadu_ps(x + d + v * 16), s[v]);
      s[v] = _mm512_fmadd_ps(c2, _mm512_loadu_ps(x + 2 * d + v * 16), s[v]);
      s[v] = _mm512_fmadd_ps(c3, _mm512_loadu_ps(x + 3 * d + v * 16), s[v]);
    }
  }
  for (; k < n; ++k) {
    const float* x = rows + k * d;
    const __m512 c = _mm512_set1_ps((a == nullptr ? 0.0F : a[k]) + w[k] * Dot(x, p, d));
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      s[v] = _mm512_fmadd_ps(c, _mm512_loadu_ps(x + v * 16), s[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    _mm512_storeu_ps(out + v * 16, s[v]);
  }
}

HOEGO_AVX512 void NormalProduct(const float* rows, size_t n, size_t d, const float* a,
                                const float* w, const float* p, float* out) {
  switch (d / kLanes) {
    case 1:
      return NormalProductOf<1>(rows, n, a, w, p, out);
    case 2:
      return NormalProductOf<2>(rows, n, a, w, p, out);
    case 4:
      return NormalProductOf<4>(rows, n, a, w, p, out);
    case 8:
      return NormalProductOf<8>(rows, n, a, w, p, out);
    default:
      break;
  }
  float c[4];
  size_t k = 0;
  for (; k < n; k += 4) {
    const size_t some = n - k < 4 ? n - k : 4;
    ScoreRows(p, rows + k * d, d, some, d, c);
    for (size_t i = 0; i < some; ++i) {
      c[i] = (a == nullptr ? 0.0F : a[k + i]) + w[k + i] * c[i];
    }
    AddRows(rows + k * d, d, nullptr, c, some, d, out);
  }
}

// c(16 x 16) += Σ_k x_k[0..15]ᵀ · y_k[0..15], both with row distance d.
HOEGO_AVX512 inline void GramTile(const float* x, const float* y, size_t n, size_t d, float* c,
                                  size_t stride) {
  __m512 s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    s[i] = _mm512_loadu_ps(c + static_cast<size_t>(i) * stride);
  }
  for (size_t k = 0; k < n; ++k) {
    const __m512 v = _mm512_loadu_ps(y + k * d);
    const float* u = x + k * d;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      s[i] = _mm512_fmadd_ps(_mm512_set1_ps(u[i]), v, s[i]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    _mm512_storeu_ps(c + static_cast<size_t>(i) * stride, s[i]);
  }
}

HOEGO_AVX512 void GramUpper(const float* x, size_t n, size_t d, float* c, size_t stride) {
  for (size_t i = 0; i < d; i += kTile) {
    for (size_t j = i; j < d; j += kTile) {
      GramTile(x + i, x + j, n, d, c + i * stride + j, stride);
    }
  }
}

HOEGO_AVX512 size_t Above(const float* scores, size_t n, float threshold, uint32_t base,
                          uint32_t* out) {
  const __m512 t = _mm512_set1_ps(threshold);
  size_t found = 0;
  for (size_t i = 0; i < n; i += kLanes) {
    const __mmask16 in = n - i < kLanes ? TailMask(n - i) : static_cast<__mmask16>(0xffffU);
    unsigned hits =
        _mm512_mask_cmp_ps_mask(in, _mm512_maskz_loadu_ps(in, scores + i), t, _CMP_GT_OQ);
    for (; hits != 0; hits &= hits - 1) {
      out[found++] = base + static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctz(hits));
    }
  }
  return found;
}

}  // namespace

const KernelTable& Avx512Table() {
  static constexpr KernelTable table = {SimdLevel::kAvx512,
                                        Dot,
                                        Axpy,
                                        ScoreRows,
                                        AddRows,
                                        GatherRows,
                                        GatherTransposed,
                                        NormalProduct,
                                        GramUpper,
                                        FactorTileAvx512,
                                        SolveTileAvx512,
                                        SolveFactoredAvx512,
                                        Above};
  return table;
}

}  // namespace hoego::kernels::internal
#endif
