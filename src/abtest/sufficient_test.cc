#include "abtest/sufficient.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"

namespace hoego::abtest {
namespace {

// Doubles over the whole range of exponents, with many near cancellations.
std::vector<double> WildNumbers(Rng& rng, size_t n, int exponents) {
  std::vector<double> numbers;
  for (size_t i = 0; i < n; ++i) {
    const double mantissa = rng.Uniform() - 0.5;
    const int exponent =
        static_cast<int>(rng.Below(static_cast<uint64_t>(2 * exponents))) - exponents;
    numbers.push_back(std::ldexp(mantissa, exponent));
    if (rng.Chance(0.3)) {
      numbers.push_back(-numbers[rng.Below(numbers.size())]);
    }
  }
  return numbers;
}

TEST(ExactSumTest, KeepsWhatPlainAdditionLoses) {
  ExactSum sum;
  for (const double x : {1e100, 1.0, -1e100}) {
    sum.Add(x);
  }
  EXPECT_EQ(sum.value(), 1);
  sum.Subtract(1);
  EXPECT_EQ(sum.value(), 0);
  EXPECT_TRUE(sum == ExactSum());
}

TEST(ExactSumTest, RoundsToNearestWithTiesToEven) {
  const double ulp = std::ldexp(1.0, -52);
  const struct {
    std::vector<double> terms;
    double want;
  } cases[] = {{{1, ulp / 2}, 1},                 // a tie, down to even
               {{1, ulp, ulp / 2}, 1 + 2 * ulp},  // a tie, up to even
               {{1, ulp / 2, 1e-300}, 1 + ulp},   // just above the tie
               {{-1, -ulp / 2, 1e-300}, -1},      // just inside it
               {{1e308, 1e308, -1e308}, 1e308},   // passes beyond the range on its way
               {{5e-324, 5e-324}, 1e-323},        // subnormal
               {{std::ldexp(1.0, 53), 1.0}, std::ldexp(1.0, 53)}};  // a tie across limbs
  for (const auto& c : cases) {
    ExactSum sum;
    for (const double x : c.terms) {
      sum.Add(x);
    }
    EXPECT_EQ(sum.value(), c.want);
  }
}

TEST(ExactSumTest, AgreesWithIntegersAndWithLongDouble) {
  Rng rng(7);
  ExactSum sum;
  __extension__ typedef __int128 Wide;
  Wide want = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto a = static_cast<int64_t>(rng.Next() >> 12) - (int64_t{1} << 51);
    const auto b = static_cast<int64_t>(rng.Next() >> 12) - (int64_t{1} << 51);
    sum.AddProduct(static_cast<double>(a), static_cast<double>(b));
    want += static_cast<Wide>(a) * b;
  }
  EXPECT_EQ(sum.value(), static_cast<double>(want));
}

RC_GTEST_PROP(ExactSumTest, AnyOrderPartitionAndMergeGivesTheSameDigits, ()) {
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  std::vector<double> numbers = WildNumbers(rng, 60, *rc::gen::element(3, 60, 1000));
  ExactSum whole;
  for (const double x : numbers) {
    whole.Add(x);
  }
  rng.Shuffle(numbers);
  ExactSum parts[3];
  for (const double x : numbers) {
    parts[rng.Below(3)].Add(x);
  }
  ExactSum left = parts[0];
  left.Merge(parts[1]);
  left.Merge(parts[2]);
  ExactSum right = parts[1];
  right.Merge(parts[2]);
  ExactSum nested = parts[0];
  nested.Merge(right);
  RC_ASSERT(left == whole);
  RC_ASSERT(nested == whole);
  RC_ASSERT(left.value() == whole.value());
  for (const double x : numbers) {
    left.Subtract(x);
  }
  RC_ASSERT(left == ExactSum());
}

RC_GTEST_PROP(ExactSumTest, TextReadsBackEqual, ()) {
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  ExactSum sum;
  for (const double x : WildNumbers(rng, 20, 900)) {
    sum.Add(x);
  }
  std::string text = "x";
  sum.AppendTo(text);
  text += "rest";
  std::string_view in = std::string_view(text).substr(1);
  ExactSum back;
  RC_ASSERT(back.ReadFrom(in).ok());
  RC_ASSERT(back == sum);
  RC_ASSERT(in == "rest");
  for (size_t cut = 1; cut + 4 < text.size(); ++cut) {
    std::string_view torn = std::string_view(text).substr(1, cut - 1);
    RC_ASSERT(!back.ReadFrom(torn).ok());
  }
}

RC_GTEST_PROP(ArmSumsTest, MergeIsAssociativeAndRemoveTakesBack, ()) {
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  ArmSums whole;
  ArmSums parts[3];
  std::vector<std::pair<double, double>> units;
  for (int i = 0; i < 50; ++i) {
    const std::pair<double, double> unit = {rng.Normal() * std::exp(10 * rng.Normal()),
                                            rng.Uniform()};
    units.push_back(unit);
    whole.Add(unit.first, unit.second);
    parts[rng.Below(3)].Add(unit.first, unit.second);
  }
  ArmSums a = parts[0];
  a.Merge(parts[1]);
  a.Merge(parts[2]);
  ArmSums b = parts[2];
  b.Merge(parts[0]);
  b.Merge(parts[1]);
  RC_ASSERT(a == whole);
  RC_ASSERT(b == whole);
  for (size_t i = 10; i < units.size(); ++i) {
    a.Remove(units[i].first, units[i].second);
  }
  ArmSums first;
  for (size_t i = 0; i < 10; ++i) {
    first.Add(units[i].first, units[i].second);
  }
  RC_ASSERT(a == first);
  std::string text;
  a.AppendTo(text);
  std::string_view in = text;
  ArmSums back;
  RC_ASSERT(back.ReadFrom(in).ok());
  RC_ASSERT(back == a);
}

}  // namespace
}  // namespace hoego::abtest
