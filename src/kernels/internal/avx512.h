#pragma once

// What the AVX-512 files share. Only they include it.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstddef>

#define HOEGO_AVX512 [[gnu::target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]]

// GCC 12 says it of its own _mm512_reduce_add_ps and of undefined registers.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace hoego::kernels::internal {

HOEGO_AVX512 inline __mmask16 TailMask(size_t n) {
  return static_cast<__mmask16>((1U << n) - 1U);
}

// r[i][j] := r[j][i].
HOEGO_AVX512 inline void Transpose16(__m512 (&r)[16]) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // u[4i + c], lane of four L: column 4L + c of rows 4i..4i+3.
  __m512 u[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
    u[i + 1] =
        _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
    u[i + 2] = _mm512_castpd_ps(
        _mm512_unpacklo_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
    u[i + 3] = _mm512_castpd_ps(
        _mm512_unpackhi_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 even_low = _mm512_shuffle_f32x4(u[c], u[4 + c], 0x88);
    const __m512 odd_low = _mm512_shuffle_f32x4(u[c], u[4 + c], 0xdd);
    const __m512 even_high = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0x88);
    const __m512 odd_high = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0xdd);
    r[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
    r[4 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
    r[8 + c] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
    r[12 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
  }
}

// The solves, in avx512_spd.cc: see KernelTable.
bool FactorTileAvx512(float* a, size_t stride, size_t row, float* inverse);
void SolveTileAvx512(float* a, size_t stride, size_t row, size_t column, const float* inverse);
void SolveFactoredAvx512(const float* u, size_t stride, size_t n, const float* inverse, float* b);

}  // namespace hoego::kernels::internal
#endif
