#include "kernels/spd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/blas_dense.h"
#include "kernels/internal/test_levels.h"

namespace hoego::kernels {
namespace {

using internal::AtEveryLevel;
using internal::NormalFloats;

// X'X + n·I of seeded normals: positive definite, condition number about 10.
std::vector<float> RandomSpd(size_t n, uint64_t seed) {
  const auto x = NormalFloats(n * n, seed);
  std::vector<float> a(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = i == j ? static_cast<double>(n) : 0.0;
      for (size_t k = 0; k < n; ++k) {
        sum += static_cast<double>(x[k * n + i]) * static_cast<double>(x[k * n + j]);
      }
      a[i * n + j] = static_cast<float>(sum);
    }
  }
  return a;
}

// Largest |A·x − b| / Σ|A·x| by rows, in double precision.
double Residual(const std::vector<float>& a, std::span<const float> x,
                const std::vector<float>& b) {
  const size_t n = b.size();
  double worst = 0;
  for (size_t i = 0; i < n; ++i) {
    double sum = -static_cast<double>(b[i]);
    double magnitude = std::fabs(sum);
    for (size_t j = 0; j < n; ++j) {
      const double term = static_cast<double>(a[i * n + j]) * static_cast<double>(x[j]);
      sum += term;
      magnitude += std::fabs(term);
    }
    worst = std::max(worst, std::fabs(sum) / magnitude);
  }
  return worst;
}

TEST(SpdTest, SolvesRandomSystemsOfEverySizeAtEveryLevel) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t n : {16U, 32U, 48U, 64U, 128U, 160U}) {
      const auto a = RandomSpd(n, n);
      const auto b = NormalFloats(n, n + 1);
      std::vector<float> u = a;
      std::vector<float> inverse(n);
      std::vector<float> x = b;
      ASSERT_TRUE(FactorUpper(u, n, inverse)) << level << " n=" << n;
      SolveUpper(u, n, inverse, x);
      EXPECT_LT(Residual(a, x, b), 2e-6) << level << " n=" << n;
    }
  });
}

// A = L·L' of whole numbers with a diagonal of powers of two: every pivot, quotient and sum is
// exact, so the factor must be that L' to the bit.
TEST(SpdTest, RecoversAnIntegerFactorExactly) {
  constexpr size_t n = 48;
  std::vector<float> upper(n * n, 0.0F);
  Rng rng(7);
  for (size_t i = 0; i < n; ++i) {
    upper[i * n + i] = static_cast<float>(1U << rng.Below(3));
    for (size_t j = i + 1; j < n; ++j) {
      upper[i * n + j] = static_cast<float>(static_cast<int>(rng.Below(5)) - 2);
    }
  }
  std::vector<float> a(n * n, 0.0F);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t k = 0; k <= std::min(i, j); ++k) {
        a[i * n + j] += upper[k * n + i] * upper[k * n + j];
      }
    }
  }
  AtEveryLevel([&](const std::string& level) {
    std::vector<float> u = a;
    std::vector<float> inverse(n);
    ASSERT_TRUE(FactorUpper(u, n, inverse)) << level;
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(inverse[i], 1.0F / upper[i * n + i]);
      for (size_t j = i; j < n; ++j) {
        ASSERT_EQ(u[i * n + j], upper[i * n + j]) << level << " at " << i << "," << j;
      }
    }
  });
}

TEST(SpdTest, AgreesWithLapackInverseTimesRightHandSide) {
  constexpr size_t n = 64;
  const auto a = RandomSpd(n, 3);
  const auto b = NormalFloats(n, 4);
  std::vector<double> inverse(a.begin(), a.end());
  ASSERT_TRUE(InvertSpdUpper(inverse, n).ok());
  AtEveryLevel([&](const std::string& level) {
    std::vector<float> u = a;
    std::vector<float> scratch(n);
    std::vector<float> x = b;
    ASSERT_TRUE(FactorUpper(u, n, scratch));
    SolveUpper(u, n, scratch, x);
    for (size_t i = 0; i < n; ++i) {
      double expected = 0;
      for (size_t j = 0; j < n; ++j) {
        expected += inverse[std::min(i, j) * n + std::max(i, j)] * static_cast<double>(b[j]);
      }
      EXPECT_NEAR(static_cast<double>(x[i]), expected, 1e-5) << level;
    }
  });
}

TEST(SpdTest, RefusesWhatIsNotPositiveDefiniteInAnyTile) {
  AtEveryLevel([](const std::string& level) {
    for (const size_t at : {0U, 5U, 15U, 16U, 40U, 47U}) {
      for (const float bad : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> a(48 * 48, 0.0F);
        for (size_t i = 0; i < 48; ++i) {
          a[i * 48 + i] = 1.0F;
        }
        a[at * 48 + at] = bad;
        std::vector<float> inverse(48);
        EXPECT_FALSE(FactorUpper(a, 48, inverse)) << level << " pivot " << at << " = " << bad;
      }
    }
  });
}

TEST(SpdTest, ABatchSolvesEachSystemAsItWouldAloneAndStopsAtABadOne) {
  constexpr size_t n = 32;
  AtEveryLevel([](const std::string& level) {
    std::vector<float> systems;
    std::vector<float> rhs;
    for (uint64_t s = 0; s < 4; ++s) {
      const auto a = RandomSpd(n, s + 10);
      const auto b = NormalFloats(n, s + 20);
      systems.insert(systems.end(), a.begin(), a.end());
      rhs.insert(rhs.end(), b.begin(), b.end());
    }
    systems[2 * n * n] = -1;
    const std::vector<float> before = rhs;
    std::vector<float> alone = systems;
    std::vector<float> scratch(n);
    EXPECT_EQ(SolveBatch(systems, n, rhs, scratch), 2U) << level;
    for (size_t s = 0; s < 2; ++s) {
      std::vector<float> x(before.begin() + static_cast<long>(s * n),
                           before.begin() + static_cast<long>((s + 1) * n));
      ASSERT_TRUE(FactorUpper(std::span(alone).subspan(s * n * n, n * n), n, scratch));
      SolveUpper(std::span<const float>(alone).subspan(s * n * n, n * n), n, scratch, x);
      EXPECT_TRUE(std::equal(x.begin(), x.end(), rhs.begin() + static_cast<long>(s * n))) << level;
    }
    EXPECT_TRUE(std::equal(before.begin() + 3 * n, before.end(), rhs.begin() + 3 * n)) << level;
  });
}

}  // namespace
}  // namespace hoego::kernels
