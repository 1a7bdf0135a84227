// AVX-512 bodies of the Cholesky factorisation by tiles and its solves.
#if defined(__x86_64__)
#include <cmath>

#include "kernels/internal/avx512.h"
#include "kernels/internal/table.h"

namespace hoego::kernels::internal {
namespace {

// The lane `i` of v in all lanes.
HOEGO_AVX512 inline __m512 SpreadLane(__m512 v, int i) {
  return _mm512_permutexvar_ps(_mm512_set1_epi32(i), v);
}

// Sixteen entries of b at a time stay in a register while their triangle is solved; the rest of b
// is then updated at once.
HOEGO_AVX512 void SolveForward(const float* u, size_t stride, size_t n, const float* inverse,
                               float* b) {
  for (size_t t = 0; t < n; t += kTile) {
    __m512 v = _mm512_mul_ps(_mm512_loadu_ps(b + t), _mm512_loadu_ps(inverse + t));
    const __m512 inv = _mm512_loadu_ps(inverse + t);
    __m512 y[16];
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      // v holds (b − Σ earlier)·inverse: scaling the rows by `inv` first keeps the multiply off the
      // chain.
      y[p] = SpreadLane(v, p);
      const __m512 row =
          _mm512_mul_ps(_mm512_loadu_ps(u + (t + static_cast<size_t>(p)) * stride + t), inv);
      v = _mm512_mask3_fnmadd_ps(y[p], row, v, static_cast<__mmask16>(0xfffeU << p));
    }
    _mm512_storeu_ps(b + t, v);
    for (size_t j = t + kTile; j < n; j += kTile) {
      __m512 s0 = _mm512_loadu_ps(b + j);
      __m512 s1 = _mm512_setzero_ps();
#pragma GCC unroll 8
      for (int p = 0; p < 16; p += 2) {
        s0 = _mm512_fnmadd_ps(y[p], _mm512_loadu_ps(u + (t + static_cast<size_t>(p)) * stride + j),
                              s0);
        s1 = _mm512_fnmadd_ps(
            y[p + 1], _mm512_loadu_ps(u + (t + static_cast<size_t>(p) + 1) * stride + j), s1);
      }
      _mm512_storeu_ps(b + j, _mm512_add_ps(s0, s1));
    }
  }
}

// The same from the end, by rows: sixteen dot products at once, then their triangle.
HOEGO_AVX512 void SolveBackward(const float* u, size_t stride, size_t n, const float* inverse,
                                float* b) {
  for (size_t t = n; t > 0;) {
    t -= kTile;
    __m512 s[16];
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      s[p] = _mm512_setzero_ps();
    }
    for (size_t j = t + kTile; j < n; j += kTile) {
      const __m512 x = _mm512_loadu_ps(b + j);
#pragma GCC unroll 16
      for (int p = 0; p < 16; ++p) {
        s[p] = _mm512_fmadd_ps(_mm512_loadu_ps(u + (t + static_cast<size_t>(p)) * stride + j), x,
                               s[p]);
      }
    }
    // After the transposition the sum over the registers is the vector of the sixteen sums.
    Transpose16(s);
#pragma GCC unroll 4
    for (int width = 8; width > 0; width /= 2) {
#pragma GCC unroll 8
      for (int p = 0; p < width; ++p) {
        s[p] = _mm512_add_ps(s[p], s[p + width]);
      }
    }
    const __m512 inv = _mm512_loadu_ps(inverse + t);
    __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(b + t), s[0]), inv);
    __m512 column[16];
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      column[p] = _mm512_loadu_ps(u + (t + static_cast<size_t>(p)) * stride + t);
    }
    Transpose16(column);
#pragma GCC unroll 16
    for (int p = 15; p > 0; --p) {
      const __m512 x = SpreadLane(v, p);
      v = _mm512_mask3_fnmadd_ps(x, _mm512_mul_ps(column[p], inv), v,
                                 static_cast<__mmask16>((1U << p) - 1U));
    }
    _mm512_storeu_ps(b + t, v);
  }
}

}  // namespace

// s[i] -= Σ_{k < row} a[k][row + i]·a[k][column..column+15].
#define HOEGO_SUBTRACT_EARLIER(s, a, stride, row, column)            \
  for (size_t k = 0; k < (row); ++k) {                               \
    const __m512 v = _mm512_loadu_ps((a) + k * (stride) + (column)); \
    const float* u = (a) + k * (stride) + (row);                     \
    _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) {          \
      (s)[i] = _mm512_fnmadd_ps(_mm512_set1_ps(u[i]), v, (s)[i]);    \
    }                                                                \
  }

HOEGO_AVX512 bool FactorTileAvx512(float* a, size_t stride, size_t row, float* inverse) {
  float* tile = a + row * stride + row;
  __m512 s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    s[i] = _mm512_loadu_ps(tile + static_cast<size_t>(i) * stride);
  }
  HOEGO_SUBTRACT_EARLIER(s, a, stride, row, row)
#pragma GCC unroll 16
  for (int p = 0; p < 16; ++p) {
    float* done = tile + static_cast<size_t>(p) * stride;
    _mm512_storeu_ps(done, s[p]);
    const float pivot = done[p];
    if (!(pivot > 0)) {
      return false;
    }
    inverse[p] = 1.0F / std::sqrt(pivot);
    s[p] = _mm512_mul_ps(s[p], _mm512_set1_ps(inverse[p]));
    _mm512_storeu_ps(done, s[p]);
#pragma GCC unroll 16
    for (int i = p + 1; i < 16; ++i) {
      s[i] = _mm512_fnmadd_ps(_mm512_set1_ps(done[i]), s[p], s[i]);
    }
  }
  return true;
}

HOEGO_AVX512 void SolveTileAvx512(float* a, size_t stride, size_t row, size_t column,
                                  const float* inverse) {
  float* tile = a + row * stride + column;
  const float* diagonal = a + row * stride + row;
  __m512 s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    s[i] = _mm512_loadu_ps(tile + static_cast<size_t>(i) * stride);
  }
  HOEGO_SUBTRACT_EARLIER(s, a, stride, row, column)
#pragma GCC unroll 16
  for (int p = 0; p < 16; ++p) {
    s[p] = _mm512_mul_ps(s[p], _mm512_set1_ps(inverse[p]));
    const float* u = diagonal + static_cast<size_t>(p) * stride;
#pragma GCC unroll 16
    for (int i = p + 1; i < 16; ++i) {
      s[i] = _mm512_fnmadd_ps(_mm512_set1_ps(u[i]), s[p], s[i]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    _mm512_storeu_ps(tile + static_cast<size_t>(i) * stride, s[i]);
  }
}
#undef HOEGO_SUBTRACT_EARLIER

HOEGO_AVX512 void SolveFactoredAvx512(const float* u, size_t stride, size_t n, const float* inverse,
                                      float* b) {
  SolveForward(u, stride, n, inverse, b);
  SolveBackward(u, stride, n, inverse, b);
}

}  // namespace hoego::kernels::internal
#endif
