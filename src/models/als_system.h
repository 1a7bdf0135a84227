#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"

// The linear system behind one row of implicit alternating least squares, shared by training (a
// half-step solves it for every row) and by the model (fold-in solves it for one unit), so that
// both give the same vector.
namespace hoego::models {

// The loss of Rendle et al., "Revisiting the Performance of iALS on Item Recommendation
// Benchmarks", RecSys 2022, equations 1-4, with a weight for each observed pair:
//   Σ_{(u,i) seen} |w_ui|·(p_ui − x_u·y_i)² + alpha0 Σ_{all u,i} (x_u·y_i)²
//     + regularization·( Σ_u (|I_u| + alpha0·|I|)^nu ‖x_u‖² + Σ_i (|U_i| + alpha0·|U|)^nu ‖y_i‖² )
// p_ui = 1, or 0 where w_ui < 0: the size of a negative weight says how sure the dislike is.
struct AlsObjective {
  double alpha0 = 0.1;
  double regularization = 0.003;
  double nu = 1;
};

// What a half-step holds fixed: the vectors Y of the other side, turned into the basis in which Y'Y
// is diagonal. The loss does not change when X and Y are turned together, and in that basis the
// part of the system that all rows share is a diagonal: nothing of it has to be copied or
// multiplied, and a row with few events needs no d x d matrix at all (SolveShort).
struct AlsSide {
  std::span<const float> factors;  // count x stride, columns beyond the real factors are 0
  uint32_t count = 0;
  size_t stride = 0;  // a multiple of kernels::kTileFloats
  AlsObjective objective;
  kernels::AlignedFloats spectrum;  // stride: the diagonal of Y'Y; 0 beyond the real factors

  // The weight of ‖x‖² for a row with `events` entries.
  float Ridge(size_t events) const;
};

// spectrum: at most stride, padded here.   factors: count x stride, must outlive the result
AlsSide MakeAlsSide(std::span<const float> factors, uint32_t count, size_t stride,
                    std::span<const float> spectrum, const AlsObjective& objective);

// Solves rows one after the other: (D + Σ_k |w_k|·y_k·y_k') x = Σ_{w_k > 0} w_k·y_k, y_k =
// factors[index[k]], D = diag(alpha0·spectrum + ridge). Life: keeps its buffers from row to row;
// the largest holds 1 MiB of gathered vectors (or 32 of them when longer) and stride² floats.
// Threads: one thread at a time. Deterministic: same input and SIMD level, same bits.
class AlsRowSolver {
 public:
  // By Cholesky, in the cheaper of two forms. False when the matrix is not positive definite in
  // fp32; x is then 0. index, weights: n   x: stride, written
  bool SolveExact(const AlsSide& side, std::span<const uint32_t> index,
                  std::span<const float> weights, std::span<float> x);

  // The d x d form: 2·n·d² + d³/3 flops. After it returned true SolveAgain may be called.
  bool SolveLong(const AlsSide& side, std::span<const uint32_t> index,
                 std::span<const float> weights, std::span<float> x);

  // The n x n form, for rows with fewer events than factors: with Z = √w·Y·D^(−½) (n x d) and t =
  // p·√w,
  //   x = D^(−½) Z' (I + Z Z')⁻¹ t
  // (the Sherman–Morrison–Woodbury identity): n²·d + n³/3 flops.
  bool SolveShort(const AlsSide& side, std::span<const uint32_t> index,
                  std::span<const float> weights, std::span<float> x);

  // After SolveLong returned true: b := A⁻¹b with the same matrix.   b: stride
  void SolveAgain(std::span<float> b) const;

  // `steps` of conjugate gradients from what x holds (a warm start), as in Takács, Pilászy, Tikk,
  // "Applications of the conjugate gradient method for implicit feedback collaborative filtering",
  // RecSys 2011, preconditioned by an estimate of the diagonal: D + (Σ|w|)·spectrum/count, as if
  // the row had met items at random. index, weights: n   x: stride, start and result
  void SolveCg(const AlsSide& side, std::span<const uint32_t> index, std::span<const float> weights,
               int steps, std::span<float> x);

 private:
  void PrepareWeights(std::span<const float> weights);
  void PrepareDiagonal(const AlsSide& side,
                       size_t events);  // diagonal_ = alpha0·spectrum + ridge
  // out += Σ_k (offsets_k + w_k·(y_k·p))·y_k; the rows are gathered once when they fit the buffer.
  void AddProduct(const AlsSide& side, std::span<const uint32_t> index,
                  std::span<const float> offsets, std::span<const float> w,
                  std::span<const float> p, std::span<float> out, bool rows_are_gathered);

  kernels::AlignedFloats matrix_;
  kernels::AlignedFloats inverse_diagonal_;  // of the factor
  kernels::AlignedFloats diagonal_;          // D
  kernels::AlignedFloats scale_;             // D^(−½), or the preconditioner
  kernels::AlignedFloats rows_;              // gathered vectors of the other side
  kernels::AlignedFloats short_;             // right-hand side and solution of the n x n form
  std::vector<float> magnitude_;             // |w|
  std::vector<float> minus_magnitude_;
  std::vector<float> positive_;       // max(w, 0)
  std::vector<float> root_;           // √|w|
  std::vector<float> root_positive_;  // √|w|, 0 where w < 0
  bool all_ones_ = false;
  float total_ = 0;  // Σ|w|
  kernels::AlignedFloats residual_;
  kernels::AlignedFloats direction_;
  kernels::AlignedFloats product_;
};

}  // namespace hoego::models
