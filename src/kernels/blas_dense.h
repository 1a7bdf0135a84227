#pragma once

#include <cstddef>
#include <span>

#include "base/status.h"

// Large dense algebra by OpenBLAS's serial build: parallelism stays with our own thread pool.
// Matrices are row-major and packed. Results may differ in the last bits between OpenBLAS's own CPU
// kernels, as the levels of simd.h do. Threads: every function from any thread on its own data.
namespace hoego::kernels {

// c := a·b.   a: m x k   b: k x n   c: m x n, written
void Gemm(std::span<const float> a, std::span<const float> b, size_t m, size_t k, size_t n,
          std::span<float> c);

// c := a·b'.   a: m x k   b: n x k   c: m x n, written
void GemmTransposed(std::span<const float> a, std::span<const float> b, size_t m, size_t k,
                    size_t n, std::span<float> c);

// c := x'x, upper triangle only.   x: n x d   c: d x d, written
void SyrkUpper(std::span<const float> x, size_t n, size_t d, std::span<float> c);

// a := a⁻¹ of a symmetric positive definite matrix by Cholesky (potrf, potri); reads the upper
// triangle, leaves the upper triangle of the inverse.   a: n x n FailedPrecondition naming the
// first pivot that was not positive. Cost n³ flops, no extra memory.
Status InvertSpdUpper(std::span<double> a, size_t n);
Status InvertSpdUpper(std::span<float> a, size_t n);

// a = V' diag(eigenvalues) V of a symmetric matrix (syevd); reads the upper triangle and leaves V,
// one eigenvector a row, by ascending eigenvalue.   a: n x n, replaced   eigenvalues: n, written
// Internal when LAPACK does not converge (or meets a NaN). Cost about 9·n³ flops.
Status DecomposeSymmetric(std::span<float> a, std::span<float> eigenvalues);

}  // namespace hoego::kernels
