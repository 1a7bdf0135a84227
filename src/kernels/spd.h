#pragma once

#include <cstddef>
#include <span>

// Small symmetric positive definite systems, one after another: the solves of ALS (d = 16 to 512).
// For one large matrix use kernels/blas_dense.h. Threads: every function from any thread on its own
// data.
namespace hoego::kernels {

// A = U'U in place, by tiles of 16: row-major, only the tiles on and above the diagonal are read
// and written; what is left below the diagonal is unspecified.   a: n x n, packed inverse_diagonal:
// n, written (1 / U[i][i]) False when a pivot is not positive (or NaN): the matrix is not positive
// definite in fp32; `a` is then spoilt. Pre: n is a multiple of kTileFloats: pad with ones on the
// diagonal. Cost n³/3 flops.
[[nodiscard]] bool FactorUpper(std::span<float> a, size_t n, std::span<float> inverse_diagonal);

// b := A⁻¹ b with what FactorUpper left.   b: n. Cost 2n² flops.
void SolveUpper(std::span<const float> u, size_t n, std::span<const float> inverse_diagonal,
                std::span<float> b);

// Factors and solves `count` systems that lie one behind the other: systems: count x n x n   rhs:
// count x n, replaced scratch: n, for the inverse diagonal. Returns how many were solved: less than
// `count` when the next one was not positive definite.
size_t SolveBatch(std::span<float> systems, size_t n, std::span<float> rhs,
                  std::span<float> scratch);

}  // namespace hoego::kernels
