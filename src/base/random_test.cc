#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace hoego {
namespace {

// The first outputs of splitmix64 from the state 1234567, as published with its reference code.
TEST(RandomTest, Mix64IsSplitmix64) {
  uint64_t state = 1234567;
  for (const uint64_t expected :
       {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
        4593380528125082431ULL, 16408922859458223821ULL}) {
    EXPECT_EQ(Mix64(state), expected);
    state += 0x9e3779b97f4a7c15ULL;
  }
}

// Computed by an independent program written from the published descriptions of both generators.
TEST(RandomTest, RngIsXoshiro256PlusPlusSeededBySplitmix64) {
  struct Known {
    uint64_t seed;
    std::array<uint64_t, 4> first;
    uint64_t thousandth;
    double uniform;
  };
  const std::array<Known, 3> known = {
      {{0,
        {0x53175d61490b23df, 0x61da6f3dc380d507, 0x5c0fdf91ec9a7bfc, 0x2eebf8c3bbe5e1a},
        0x376300fa032f6483,
        0.3245752680314067},
       {42,
        {0xd0764d4f4476689f, 0x519e4174576f3791, 0xfbe07cfb0c24ed8c, 0xb37d9f600cd835b8},
        0xa3ed059c1cc38790,
        0.8143051451229099},
       {~0ULL,
        {0x56ccf8ce948e27b2, 0xe68588432e5a5b90, 0xe3e9b5a48119ca8b, 0x460f19495532ae73},
        0x6e67f58f11f35060,
        0.33906512301887703}}};
  for (const Known& k : known) {
    Rng rng(k.seed);
    for (const uint64_t expected : k.first) {
      EXPECT_EQ(rng.Next(), expected);
    }
    for (int i = 4; i < 999; ++i) {
      rng.Next();
    }
    EXPECT_EQ(rng.Next(), k.thousandth);
    EXPECT_EQ(Rng(k.seed).Uniform(), k.uniform);
  }
}

TEST(RandomTest, BelowStaysBelowAndHitsEveryValueEvenly) {
  Rng rng(7);
  std::array<int, 6> hits{};
  constexpr int kDraws = 60000;
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t v = rng.Below(hits.size());
    ASSERT_LT(v, hits.size());
    ++hits[v];
  }
  // Chi-square with 5 degrees of freedom: 20.5 is passed once in a thousand seeds.
  double chi = 0;
  for (const int n : hits) {
    chi += std::pow(n - kDraws / 6.0, 2) / (kDraws / 6.0);
  }
  EXPECT_LT(chi, 20.5);
  EXPECT_EQ(rng.Below(1), 0U);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_LT(rng.Below((1ULL << 63) + 1), (1ULL << 63) + 1);
  }
}

// Without rejection, Below(3 * 2^62) would give each third of its range a different share.
TEST(RandomTest, BelowHasNoModuloBias) {
  Rng rng(11);
  constexpr uint64_t kThird = 1ULL << 62;
  std::array<int, 3> hits{};
  constexpr int kDraws = 30000;
  for (int i = 0; i < kDraws; ++i) {
    ++hits[rng.Below(3 * kThird) % 3];
  }
  for (const int n : hits) {
    EXPECT_NEAR(n, kDraws / 3, 4 * std::sqrt(kDraws * 2.0 / 9));
  }
}

TEST(RandomTest, UniformHasTheMomentsOfUniform) {
  Rng rng(3);
  constexpr int kDraws = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.Uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 4 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 4 * std::sqrt(4.0 / 45 / kDraws));
}

TEST(RandomTest, NormalHasTheMomentsOfNormal) {
  Rng rng(5);
  constexpr int kDraws = 100000;
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = rng.Normal();
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
    beyond_two += std::abs(z) > 2 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kDraws, 0, 4 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1, 4 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(fourths / kDraws, 3, 4 * std::sqrt(96.0 / kDraws));
  EXPECT_NEAR(beyond_two / double{kDraws}, 0.0455, 4 * std::sqrt(0.0455 * 0.9545 / kDraws));
}

TEST(RandomTest, ShuffleGivesEveryOrderEvenly) {
  Rng rng(9);
  std::map<std::vector<int>, int> orders;
  constexpr int kDraws = 24000;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<int> v = {1, 2, 3, 4};
    rng.Shuffle(v);
    ++orders[v];
  }
  EXPECT_EQ(orders.size(), 24U);
  for (const auto& [order, n] : orders) {
    EXPECT_NEAR(n, 1000, 4 * std::sqrt(1000.0 * 23 / 24));
  }
}

TEST(RandomTest, HashBytesTellsContentLengthAndSeedApart) {
  std::set<uint64_t> seen;
  std::string text;
  for (int length = 0; length < 40; ++length) {
    seen.insert(HashBytes(text));
    seen.insert(HashBytes(text, 1));
    std::string other = text;
    if (!other.empty()) {
      other.back() = 'b';
      seen.insert(HashBytes(other));
    }
    text += '\0';  // zeros, so that only the length tells them apart
  }
  EXPECT_EQ(seen.size(), 40U + 40U + 39U);
  EXPECT_EQ(HashBytes("abc"), HashBytes(std::string("abc")));
}

// Each flipped input bit should flip each output bit half of the time.
TEST(RandomTest, HashBytesSpreadsEveryBit) {
  Rng rng(1);
  int flips = 0;
  constexpr int kTrials = 2000;
  for (int i = 0; i < kTrials; ++i) {
    std::string text(1 + rng.Below(30), '\0');
    for (char& c : text) {
      c = static_cast<char>(rng.Below(256));
    }
    const uint64_t before = HashBytes(text);
    text[rng.Below(text.size())] ^= static_cast<char>(1 << rng.Below(8));
    flips += __builtin_popcountll(before ^ HashBytes(text));
  }
  EXPECT_NEAR(flips / double{kTrials}, 32, 4 * 4 / std::sqrt(kTrials));
}

}  // namespace
}  // namespace hoego
