#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// Vectors and rows of fp32. Matrices are row-major. No kernel here allocates; any alignment will
// do, 64 bytes is fastest. NaN and infinities propagate as IEEE 754 says.
//
// SIMD levels (kernels/simd.h) add in different orders and may fuse: two of them differ by at most
// terms · 1.2e-7 · Σ |a_i·b_i| per sum of products; when all products and partial sums are whole
// numbers below 2^24 they are equal to the bit. Threads: every function from any thread.
namespace hoego::kernels {

// Σ a[i]·b[i]; 0 for empty ones.   a, b: n
// Pre: a.size() == b.size().
float Dot(std::span<const float> a, std::span<const float> b);

// y += alpha·x.   x, y: n
// Pre: x.size() == y.size(); no overlap.
void Axpy(float alpha, std::span<const float> x, std::span<float> y);

// scores[i] = query · items[i].   query: d   items: n x stride, of each row the first d are used
// scores: n, written Pre: stride >= d; items.size() >= n * stride (of the last row d suffice).
void ScoreAll(std::span<const float> query, std::span<const float> items, size_t stride,
              std::span<float> scores);

// out += Σ_k weights[k]·rows[index[k]].   rows: any x stride   index, weights: n   out: d <=
// stride, added to Pre: index.size() == weights.size(); every indexed row lies within `rows`. Order
// of k is the order of the sum.
void AddRows(std::span<const float> rows, size_t stride, std::span<const uint32_t> index,
             std::span<const float> weights, std::span<float> out);

// out += Σ_k weights[k]·rows[k].   rows: n x stride   weights: n   out: d <= stride, added to
void AddRows(std::span<const float> rows, size_t stride, std::span<const float> weights,
             std::span<float> out);

// out row k := scale[k]·rows[index[k]]; an empty scale means ones. Asks the cache for rows ahead of
// their use. rows: any x stride   index: n   scale: n or empty   out: n x d, packed, written; d <=
// stride Pre: every indexed row lies within `rows`.
void GatherRows(std::span<const float> rows, size_t stride, std::span<const uint32_t> index,
                std::span<const float> scale, size_t d, std::span<float> out);

// The same, transposed and scaled on both sides: out[j][k] :=
// scale[k]·column_scale[j]·rows[index[k]][j], and 0 for k >= n. rows: any x stride   index, scale:
// n   column_scale: d   out: d x padded, written Pre: d and padded are multiples of kTileFloats;
// padded >= n; every indexed row lies within `rows`, which has at least one.
void GatherTransposed(std::span<const float> rows, size_t stride, std::span<const uint32_t> index,
                      std::span<const float> scale, std::span<const float> column_scale,
                      size_t padded, std::span<float> out);

// out += Σ_k (offsets[k] + weights[k]·(x_k · p))·x_k: a product with X' diag(weights) X and X' at
// once, each row read once. x: n x d, packed   offsets: n, or empty for zeros   weights: n   p,
// out: d Pre: d is a multiple of kTileFloats.
void AddNormalProduct(std::span<const float> x, std::span<const float> offsets,
                      std::span<const float> weights, std::span<const float> p,
                      std::span<float> out);

// gram += X'X, tiles on and above the diagonal only: the kernel of ALS, where X holds the gathered
// rows times the square root of their weight.   x: n x d, packed   gram: d x d, packed Pre: d is a
// multiple of kTileFloats. Cost n·d² flops; keep n·d below the L1 or L2 size and call it block by
// block.
void AddGramUpper(std::span<const float> x, size_t d, std::span<float> gram);

// Copies the upper triangle of a d x d matrix onto the lower.
void MirrorUpper(std::span<float> matrix, size_t d);

}  // namespace hoego::kernels
