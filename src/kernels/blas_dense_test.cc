#include "kernels/blas_dense.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/internal/test_levels.h"

namespace hoego::kernels {
namespace {

using internal::NormalFloats;
using internal::SmallIntegers;

TEST(BlasDenseTest, ProductsOfSmallIntegersEqualTheTripleLoop) {
  constexpr size_t m = 5;
  constexpr size_t k = 7;
  constexpr size_t n = 9;
  const auto a = SmallIntegers(m * k, 1);
  const auto b = SmallIntegers(k * n, 2);
  std::vector<float> bt(n * k);
  std::vector<float> expected(m * n, 0.0F);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t l = 0; l < k; ++l) {
        expected[i * n + j] += a[i * k + l] * b[l * n + j];
        bt[j * k + l] = b[l * n + j];
      }
    }
  }
  std::vector<float> c(m * n, 99.0F);
  Gemm(a, b, m, k, n, c);
  EXPECT_EQ(c, expected);
  std::fill(c.begin(), c.end(), 99.0F);
  GemmTransposed(a, bt, m, k, n, c);
  EXPECT_EQ(c, expected);
}

TEST(BlasDenseTest, SyrkFillsTheUpperTriangleOfXTransposedX) {
  constexpr size_t n = 11;
  constexpr size_t d = 6;
  const auto x = SmallIntegers(n * d, 3);
  std::vector<float> c(d * d, 0.0F);
  SyrkUpper(x, n, d, c);
  for (size_t i = 0; i < d; ++i) {
    for (size_t j = i; j < d; ++j) {
      float expected = 0;
      for (size_t r = 0; r < n; ++r) {
        expected += x[r * d + i] * x[r * d + j];
      }
      EXPECT_EQ(c[i * d + j], expected);
    }
  }
}

template <class T>
void ExpectInverse(double tolerance) {
  constexpr size_t n = 37;
  const auto x = NormalFloats(n * n, 8);
  std::vector<T> a(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      T sum = i == j ? T{10} : T{0};
      for (size_t k = 0; k < n; ++k) {
        sum += static_cast<T>(x[k * n + i]) * static_cast<T>(x[k * n + j]);
      }
      a[i * n + j] = sum;
    }
  }
  std::vector<T> inverse = a;
  ASSERT_TRUE(InvertSpdUpper(inverse, n).ok());
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double product = 0;
      for (size_t k = 0; k < n; ++k) {
        product += static_cast<double>(a[i * n + k]) *
                   static_cast<double>(inverse[std::min(k, j) * n + std::max(k, j)]);
      }
      EXPECT_NEAR(product, i == j ? 1.0 : 0.0, tolerance);
    }
  }
}

TEST(BlasDenseTest, AMatrixTimesItsInverseIsOne) {
  ExpectInverse<double>(1e-12);
  ExpectInverse<float>(1e-4);
}

TEST(BlasDenseTest, AnIndefiniteMatrixIsRefusedWithItsPivot) {
  std::vector<double> a = {1, 0, 0, 0, -1, 0, 0, 0, 1};
  const Status status = InvertSpdUpper(a, 3);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("pivot 1"), std::string_view::npos);
}

TEST(BlasDenseTest, EigenvectorsAreOrthogonalRowsThatRebuildTheMatrix) {
  constexpr size_t n = 33;
  const auto x = NormalFloats(n * n, 5);
  std::vector<float> a(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      a[i * n + j] = x[std::min(i, j) * n + std::max(i, j)];
    }
  }
  std::vector<float> v = a;
  std::vector<float> w(n);
  ASSERT_TRUE(DecomposeSymmetric(v, w).ok());
  EXPECT_TRUE(std::is_sorted(w.begin(), w.end()));
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double rebuilt = 0;
      double product = 0;
      for (size_t k = 0; k < n; ++k) {
        rebuilt += static_cast<double>(w[k]) * static_cast<double>(v[k * n + i]) *
                   static_cast<double>(v[k * n + j]);
        product += static_cast<double>(v[i * n + k]) * static_cast<double>(v[j * n + k]);
      }
      EXPECT_NEAR(rebuilt, static_cast<double>(a[i * n + j]), 2e-5);
      EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 1e-5);
    }
  }
}

TEST(BlasDenseTest, EmptyShapesAreFine) {
  Gemm({}, {}, 0, 0, 0, {});
  SyrkUpper({}, 0, 0, {});
  std::vector<double> none;
  EXPECT_TRUE(InvertSpdUpper(none, 0).ok());
  std::vector<float> c(4, 5.0F);
  Gemm({}, {}, 2, 0, 2, c);
  EXPECT_EQ(c, std::vector<float>(4, 0.0F));
}

}  // namespace
}  // namespace hoego::kernels
