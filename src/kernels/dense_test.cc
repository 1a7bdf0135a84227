#include "kernels/dense.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/internal/test_levels.h"

namespace hoego::kernels {
namespace {

using internal::AtEveryLevel;
using internal::NormalFloats;
using internal::SmallIntegers;
using internal::SumBound;

constexpr size_t kLengths[] = {0,  1,  2,  3,  7,  8,   9,   15,  16,  17,
                               31, 33, 63, 64, 65, 100, 127, 129, 255, 1000};

// Sum of products and of their magnitudes, in double precision.
struct Reference {
  double value = 0;
  double magnitude = 0;
};

Reference DotReference(const float* a, const float* b, size_t n) {
  Reference r;
  for (size_t i = 0; i < n; ++i) {
    const double product = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    r.value += product;
    r.magnitude += std::fabs(product);
  }
  return r;
}

TEST(DenseTest, DotIsWithinItsBoundAtEveryLevelAndLength) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t n : kLengths) {
      const auto a = NormalFloats(n, n + 1);
      const auto b = NormalFloats(n, n + 1001);
      const Reference r = DotReference(a.data(), b.data(), n);
      EXPECT_NEAR(static_cast<double>(Dot(a, b)), r.value, SumBound(n, r.magnitude))
          << level << " n=" << n;
    }
  });
}

TEST(DenseTest, DotOfSmallIntegersIsExactAtEveryLevel) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t n : kLengths) {
      const auto a = SmallIntegers(n, n + 1);
      const auto b = SmallIntegers(n, n + 1001);
      EXPECT_EQ(static_cast<double>(Dot(a, b)), DotReference(a.data(), b.data(), n).value)
          << level << " n=" << n;
    }
  });
}

TEST(DenseTest, NanAndInfinityPropagateFromAnyPosition) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity()};
  AtEveryLevel([&](const std::string& level) {
    for (const float value : bad) {
      for (size_t at = 0; at < 37; ++at) {
        std::vector<float> a(37, 1.0F);
        const std::vector<float> b(37, 1.0F);
        a[at] = value;
        EXPECT_FALSE(std::isfinite(Dot(a, b))) << level << " at " << at;
        std::vector<float> y(37, 0.0F);
        Axpy(2.0F, a, y);
        for (size_t j = 0; j < 37; ++j) {
          EXPECT_EQ(std::isfinite(y[j]), j != at) << level;
        }
      }
    }
  });
}

TEST(DenseTest, AxpyTouchesItsVectorAndNothingBehindIt) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t n : kLengths) {
      const auto x = SmallIntegers(n, n + 5);
      std::vector<float> y = SmallIntegers(n + 20, n + 6);
      std::vector<float> expected = y;
      for (size_t i = 0; i < n; ++i) {
        expected[i] += 3.0F * x[i];
      }
      Axpy(3.0F, x, std::span(y).first(n));
      EXPECT_EQ(y, expected) << level << " n=" << n;
    }
  });
}

TEST(DenseTest, ScoreAllEqualsADotOfEachRowAtOddShapesAndStrides) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t d : {1U, 7U, 16U, 33U, 64U, 100U}) {
      for (const size_t n : {0U, 1U, 3U, 4U, 5U, 11U}) {
        for (const size_t stride : {d, d + 5}) {
          const auto query = NormalFloats(d, d);
          const auto items = NormalFloats(n * stride, d + n);
          std::vector<float> scores(n + 3, -1.0F);
          ScoreAll(query, items, stride, std::span(scores).first(n));
          for (size_t i = 0; i < n; ++i) {
            const Reference r = DotReference(query.data(), items.data() + i * stride, d);
            EXPECT_NEAR(static_cast<double>(scores[i]), r.value, SumBound(d, r.magnitude))
                << level << " " << d << " " << n;
          }
          EXPECT_EQ(scores[n], -1.0F) << level;
        }
      }
    }
  });
}

TEST(DenseTest, AddRowsSumsIndexedRowsExactlyOnIntegers) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t d : {1U, 8U, 15U, 16U, 48U, 64U, 129U, 300U}) {
      const size_t stride = d + 3;
      const auto rows = SmallIntegers(20 * stride, d);
      const std::vector<uint32_t> index = {4, 0, 19, 4, 7};
      const std::vector<float> weights = {1, -2, 3, 0, 5};
      std::vector<float> out = SmallIntegers(d + 9, d + 1);
      std::vector<float> expected = out;
      for (size_t k = 0; k < index.size(); ++k) {
        for (size_t j = 0; j < d; ++j) {
          expected[j] += weights[k] * rows[index[k] * stride + j];
        }
      }
      AddRows(rows, stride, index, weights, std::span(out).first(d));
      EXPECT_EQ(out, expected) << level << " d=" << d;
      AddRows(rows, stride, {}, {}, std::span(out).first(d));
      EXPECT_EQ(out, expected) << level << " no rows";
    }
  });
}

TEST(DenseTest, GatherRowsCopiesScaledRowsInTheOrderOfTheIndex) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t d : {1U, 7U, 16U, 33U, 64U}) {
      const size_t stride = d + 2;
      const auto rows = SmallIntegers(30 * stride, d);
      std::vector<uint32_t> index;
      for (uint32_t k = 0; k < 25; ++k) {
        index.push_back(k * 7 % 30);
      }
      const auto scale = SmallIntegers(25, 4);
      std::vector<float> out(25 * d + 4, -99.0F);
      std::vector<float> plain = out;
      GatherRows(rows, stride, index, scale, d, std::span(out).first(25 * d));
      GatherRows(rows, stride, index, {}, d, std::span(plain).first(25 * d));
      for (size_t k = 0; k < 25; ++k) {
        for (size_t j = 0; j < d; ++j) {
          EXPECT_EQ(out[k * d + j], scale[k] * rows[index[k] * stride + j]) << level << " d=" << d;
          EXPECT_EQ(plain[k * d + j], rows[index[k] * stride + j]) << level << " d=" << d;
        }
      }
      EXPECT_EQ(out[25 * d], -99.0F) << level;
      std::vector<float> sum(d, 1.0F);
      std::vector<float> twin(d, 1.0F);
      AddRows(rows, stride, index, scale, sum);
      AddRows(out, d, std::vector<float>(25, 1.0F), twin);
      EXPECT_EQ(sum, twin) << level;
    }
  });
}

TEST(DenseTest, GatherTransposedScalesBothSidesAndPadsWithZeros) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t d : {16U, 32U, 80U}) {
      const size_t stride = d + 16;
      const auto rows = SmallIntegers(30 * stride, d);
      const auto column_scale = SmallIntegers(d, 9);
      for (const size_t n : {0U, 1U, 15U, 16U, 17U, 40U}) {
        std::vector<uint32_t> index;
        for (uint32_t k = 0; k < n; ++k) {
          index.push_back(k * 7 % 30);
        }
        const auto scale = SmallIntegers(n, 4);
        for (const size_t padded : {PaddedLength(n), PaddedLength(n) + 16}) {
          std::vector<float> out(d * padded + 5, -99.0F);
          GatherTransposed(rows, stride, index, scale, column_scale, padded,
                           std::span(out).first(d * padded));
          for (size_t j = 0; j < d; ++j) {
            for (size_t k = 0; k < padded; ++k) {
              const float expected =
                  k < n ? scale[k] * column_scale[j] * rows[index[k] * stride + j] : 0.0F;
              ASSERT_EQ(out[j * padded + k], expected)
                  << level << " d=" << d << " n=" << n << " at " << j << "," << k;
            }
          }
          EXPECT_EQ(out[d * padded], -99.0F) << level;
        }
      }
    }
  });
}

TEST(DenseTest, NormalProductEqualsItsDefinition) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t d : {16U, 32U, 48U, 64U, 128U, 144U}) {
      for (const size_t n : {0U, 1U, 3U, 4U, 6U, 9U}) {
        const auto x = SmallIntegers(n * d, d + n);
        const auto a = SmallIntegers(n, n);
        const auto w = SmallIntegers(n, n + 7);
        const auto p = SmallIntegers(d, d + 2);
        std::vector<float> out = SmallIntegers(d, 3);
        std::vector<float> bare = out;
        std::vector<double> expected(out.begin(), out.end());
        std::vector<double> expected_bare = expected;
        for (size_t k = 0; k < n; ++k) {
          const double dot = DotReference(x.data() + k * d, p.data(), d).value;
          for (size_t j = 0; j < d; ++j) {
            const double xkj = static_cast<double>(x[k * d + j]);
            expected[j] += (static_cast<double>(a[k]) + static_cast<double>(w[k]) * dot) * xkj;
            expected_bare[j] += static_cast<double>(w[k]) * dot * xkj;
          }
        }
        AddNormalProduct(x, a, w, p, out);
        AddNormalProduct(x, {}, w, p, bare);
        for (size_t j = 0; j < d; ++j) {
          EXPECT_EQ(static_cast<double>(out[j]), expected[j]) << level << " d=" << d << " n=" << n;
          EXPECT_EQ(static_cast<double>(bare[j]), expected_bare[j])
              << level << " d=" << d << " n=" << n;
        }
      }
    }
  });
}

TEST(DenseTest, GramOfIntegersIsExactAndAddsToWhatWasThere) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t d : {0U, 16U, 32U, 80U}) {
      for (const size_t n : {0U, 1U, 2U, 37U}) {
        const auto x = SmallIntegers(n * d, d + n);
        std::vector<float> gram(d * d, 2.0F);
        AddGramUpper(x, d, gram);
        MirrorUpper(gram, d);
        for (size_t i = 0; i < d; ++i) {
          for (size_t j = 0; j < d; ++j) {
            double expected = 2;
            for (size_t k = 0; k < n; ++k) {
              expected += static_cast<double>(x[k * d + i]) * static_cast<double>(x[k * d + j]);
            }
            ASSERT_EQ(static_cast<double>(gram[i * d + j]), expected)
                << level << " d=" << d << " n=" << n;
          }
        }
      }
    }
  });
}

TEST(AlignedTest, BuffersStartOnACacheLineAndLengthsArePaddedToTiles) {
  for (const size_t n : {1U, 5U, 1000U}) {
    const AlignedFloats buffer(n);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0U);
  }
  EXPECT_EQ(PaddedLength(0), 0U);
  EXPECT_EQ(PaddedLength(1), 16U);
  EXPECT_EQ(PaddedLength(64), 64U);
  EXPECT_EQ(PaddedLength(65), 80U);
}

}  // namespace
}  // namespace hoego::kernels
